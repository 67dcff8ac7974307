namespace RateWall.IntegrationTests.Wall;

/// <summary>
/// What each limit promises, as plainly as it can be said and without the kernel. Times are in seconds; true: let through.
/// </summary>
internal static class LimitModels
{
    /// <summary>At most N connections in any S seconds.</summary>
    public static Func<double, bool> Window(int connections, int seconds)
    {
        var passed = new List<double>();
        return now =>
        {
            if (passed.Count(t => now - t < seconds) >= connections) return false;
            passed.Add(now);
            return true;
        };
    }

    /// <summary>A window; whoever overruns it stays out until S seconds have gone by without a try.</summary>
    public static Func<double, bool> Quiet(int connections, int seconds)
    {
        Func<double, bool> window = Window(connections, seconds);
        double refused = double.NegativeInfinity;
        return now =>
        {
            if (now - refused >= seconds && window(now)) return true;
            refused = now;
            return false;
        };
    }

    /// <summary>A bucket that holds N and gains N in S seconds.</summary>
    public static Func<double, bool> Bucket(int connections, int seconds)
    {
        double tokens = connections, last = double.NegativeInfinity;
        return now =>
        {
            tokens = Math.Min(connections, tokens + ((now - last) * connections / seconds));
            last = now;
            if (tokens < 1) return false;
            tokens--;
            return true;
        };
    }

    /// <summary>
    /// xt_recent's "--set", then "--update --seconds S --hitcount N -j DROP" (net/netfilter/xt_recent.c): a ring of stamps, as many
    /// as the power of two that N needs; each try leaves one, and a refused one another.
    /// </summary>
    public static Func<double, bool> XtRecentUpdate(int hitCount, int seconds)
    {
        int room = (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)hitCount);
        var stamps = new Queue<double>();
        void Stamp(double now)
        {
            if (stamps.Count == room) stamps.Dequeue();
            stamps.Enqueue(now);
        }

        return now =>
        {
            Stamp(now);
            if (stamps.Count(t => now - t <= seconds) < hitCount) return true;
            Stamp(now);
            return false;
        };
    }
}
