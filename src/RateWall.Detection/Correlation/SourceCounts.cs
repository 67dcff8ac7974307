namespace RateWall.Detection.Correlation;

/// <summary>How near a source is to an offence of its own.</summary>
/// <param name="Detection">The detection, one of <see cref="DetectionName"/>.</param>
/// <param name="Service">The service.</param>
/// <param name="Count">What is counted against the source now.</param>
/// <param name="Threshold">What makes the offence: at least 1.</param>
/// <param name="Within">The window's length.</param>
/// <param name="Newest">When it was counted last; null: never.</param>
public sealed record DetectionCount(string Detection, string Service, int Count, int Threshold, TimeSpan Within, DateTimeOffset? Newest)
{
    /// <summary>How many more, made now, are an offence: at least 1.</summary>
    public int Missing => Math.Max(1, Threshold - Count);
}

/// <summary>What the windows of a source say at a moment. It looks only; <see cref="Correlator"/> counts.</summary>
public static class SourceCounts
{
    /// <summary>Every detection of single sources that is on at a service and concerns this source.</summary>
    /// <param name="at">The service.</param>
    /// <param name="key">The source.</param>
    /// <param name="trusted">True when it logged in lately.</param>
    /// <param name="state">The windows.</param>
    /// <param name="now">The moment.</param>
    public static IReadOnlyList<DetectionCount> Of(ServiceDetection at, AddressPrefix key, bool trusted, ICorrelationState state, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(at);
        ArgumentNullException.ThrowIfNull(state);
        DetectionSet set = at.Set;
        var counts = new List<DetectionCount>();
        int factor = trusted ? at.TrustedFactor : 1;
        Tries(DetectionName.Failures, WindowId.Tries, set.Failures, factor);
        Tries(DetectionName.Slow, WindowId.Tries, set.Slow, factor);
        Names(trusted ? set.Users?.Trusted : set.Users?.Stranger);
        if (!trusted)
        {
            Tries(DetectionName.Probes, DetectionName.Probes, set.Probes, 1);
            Tries(DetectionName.DaemonLimit, DetectionName.DaemonLimit, set.DaemonLimit, 1);
        }

        return counts;

        void Tries(string detection, string window, Threshold? threshold, int times)
        {
            if (threshold is not null) Add(detection, Inside(window, threshold), marks => marks.Count, threshold, times);
        }

        void Names(Threshold? threshold)
        {
            if (threshold is not null)
                Add(DetectionName.Users, Inside(WindowId.Tries, threshold), marks => marks.Where(m => new Try(0, m.Low).IsStrangers).DistinctBy(m => m.Low).Count(), threshold, 1);
        }

        List<WindowMark> Inside(string window, Threshold threshold)
        {
            long end = now.ToUnixTimeMilliseconds(), start = end - (long)threshold.Within.TotalMilliseconds;
            return [.. state.LoadWindow(new(window, at.Service, key)).Where(m => m.UnixMilliseconds > start && m.UnixMilliseconds <= end)];
        }

        void Add(string detection, List<WindowMark> marks, Func<List<WindowMark>, int> count, Threshold threshold, int times) => counts.Add(new(
            detection, at.Service, count(marks), threshold.Count * times, threshold.Within,
            marks.Count == 0 ? null : DateTimeOffset.FromUnixTimeMilliseconds(marks.Max(m => m.UnixMilliseconds))));
    }
}
