using RateWall.Detection;
using RateWall.Detection.Correlation;

namespace RateWall.Policy;

/// <summary>How a service's new connections are limited.</summary>
public enum LimitMode
{
    /// <summary>No limit.</summary>
    Off,

    /// <summary>Exact: at most N connections in any S seconds.</summary>
    Window,

    /// <summary>A window; a source that overran it stays out until it has been silent for S seconds.</summary>
    Quiet,

    /// <summary>N at once, then one more every S/N seconds (nft's `limit rate`).</summary>
    Bucket,
}

/// <summary>What becomes of a connection that a limit refuses.</summary>
public enum LimitAnswer
{
    /// <summary>Nothing is answered: the client waits and tries again.</summary>
    Drop,

    /// <summary>A TCP reset: the client knows at once.</summary>
    Reset,
}

/// <summary>What all sources of one network (IPv4 /24, IPv6 /48) may open together.</summary>
/// <param name="Connections">So many at once, 1 to 100000, then as many more in each period.</param>
/// <param name="Per">The period: 1 second to 1 day, whole seconds.</param>
public sealed record PrefixLimit(int Connections, TimeSpan Per);

/// <summary>The kernel's new-connection limit of a service.</summary>
/// <param name="Mode">How it counts.</param>
/// <param name="Connections">N: 1 to 10 for window and quiet, 1 to 100000 for bucket, 0 for off.</param>
/// <param name="Per">S: 1 second to 1 day, whole seconds.</param>
/// <param name="Size">The most sources each of its sets holds, 2 to 1048576.</param>
/// <param name="OverflowPerSecond">
/// What sources of one /16 (IPv6: one /32) may open together, per second, when they could not be recorded.
/// </param>
public sealed record LimitPolicy(LimitMode Mode, int Connections, TimeSpan Per, int Size, int OverflowPerSecond)
{
    /// <summary>What a whole network may open, or null when only single sources are limited.</summary>
    public PrefixLimit? Prefix { get; init; }

    /// <summary>The most connections a source may hold open at the same time, 1 to 65535, or null for any number.</summary>
    public int? Concurrent { get; init; }

    /// <summary>What becomes of connections it refuses.</summary>
    public LimitAnswer Answer { get; init; }
}

/// <summary>What all sources that are not trusted may open together while their service is under siege.</summary>
/// <param name="Connections">N: 1 to 100000 at once, and as many more each <paramref name="Per"/>.</param>
/// <param name="Per">S: 1 second to 1 day, whole seconds.</param>
public sealed record SiegePolicy(int Connections, TimeSpan Per)
{
    /// <summary>What the built-in default says: 30 a minute.</summary>
    public static SiegePolicy Standard { get; } = new(30, TimeSpan.FromSeconds(60));
}

/// <summary>Where a service's log lines come from.</summary>
/// <param name="File">A log file's path, or null for the journal.</param>
/// <param name="Program">For a file whose lines have no header: the program that writes it. Otherwise null.</param>
public sealed record LogSource(string? File, string? Program)
{
    /// <summary>The systemd journal.</summary>
    public static LogSource Journal { get; } = new(null, null);

    /// <summary>True when nobody named the file and it is just the usual place: then it need not be there.</summary>
    public bool IsUsualPlace { get; init; }
}

/// <summary>A protected listener.</summary>
/// <param name="Name">Its name, as rule files and chains use it: lower case letters, digits and '_', at most 16.</param>
/// <param name="Family">"ssh", "mail", "ftp" or "web": services of a family share trust.</param>
/// <param name="Enabled">False: neither limited nor watched.</param>
/// <param name="Ports">TCP ports, 1 to 65535; no two services share one.</param>
/// <param name="Limit">The kernel limit.</param>
/// <param name="Detections">What is detected in its lines.</param>
/// <param name="Log">Where its log lines are.</param>
/// <param name="Units">systemd units besides those the rule files name.</param>
public sealed record ServicePolicy(
    string Name, string Family, bool Enabled, IReadOnlyList<int> Ports, LimitPolicy Limit,
    DetectionSet Detections, LogSource Log, IReadOnlyList<string> Units)
{
    /// <summary>
    /// Log files of single programs that speak for the service too; what these programs write elsewhere does not count.
    /// </summary>
    public IReadOnlyList<LogSource> FurtherLogs { get; init; } = [];

    /// <summary>All its logs.</summary>
    public IEnumerable<LogSource> Logs => FurtherLogs.Prepend(Log);

    /// <summary>What strangers share while the service is under siege.</summary>
    public SiegePolicy Siege { get; init; } = SiegePolicy.Standard;
}

/// <summary>How long bans last.</summary>
/// <param name="First">The first ban of an offender.</param>
/// <param name="Factor">What each further ban is multiplied by, 1 to 100.</param>
/// <param name="Cap">The longest ban.</param>
/// <param name="Memory">How long an earlier ban makes the next one longer.</param>
/// <param name="Size">The most banned addresses of each family the kernel set takes.</param>
public sealed record BanPolicy(TimeSpan First, int Factor, TimeSpan Cap, TimeSpan Memory, int Size);

/// <summary>What a success is worth.</summary>
/// <param name="For">How long a source is trusted after it logged in.</param>
/// <param name="Factor">What its limits and failure thresholds are multiplied by, 1 to 100.</param>
public sealed record TrustPolicy(TimeSpan For, int Factor)
{
    /// <summary>Until when a login is worth something; one of a log whose clock is ahead counts as of now.</summary>
    public DateTimeOffset Until(long successUnixMilliseconds, DateTimeOffset now) =>
        DateTimeOffset.FromUnixTimeMilliseconds(Math.Min(successUnixMilliseconds, now.ToUnixTimeMilliseconds())) + For;
}

/// <summary>Where a value of the policy was written.</summary>
/// <param name="File">The file, or "built-in".</param>
/// <param name="Line">1-based line.</param>
/// <param name="Column">1-based column.</param>
public sealed record ValueOrigin(string File, int Line, int Column)
{
    /// <summary>"file:line:column", or "built-in".</summary>
    public override string ToString() => string.Equals(File, "built-in", StringComparison.Ordinal) ? File : $"{File}:{Line}:{Column}";
}

/// <summary>One value of the policy for people: its path, text and origin.</summary>
public sealed record PolicyValue(string Path, string Text, ValueOrigin Origin);

/// <summary>What the operator wants, complete: the built-in default with the files laid over it.</summary>
/// <param name="Services">All services, enabled or not, in order of definition.</param>
/// <param name="Allow">Networks that are never limited nor banned.</param>
/// <param name="Bans">How long bans last.</param>
/// <param name="Trust">What a success is worth.</param>
/// <param name="Values">Every value with its origin, in order.</param>
public sealed record EffectivePolicy(
    IReadOnlyList<ServicePolicy> Services, IReadOnlyList<AddressPrefix> Allow, BanPolicy Bans, TrustPolicy Trust,
    IReadOnlyList<PolicyValue> Values)
{
    /// <summary>The files that were laid over the built-in default, in order.</summary>
    public IReadOnlyList<string> Files { get; init; } = [];

    /// <summary>Interfaces on which packets of banned sources are dropped before anything else sees them.</summary>
    public IReadOnlyList<string> Ingress { get; init; } = [];

    /// <summary>The entries of units, enabled or not, in order of definition.</summary>
    public IReadOnlyList<UnitPolicy> Units { get; init; } = [];

    /// <summary>How often units are looked at: 1 second to 1 minute.</summary>
    public TimeSpan WatchInterval { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>The units that are watched.</summary>
    public IEnumerable<UnitPolicy> WatchedUnits => Units.Where(u => u.Enabled);

    /// <summary>The enabled services.</summary>
    public IEnumerable<ServicePolicy> Enabled => Services.Where(s => s.Enabled);

    /// <summary>The ports of an enabled service; none when there is no such service now.</summary>
    public IReadOnlyList<int> PortsOf(string service) => Enabled.FirstOrDefault(s => s.Name == service)?.Ports ?? [];
}
