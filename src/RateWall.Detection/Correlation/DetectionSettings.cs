namespace RateWall.Detection.Correlation;

/// <summary>A threshold: this many within this time.</summary>
/// <param name="Count">Tries, 1 to 10000; the try that reaches it fires.</param>
/// <param name="Within">The sliding window's length.</param>
public sealed record Threshold(int Count, TimeSpan Within)
{
    /// <summary>The window's length in milliseconds.</summary>
    internal long Milliseconds { get; } = (long)Within.TotalMilliseconds;

    /// <summary>True when a correlator can work with it.</summary>
    internal bool IsSound(int most = 10_000) => Count >= 1 && Count <= most && Milliseconds > 0;
}

/// <summary>How many names one source may fail with that never logged in from there.</summary>
/// <param name="Stranger">For a source without a recent success.</param>
/// <param name="Trusted">For a trusted source, or null: never.</param>
public sealed record UsersThreshold(Threshold Stranger, Threshold? Trusted);

/// <summary>Offending members of one network: IPv4 /24, IPv6 /48.</summary>
/// <param name="Members">How many of them, 1 to 1000.</param>
/// <param name="First">The first ban of the network.</param>
/// <param name="Cap">The longest.</param>
public sealed record PrefixThreshold(Threshold Members, TimeSpan First, TimeSpan Cap);

/// <summary>One account tried from many sources that never logged in.</summary>
/// <param name="Sources">How many of them, 1 to 1000.</param>
/// <param name="For">How long each of them is banned: always the same.</param>
public sealed record AccountThreshold(Threshold Sources, TimeSpan For);

/// <summary>More pressure on a service than its sources explain.</summary>
/// <param name="Sources">Failing sources that are not trusted, 1 to 10000.</param>
/// <param name="For">How long the siege outlasts the last time at which half of that was reached.</param>
public sealed record PressureThreshold(Threshold Sources, TimeSpan For)
{
    /// <summary><see cref="For"/> in milliseconds.</summary>
    internal long ForMilliseconds { get; } = (long)For.TotalMilliseconds;
}

/// <summary>What is detected; whatever is null is switched off.</summary>
public sealed record DetectionSet
{
    /// <summary>Failed and invalid tries of one source.</summary>
    public Threshold? Failures { get; init; }

    /// <summary>The same over a long time: a guesser who is patient.</summary>
    public Threshold? Slow { get; init; }

    /// <summary>One source that tries many names.</summary>
    public UsersThreshold? Users { get; init; }

    /// <summary>Probes of one source; a trusted source is never counted.</summary>
    public Threshold? Probes { get; init; }

    /// <summary>Lines in which the daemon says that a source hit a limit of its own; a trusted source is never counted.</summary>
    public Threshold? DaemonLimit { get; init; }

    /// <summary>Many offending members of one network, when no source in it is trusted.</summary>
    public PrefixThreshold? Prefix { get; init; }

    /// <summary>One account tried from many sources.</summary>
    public AccountThreshold? Account { get; init; }

    /// <summary>Siege. Off: no detection of the service raises one.</summary>
    public PressureThreshold? Pressure { get; init; }

    /// <summary>Connections of one source that nobody logs in on.</summary>
    public HoldersThreshold? Holders { get; init; }

    /// <summary>How many connections on which nobody has logged in the daemon carries at once, at least 1.</summary>
    public int? Capacity { get; init; }

    /// <summary>True when connections are looked at, and joined with the logins that are read.</summary>
    public bool LooksAtConnections => Holders is not null || Capacity is not null;

    /// <summary>Every detection with its name, in the order in which policy tells of them; null: switched off.</summary>
    public IReadOnlyList<(string Name, object? Threshold)> All =>
    [
        (DetectionName.Failures, Failures), (DetectionName.Slow, Slow), (DetectionName.Users, Users), (DetectionName.Probes, Probes),
        (DetectionName.DaemonLimit, DaemonLimit), (DetectionName.Prefix, Prefix), (DetectionName.Account, Account),
        (DetectionName.Pressure, Pressure), (DetectionName.Holders, Holders),
    ];

    /// <summary>The longest time anything is counted over: older tries are of no use.</summary>
    public TimeSpan Horizon => new[]
    {
        Failures?.Within, Slow?.Within, Users?.Stranger.Within, Users?.Trusted?.Within, Probes?.Within, DaemonLimit?.Within,
        Prefix?.Members.Within, Account?.Sources.Within, Pressure?.Sources.Within,
    }.Max() ?? TimeSpan.Zero;

    internal bool IsSound =>
        Failures?.IsSound() != false && Slow?.IsSound() != false && Probes?.IsSound() != false && DaemonLimit?.IsSound() != false
        && Users?.Stranger.IsSound() != false && Users?.Trusted?.IsSound() != false
        && Prefix?.Members.IsSound(1000) != false && Account?.Sources.IsSound(1000) != false && Pressure?.Sources.IsSound() != false
        && Holders?.IsSound != false && Capacity is null or >= 1;
}

/// <summary>What is detected at one service.</summary>
/// <param name="Service">The service's name in rule files and policy.</param>
/// <param name="Family">The services that share trust: "ssh", "mail", "ftp" or "web".</param>
/// <param name="Set">What is detected there.</param>
/// <param name="TrustedFactor">What a trusted source's thresholds of failures are multiplied by, at least 1.</param>
public sealed record ServiceDetection(string Service, string Family, DetectionSet Set, int TrustedFactor = 10);
