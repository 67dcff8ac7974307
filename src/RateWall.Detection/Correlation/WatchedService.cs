namespace RateWall.Detection.Correlation;

/// <summary>A service with what is detected there, in the numbers the correlator counts with.</summary>
internal sealed class WatchedService
{
    /// <summary>A user who has logged in counts once in this time (the phone with the old password).</summary>
    public const long PairMilliseconds = 3_600_000;

    /// <summary>The most tries one line stands for.</summary>
    public const int MostOfALine = 10_000;

    // What is kept of a source when only its names are counted: nothing else ends its window.
    private const int FewTries = 1024;

    public WatchedService(ServiceDetection detection, int family)
    {
        DetectionSet set = detection.Set;
        Name = detection.Service;
        Family = detection.Family;
        FamilyNumber = family;
        Set = set;
        TrustedFactor = detection.TrustedFactor;
        CountsTries = set.Failures is not null || set.Slow is not null || set.Users is not null;
        Threshold?[] thresholds = [set.Failures, set.Slow, set.Users?.Stranger, set.Users?.Trusted];
        Reach = 2 * Math.Max(PairMilliseconds, thresholds.Max(t => t?.Milliseconds ?? 0));
        int most = Math.Max(set.Failures?.Count ?? 0, set.Slow?.Count ?? 0) * detection.TrustedFactor;
        MostTries = most > 0 ? most + MostOfALine : FewTries;
        FewestTries = thresholds.Min(t => t?.Count) ?? 0;
        if (set.Pressure is not { } pressure) return;
        Failing = new(pressure.Sources.Count);
        PressureSources = pressure.Sources.Count;
        PressureMilliseconds = pressure.Sources.Milliseconds;
    }

    /// <summary>Its name.</summary>
    public string Name { get; }

    /// <summary>Its family.</summary>
    public string Family { get; }

    /// <summary>The number of the first service of the family.</summary>
    public int FamilyNumber { get; }

    /// <summary>What is detected.</summary>
    public DetectionSet Set { get; }

    /// <summary>What a trusted source's thresholds of failures are multiplied by.</summary>
    public int TrustedFactor { get; }

    /// <summary>True when the tries of single sources are counted.</summary>
    public bool CountsTries { get; }

    /// <summary>How far from a try others still matter, in milliseconds.</summary>
    public long Reach { get; }

    /// <summary>The most tries held of a source.</summary>
    public int MostTries { get; }

    /// <summary>Fewer tries of a source than this are no offence, whoever it is.</summary>
    public int FewestTries { get; }

    /// <summary>How many failing sources raise siege, when one is raised here.</summary>
    public int PressureSources { get; }

    /// <summary>Within which time, in milliseconds.</summary>
    public long PressureMilliseconds { get; }

    /// <summary>Failing sources that are not trusted; null when no siege is raised here.</summary>
    public RecentSources? Failing { get; }

    /// <summary>True when <see cref="Failing"/> differs from what the storage holds.</summary>
    public bool FailingChanged { get; set; }

    /// <summary>True when <see cref="Failing"/> and the siege have been asked of the storage.</summary>
    public bool Loaded { get; set; }

    /// <summary>What raised the siege; null: none was raised as far as is known.</summary>
    public string? SiegeCause { get; set; }

    /// <summary>When it was raised, and when it is over if nothing renews it, in ms since 1970.</summary>
    public (long Since, long Until) Siege { get; set; }

    /// <summary>What was counted when it was raised or last renewed.</summary>
    public int SiegeCount { get; set; }

    /// <summary>True when the siege differs from what the storage holds.</summary>
    public bool SiegeChanged { get; set; }

    /// <summary>True when the last sample was above what the service carries.</summary>
    public bool WasFull { get; set; }

    /// <summary>True when <see cref="WasFull"/> differs from what the storage holds, and when that sample was taken.</summary>
    public long? FullChanged { get; set; }
}
