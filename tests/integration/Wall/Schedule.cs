namespace RateWall.IntegrationTests.Wall;

/// <summary>When one source opens connections to a limit of N in S seconds.</summary>
/// <param name="Name">What it was made from: "seed 7" always gives the same schedule.</param>
/// <param name="Connections">N.</param>
/// <param name="Seconds">S.</param>
/// <param name="Times">Seconds from the start, rising.</param>
internal sealed record Schedule(string Name, int Connections, int Seconds, IReadOnlyList<double> Times)
{
    /// <summary>How far each arrival stands from where a limit would decide otherwise, in seconds.</summary>
    public const double Margin = 0.08;

    /// <summary>What of the margin has to be left when the arrivals have been sent: seven ticks of the kernel's clock at 250 Hz.</summary>
    public const double Guard = 0.03;

    /// <summary>
    /// The limits that are tried, N and S. A bucket's refill takes 0.4 s at least: it has to be longer than two margins.
    /// </summary>
    public static List<(int Connections, int Seconds)> Limits { get; } =
    [
        (1, 2), (2, 2), (3, 2), (4, 2), (5, 2),
        (1, 3), (2, 3), (3, 3), (4, 3), (5, 3), (6, 3), (7, 3),
        (1, 4), (2, 4), (3, 4), (4, 4), (6, 4), (8, 4), (10, 4),
    ];

    /// <summary>Bursts, hammering, trickles and silences, at random.</summary>
    public static Schedule Random(int seed, double until)
    {
        var random = new Random(seed);
        (int connections, int seconds) = Limits[random.Next(Limits.Count)];
        return Clear($"seed {seed}", connections, seconds, Candidates());

        IEnumerable<double> Candidates()
        {
            double now = random.NextDouble();
            while (now < until)
            {
                yield return now;
                now += random.Next(10) switch
                {
                    < 4 => random.NextDouble() * 0.01,
                    < 7 => random.NextDouble() * seconds / connections,
                    < 9 => random.NextDouble() * seconds * 0.9,
                    _ => seconds * (1 + (random.NextDouble() * 0.3)),
                };
            }
        }
    }

    /// <summary>A burst; then a try every 0.32 s, which never is S seconds after another one.</summary>
    public static Schedule Hammering(double start) => Pattern(nameof(Hammering), start, Enumerable.Range(0, 34).Select(i => i * 0.32));

    /// <summary>A burst; then a try every 0.6 S.</summary>
    public static Schedule Trickle(double start) => Pattern(nameof(Trickle), start, Enumerable.Range(0, 5).Select(i => i * 2.4));

    /// <summary>A burst; then another one when S seconds have gone by.</summary>
    public static Schedule Silence(double start) => Pattern(nameof(Silence), start, Enumerable.Range(0, 10).Select(i => 4.2 + (i * 0.001)));

    /// <summary>The arrivals among these that keep their distance from every limit's boundaries.</summary>
    public static Schedule Clear(string name, int connections, int seconds, IEnumerable<double> candidates)
    {
        var times = new List<double>();
        foreach (double time in candidates)
        {
            (double, double)[] with = [.. times.Append(time).Select(t => (t, t))];
            if (IsClear(with, connections, seconds, Margin)) times.Add(time);
        }

        return new(name, connections, seconds, times);
    }

    /// <summary>
    /// True when no limit's decision depends on where within its bounds each arrival came, nor on this much more. Windows, quiet
    /// times and xt_recent ask whether S seconds lie between two arrivals; a bucket, whether it holds one token.
    /// </summary>
    /// <param name="arrivals">Before and after each arrival.</param>
    public static bool IsClear(IReadOnlyList<(double Before, double After)> arrivals, int connections, int seconds, double margin)
    {
        for (int i = 0; i < arrivals.Count; i++)
            for (int earlier = 0; earlier < i; earlier++)
                if (arrivals[i].Before - arrivals[earlier].After < seconds + margin && arrivals[i].After - arrivals[earlier].Before > seconds - margin)
                    return false;
        return IsClearForBucket(arrivals, connections, (double)connections / seconds, margin);
    }

    // What the bucket holds is least to most. Since it was full, the margin may have kept back what came first, or added to it;
    // it never takes from what was there.
    private static bool IsClearForBucket(IReadOnlyList<(double Before, double After)> arrivals, int connections, double rate, double margin)
    {
        double least = connections, most = connections, keptBack = margin, added = margin;
        for (int i = 0; i < arrivals.Count; i++)
        {
            if (i > 0)
            {
                double shortest = arrivals[i].Before - arrivals[i - 1].After, kept = Math.Min(keptBack, shortest);
                keptBack -= kept;
                least += rate * (shortest - kept);
                most = Math.Min(connections, most + (rate * (arrivals[i].After - arrivals[i - 1].Before + added)));
                added = 0;
            }

            if (least >= connections)
            {
                least = most = connections;
                keptBack = added = margin;
            }

            bool passes = least >= 1;
            if (!passes && most >= 1) return false;
            if (!passes) continue;
            least--;
            most--;
        }

        return true;
    }

    private static Schedule Pattern(string name, double start, IEnumerable<double> after) =>
        Clear(name, 4, 4, Enumerable.Range(0, 10).Select(i => i * 0.001).Concat(after.Where(t => t > 0)).Select(t => start + t));

    public override string ToString() =>
        $"{Name}, {Connections} in {Seconds} s, arrivals {string.Join(' ', Times.Select(t => t.ToString("0.000", null)))}";
}
