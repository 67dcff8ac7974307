namespace RateWall.Detection.Correlation;

/// <summary>A detection that fired. The same log gives the same offences, whatever run reads it.</summary>
/// <param name="Detection">The detection's name, one of <see cref="DetectionName"/>.</param>
/// <param name="Service">The service it was seen at.</param>
/// <param name="Key">Whom it is about.</param>
/// <param name="At">The time of the attempt that crossed the threshold; a ban's deadline counts from here.</param>
/// <param name="Count">What was counted inside the window, the crossing one included.</param>
/// <param name="Since">The time of the oldest try that still counted.</param>
/// <param name="Within">The window's length.</param>
public readonly record struct Offence(
    string Detection, string Service, AddressPrefix Key, DateTimeOffset At, int Count, DateTimeOffset Since, TimeSpan Within)
{
    /// <summary>True when whoever did it was trusted at that moment.</summary>
    public bool Trusted { get; init; }

    /// <summary>The offending members, of an offence of a network.</summary>
    public IReadOnlyList<AddressPrefix> Members { get => field ?? []; init; }
}

/// <summary>The names of detections, as policy, history and answers have them.</summary>
public static class DetectionName
{
    /// <summary>Failed logins of one source.</summary>
    public const string Failures = "failures";

    /// <summary>Failed logins of one source over a long time.</summary>
    public const string Slow = "slow";

    /// <summary>Names that one source tried.</summary>
    public const string Users = "users";

    /// <summary>Probes of one source.</summary>
    public const string Probes = "probes";

    /// <summary>Limits of the daemon that one source hit.</summary>
    public const string DaemonLimit = "daemon_limit";

    /// <summary>Offending members of one network.</summary>
    public const string Prefix = "prefix";

    /// <summary>Sources that tried one account.</summary>
    public const string Account = "account";

    /// <summary>Failing sources of a service.</summary>
    public const string Pressure = "pressure";

    /// <summary>Connections that one source holds open without logging in.</summary>
    public const string Holders = "holders";

    /// <summary>Connections that one stranger holds while a watched unit has too many processes.</summary>
    public const string Units = "units";

    /// <summary>Unauthenticated connections of a service.</summary>
    public const string Capacity = "capacity";

    /// <summary>Sources that found no room in memory.</summary>
    public const string Memory = "memory";
}

/// <summary>A siege that was raised or renewed.</summary>
/// <param name="Service">The service under siege.</param>
/// <param name="Detection">What raised it, one of <see cref="DetectionName"/>.</param>
/// <param name="Since">When it was raised.</param>
/// <param name="Until">When it is over if nothing renews it.</param>
/// <param name="Count">What was counted when it was raised or last renewed.</param>
public sealed record SiegeSeen(string Service, string Detection, DateTimeOffset Since, DateTimeOffset Until, int Count);
