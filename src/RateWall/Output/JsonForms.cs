using System.Text.Json.Serialization;

namespace RateWall.Output;

// The forms other programs read. They are a promise: keys are only ever added, and a change of meaning changes the number
// behind the name of the schema. Times are RFC 3339 in UTC; null means that there is none.

/// <summary>`status`.</summary>
public sealed record StatusForm(
    [property: JsonPropertyName("wall")] WallForm Wall,
    [property: JsonPropertyName("bans")] BanCountForm Bans,
    [property: JsonPropertyName("services")] IReadOnlyList<ServiceStatusForm> Services)
{
    /// <summary>The form's name and version.</summary>
    [JsonPropertyName("schema"), JsonPropertyOrder(-1)]
    public string Schema => "ratewall.status/1";

    /// <summary>The watched units.</summary>
    [JsonPropertyName("units")]
    public IReadOnlyList<WatchedUnitForm> Units { get; init; } = [];

    /// <summary>What keeps tries from being seen in the logs.</summary>
    [JsonPropertyName("log_warnings")]
    public IReadOnlyList<LogWarningForm> LogWarnings { get; init; } = [];
}

/// <summary>A warning about a program's lines.</summary>
/// <param name="Text">One sentence.</param>
/// <param name="Shapes">The most frequent forms of the lines it is about.</param>
public sealed record LogWarningForm(
    [property: JsonPropertyName("text")] string Text,
    [property: JsonPropertyName("shapes")] IReadOnlyList<LineShapeForm> Shapes);

/// <summary>A form that lines have: hostile text.</summary>
public sealed record LineShapeForm(
    [property: JsonPropertyName("text")] string Text,
    [property: JsonPropertyName("count")] long Count);

/// <summary>Whether the wall stands, and stands as policy says.</summary>
public sealed record WallForm(
    [property: JsonPropertyName("present")] bool Present,
    [property: JsonPropertyName("drift")] bool Drift)
{
    /// <summary>Until when this wall can be confirmed; null when it need not be.</summary>
    [JsonPropertyName("unconfirmed_until")]
    public string? UnconfirmedUntil { get; init; }
}

/// <summary>How many bans there are.</summary>
public sealed record BanCountForm([property: JsonPropertyName("active")] long Active);

/// <summary>What the wall did for a service, in packets that open a connection, and how full its sets are.</summary>
public sealed record ServiceStatusForm(
    [property: JsonPropertyName("name")] string Name,
    [property: JsonPropertyName("ports")] IReadOnlyList<int> Ports,
    [property: JsonPropertyName("passed")] long Passed,
    [property: JsonPropertyName("limited")] long Limited,
    [property: JsonPropertyName("overflow")] long Overflow,
    [property: JsonPropertyName("banned")] long Banned)
{
    /// <summary>Of the limited, those refused because their network had opened too many; null where policy does not limit networks.</summary>
    [JsonPropertyName("limited_network"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public long? LimitedNetwork { get; init; }

    /// <summary>Of the limited, those refused because their source held too many open; null where policy does not limit that.</summary>
    [JsonPropertyName("limited_at_once"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public long? LimitedAtOnce { get; init; }

    /// <summary>Sources now remembered in the service's fullest set; null when not asked of the kernel.</summary>
    [JsonPropertyName("sources"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public long? Sources { get; init; }

    /// <summary>The most sources that set takes; null when there is no limit.</summary>
    [JsonPropertyName("size"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public long? Size { get; init; }

    /// <summary>The siege it is under; null: none.</summary>
    [JsonPropertyName("siege")]
    public SiegeForm? Siege { get; init; }

    /// <summary>The lockdown it is in; null: none.</summary>
    [JsonPropertyName("lockdown")]
    public LockdownForm? Lockdown { get; init; }

    /// <summary>Connections of strangers let through under siege; they are not among <see cref="Passed"/>.</summary>
    [JsonPropertyName("siege_passed")]
    public long SiegePassed { get; init; }

    /// <summary>Connections of strangers dropped under siege.</summary>
    [JsonPropertyName("siege_dropped")]
    public long SiegeDropped { get; init; }

    /// <summary>Connections dropped in lockdown.</summary>
    [JsonPropertyName("locked")]
    public long Locked { get; init; }
}

/// <summary>A siege of a service, as the kernel has it.</summary>
public sealed record SiegeForm(
    [property: JsonPropertyName("until")] string Until,
    [property: JsonPropertyName("remaining_s")] long RemainingSeconds);

/// <summary>A lockdown of a service, as the kernel has it.</summary>
/// <param name="Until">Its deadline.</param>
/// <param name="RemainingSeconds">Seconds until the deadline.</param>
/// <param name="Trusted">Sources that have logged in lately get in.</param>
/// <param name="Except">Networks that get in, beside the allow list.</param>
public sealed record LockdownForm(
    [property: JsonPropertyName("until")] string Until,
    [property: JsonPropertyName("remaining_s")] long RemainingSeconds,
    [property: JsonPropertyName("trusted")] bool Trusted,
    [property: JsonPropertyName("except")] IReadOnlyList<string> Except);

/// <summary>`list`.</summary>
public sealed record BansForm([property: JsonPropertyName("bans")] IReadOnlyList<BanForm> Bans)
{
    /// <summary>The form's name and version.</summary>
    [JsonPropertyName("schema"), JsonPropertyOrder(-1)]
    public string Schema => "ratewall.bans/1";
}

/// <summary>A ban.</summary>
/// <param name="Target">The address or network.</param>
/// <param name="Scope">"all", or the service it is limited to.</param>
/// <param name="Since">When it began.</param>
/// <param name="Until">Its deadline; null: for ever.</param>
/// <param name="RemainingSeconds">Seconds until the deadline; null: for ever.</param>
/// <param name="Reason">Why.</param>
/// <param name="Count">How many tries were behind it.</param>
public sealed record BanForm(
    [property: JsonPropertyName("target")] string Target,
    [property: JsonPropertyName("scope")] string Scope,
    [property: JsonPropertyName("since")] string? Since,
    [property: JsonPropertyName("until")] string? Until,
    [property: JsonPropertyName("remaining_s")] long? RemainingSeconds,
    [property: JsonPropertyName("reason")] string Reason,
    [property: JsonPropertyName("count")] long Count);

/// <summary>`correlate`.</summary>
public sealed record RunForm(
    [property: JsonPropertyName("lines")] long Lines,
    [property: JsonPropertyName("attempts")] long Attempts,
    [property: JsonPropertyName("offences")] long Offences,
    [property: JsonPropertyName("bans")] long Bans,
    [property: JsonPropertyName("ms")] long Milliseconds)
{
    /// <summary>The form's name and version.</summary>
    [JsonPropertyName("schema"), JsonPropertyOrder(-1)]
    public string Schema => "ratewall.run/1";

    /// <summary>Open connections of banned sources that were ended.</summary>
    [JsonPropertyName("connections_ended")]
    public int ConnectionsEnded { get; init; }

    /// <summary>Services that were put under siege, or whose siege was renewed.</summary>
    [JsonPropertyName("sieges")]
    public IReadOnlyList<string> Sieges { get; init; } = [];

    /// <summary>What of the wall had been changed or lost and was put back; null: nothing.</summary>
    [JsonPropertyName("mended")]
    public string? Mended { get; init; }
}

/// <summary>`trace`.</summary>
public sealed record TraceForm([property: JsonPropertyName("bans")] IReadOnlyList<TracedBanForm> Bans)
{
    /// <summary>The form's name and version.</summary>
    [JsonPropertyName("schema"), JsonPropertyOrder(-1)]
    public string Schema => "ratewall.trace/1";

    /// <summary>What was done to watched units, and noticed of them; newest first.</summary>
    [JsonPropertyName("acts")]
    public IReadOnlyList<UnitActForm> Acts { get; init; } = [];
}

/// <summary>A ban with the lines that caused it.</summary>
/// <param name="Detection">What fired, by the policy's key; null for a ban by hand.</param>
/// <param name="Service">Where it was detected; null for a ban by hand.</param>
public sealed record TracedBanForm(
    [property: JsonPropertyName("target")] string Target,
    [property: JsonPropertyName("scope")] string Scope,
    [property: JsonPropertyName("since")] string? Since,
    [property: JsonPropertyName("until")] string? Until,
    [property: JsonPropertyName("remaining_s")] long? RemainingSeconds,
    [property: JsonPropertyName("reason")] string Reason,
    [property: JsonPropertyName("count")] long Count,
    [property: JsonPropertyName("detection")] string? Detection,
    [property: JsonPropertyName("service")] string? Service,
    [property: JsonPropertyName("lines")] IReadOnlyList<EvidenceForm> Lines)
{
    /// <summary>Which ban of the target it is, of those that make the next one longer: 1 for the first; null for a ban by hand.</summary>
    [JsonPropertyName("number")]
    public int? Number { get; init; }

    /// <summary>How it ended: "ran out" or "taken back"; null while it is in force, or waits for room in the kernel.</summary>
    [JsonPropertyName("ended")]
    public string? Ended { get; init; }

    /// <summary>When it ended; null while it has not, or when that is not remembered any more.</summary>
    [JsonPropertyName("ended_at")]
    public string? EndedAt { get; init; }
}

/// <summary>A log line that was evidence; hostile text, as it stood there.</summary>
public sealed record EvidenceForm(
    [property: JsonPropertyName("time")] string Time,
    [property: JsonPropertyName("line")] string Line);

/// <summary>`check`.</summary>
/// <param name="Ok">True when nothing is wrong.</param>
/// <param name="Files">The files that were laid over the built-in default.</param>
/// <param name="Problems">What is wrong.</param>
/// <param name="Services">What the policy allows at most; empty when something is wrong.</param>
/// <param name="KernelMemoryBytes">What all sets take when they are full; null when something is wrong.</param>
public sealed record CheckForm(
    [property: JsonPropertyName("ok")] bool Ok,
    [property: JsonPropertyName("files")] IReadOnlyList<string> Files,
    [property: JsonPropertyName("problems")] IReadOnlyList<ProblemForm> Problems,
    [property: JsonPropertyName("services")] IReadOnlyList<WorstCaseForm> Services,
    [property: JsonPropertyName("kernel_memory_bytes")] long? KernelMemoryBytes)
{
    /// <summary>The operator's files that stand in place of built-in templates.</summary>
    [JsonPropertyName("templates")]
    public IReadOnlyList<string> Templates { get; init; } = [];

    /// <summary>The watched units, and what may be done to them.</summary>
    [JsonPropertyName("units")]
    public IReadOnlyList<UnitPolicyForm> Units { get; init; } = [];

    /// <summary>The form's name and version.</summary>
    [JsonPropertyName("schema"), JsonPropertyOrder(-1)]
    public string Schema => "ratewall.check/1";
}

/// <summary>Something wrong with the policy; line and column are 1-based, 0 for the file as a whole.</summary>
public sealed record ProblemForm(
    [property: JsonPropertyName("file")] string File,
    [property: JsonPropertyName("line")] int Line,
    [property: JsonPropertyName("column")] int Column,
    [property: JsonPropertyName("text")] string Text);

/// <summary>What the policy lets one source do at a service.</summary>
/// <param name="Name">The service.</param>
/// <param name="Ports">Its ports.</param>
/// <param name="Limit">The limit's mode.</param>
/// <param name="MostPerMinute">The most connections of one source in any minute; null: unlimited.</param>
/// <param name="MostPerMinuteTrusted">The same for a trusted source.</param>
/// <param name="FailuresBeforeBan">Failed tries at which it is banned; null: never, or no rule file names the service.</param>
/// <param name="Log">"journal", or the file.</param>
/// <param name="KernelMemoryBytes">What its sets take when they are full.</param>
public sealed record WorstCaseForm(
    [property: JsonPropertyName("name")] string Name,
    [property: JsonPropertyName("ports")] IReadOnlyList<int> Ports,
    [property: JsonPropertyName("limit")] string Limit,
    [property: JsonPropertyName("most_per_minute")] long? MostPerMinute,
    [property: JsonPropertyName("most_per_minute_trusted")] long? MostPerMinuteTrusted,
    [property: JsonPropertyName("failures_before_ban")] int? FailuresBeforeBan,
    [property: JsonPropertyName("log")] string Log,
    [property: JsonPropertyName("kernel_memory_bytes")] long KernelMemoryBytes)
{
    /// <summary>Log files of single programs that are read for it besides; missing when there are none.</summary>
    [JsonPropertyName("further_logs"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public IReadOnlyList<string>? FurtherLogs { get; init => field = value is { Count: 0 } ? null : value; }

    /// <summary>What a refused connection gets, "drop" or "reset"; null: nothing is refused.</summary>
    [JsonPropertyName("answer")]
    public string? Answer { get; init; }

    /// <summary>The most connections of one network (IPv4 /24, IPv6 /48) in any minute; null: no such limit.</summary>
    [JsonPropertyName("most_per_minute_network")]
    public long? MostPerMinuteNetwork { get; init; }

    /// <summary>The most connections a source holds open at once; null: any number.</summary>
    [JsonPropertyName("most_at_once")]
    public int? MostAtOnce { get; init; }

    /// <summary>What is detected, by the policy's keys; empty when no rule file names the service.</summary>
    [JsonPropertyName("detections")]
    public IReadOnlyList<string> Detections { get; init; } = [];

    /// <summary>Who holds so many connections without a login is banned; null: nobody is for that.</summary>
    [JsonPropertyName("holders")]
    public HoldersForm? Holders { get; init; }

    /// <summary>How many connections without a login the service carries; null: not known.</summary>
    [JsonPropertyName("capacity")]
    public int? Capacity { get; init; }
}

/// <summary>Connections on which nobody logs in.</summary>
/// <param name="Count">How many of one source are an offence.</param>
/// <param name="ForSeconds">After how many seconds a connection counts.</param>
public sealed record HoldersForm(
    [property: JsonPropertyName("count")] int Count,
    [property: JsonPropertyName("for_s")] long ForSeconds);

/// <summary>`policy`.</summary>
public sealed record PolicyForm(
    [property: JsonPropertyName("files")] IReadOnlyList<string> Files,
    [property: JsonPropertyName("values")] IReadOnlyList<PolicyValueForm> Values)
{
    /// <summary>The form's name and version.</summary>
    [JsonPropertyName("schema"), JsonPropertyOrder(-1)]
    public string Schema => "ratewall.policy/1";
}

/// <summary>A value of the policy; the file is "built-in" for the default.</summary>
public sealed record PolicyValueForm(
    [property: JsonPropertyName("path")] string Path,
    [property: JsonPropertyName("value")] string Value,
    [property: JsonPropertyName("file")] string File,
    [property: JsonPropertyName("line")] int Line,
    [property: JsonPropertyName("column")] int Column);

/// <summary>`plan`.</summary>
/// <param name="WallPresent">True when a wall stands.</param>
/// <param name="Drift">True when apply would change something.</param>
/// <param name="Changes">Lines of difference, each with its sign: "+" to be added, "-" to be removed.</param>
public sealed record PlanForm(
    [property: JsonPropertyName("wall_present")] bool WallPresent,
    [property: JsonPropertyName("drift")] bool Drift,
    [property: JsonPropertyName("changes")] IReadOnlyList<string> Changes)
{
    /// <summary>The operator's files that stand in place of built-in templates.</summary>
    [JsonPropertyName("templates")]
    public IReadOnlyList<string> Templates { get; init; } = [];

    /// <summary>The form's name and version.</summary>
    [JsonPropertyName("schema"), JsonPropertyOrder(-1)]
    public string Schema => "ratewall.plan/1";
}

/// <summary>What a verb that changes something did: ban, unban, clear, siege, lockdown, apply, confirm, remove.</summary>
/// <param name="Verb">The verb.</param>
/// <param name="Changed">True when anything is different now.</param>
/// <param name="Items">What it did to each thing it was about.</param>
public sealed record ChangeForm(
    [property: JsonPropertyName("verb")] string Verb,
    [property: JsonPropertyName("changed")] bool Changed,
    [property: JsonPropertyName("items")] IReadOnlyList<ChangeItemForm> Items)
{
    /// <summary>The form's name and version.</summary>
    [JsonPropertyName("schema"), JsonPropertyOrder(-1)]
    public string Schema => "ratewall.change/1";
}

/// <summary>What was done to one thing.</summary>
/// <param name="Target">An address, a network, a service, or the wall.</param>
/// <param name="Action">"banned", "extended", "shortened", "unbanned", "absent", "begun", "moved", "ended", "applied", "unchanged", "held_back", "confirmed", "reverted", "removed".</param>
/// <param name="Until">The deadline it has now; null when it has none.</param>
/// <param name="Note">A sentence worth telling, or null.</param>
public sealed record ChangeItemForm(
    [property: JsonPropertyName("target")] string Target,
    [property: JsonPropertyName("action")] string Action,
    [property: JsonPropertyName("until")] string? Until = null,
    [property: JsonPropertyName("note")] string? Note = null)
{
    /// <summary>Open connections that `ban` ended; null for every other verb.</summary>
    [JsonPropertyName("connections_ended"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public int? ConnectionsEnded { get; init; }
}

/// <summary>`version`.</summary>
public sealed record VersionForm([property: JsonPropertyName("version")] string Version)
{
    /// <summary>The form's name and version.</summary>
    [JsonPropertyName("schema"), JsonPropertyOrder(-1)]
    public string Schema => "ratewall.version/1";
}
