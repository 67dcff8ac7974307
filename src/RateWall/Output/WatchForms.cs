using System.Text.Json.Serialization;

namespace RateWall.Output;

/// <summary>A look at a unit, a line of what `watch --record` writes and `watch --simulate` reads.</summary>
/// <param name="Time">When.</param>
/// <param name="Unit">The unit's full name.</param>
public sealed record UnitLookForm(
    [property: JsonPropertyName("time")] string? Time,
    [property: JsonPropertyName("unit")] string? Unit)
{
    /// <summary>Its ActiveState; null: "active".</summary>
    [JsonPropertyName("state")]
    public string? State { get; init; }

    /// <summary>Its processes and threads; null: not counted.</summary>
    [JsonPropertyName("tasks")]
    public ulong? Tasks { get; init; }

    /// <summary>The most there can be; null: any number.</summary>
    [JsonPropertyName("tasks_max")]
    public ulong? TasksMax { get; init; }

    /// <summary>PID 1's name for this run of the unit.</summary>
    [JsonPropertyName("invocation")]
    public string? Invocation { get; init; }

    /// <summary>How many processes of each name it has.</summary>
    [JsonPropertyName("processes")]
    public IReadOnlyDictionary<string, long>? Processes { get; init; }
}

/// <summary>`watch --simulate`: what would have been done.</summary>
/// <param name="Lines">Looks that were read.</param>
/// <param name="Wrong">Lines that were none, and were left out.</param>
/// <param name="Acts">What would have been done and noticed, in order.</param>
public sealed record WatchSimulationForm(
    [property: JsonPropertyName("lines")] long Lines,
    [property: JsonPropertyName("wrong")] long Wrong,
    [property: JsonPropertyName("acts")] IReadOnlyList<UnitActForm> Acts)
{
    /// <summary>The form's name and version.</summary>
    [JsonPropertyName("schema"), JsonPropertyOrder(-1)]
    public string Schema => "ratewall.watch-simulation/1";
}

/// <summary>Something that was done to a unit, or noticed of it.</summary>
/// <param name="Time">When.</param>
/// <param name="Watch">The entry's name in the policy.</param>
/// <param name="Unit">The unit.</param>
/// <param name="Act">"warn", "tell", "ban", "siege", "restart", "stop", "start", "back", "over", "restarted".</param>
/// <param name="Count">How many processes there were.</param>
/// <param name="Level">The threshold it is about.</param>
/// <param name="Until">Of a siege and a stop: until when at most; else null.</param>
/// <param name="Reason">Why, in a sentence.</param>
public sealed record UnitActForm(
    [property: JsonPropertyName("time")] string Time,
    [property: JsonPropertyName("watch")] string Watch,
    [property: JsonPropertyName("unit")] string Unit,
    [property: JsonPropertyName("act")] string Act,
    [property: JsonPropertyName("count")] long Count,
    [property: JsonPropertyName("level")] long Level,
    [property: JsonPropertyName("until")] string? Until,
    [property: JsonPropertyName("reason")] string Reason)
{
    /// <summary>"pending", "done", "failed", or "interrupted" when the program died before it was done; null: a simulation's.</summary>
    [JsonPropertyName("state")]
    public string? State { get; init; }

    /// <summary>What came of it, in a sentence; null: nothing to tell.</summary>
    [JsonPropertyName("outcome")]
    public string? Outcome { get; init; }
}

/// <summary>`watch`: what a round saw and did.</summary>
/// <param name="Units">The watched units.</param>
/// <param name="Acts">What was done and noticed, in order.</param>
public sealed record WatchForm(
    [property: JsonPropertyName("units")] IReadOnlyList<WatchedUnitForm> Units,
    [property: JsonPropertyName("acts")] IReadOnlyList<UnitActForm> Acts)
{
    /// <summary>The form's name and version.</summary>
    [JsonPropertyName("schema"), JsonPropertyOrder(-1)]
    public string Schema => "ratewall.watch/1";
}

/// <summary>A watched unit.</summary>
/// <param name="Name">The entry's name in the policy.</param>
/// <param name="Unit">The unit.</param>
/// <param name="Process">The name of the processes that count; null: all tasks.</param>
/// <param name="State">Its ActiveState; null: it is not there, or PID 1 was not asked.</param>
/// <param name="Count">How many there are; null like <paramref name="State"/>.</param>
/// <param name="Warn">From so many on it is told of; null: a share is asked for, and TasksMax is not known.</param>
/// <param name="Act">From so many on the ladder is climbed.</param>
/// <param name="Normal">With so many or fewer it is over.</param>
public sealed record WatchedUnitForm(
    [property: JsonPropertyName("name")] string Name,
    [property: JsonPropertyName("unit")] string Unit,
    [property: JsonPropertyName("process")] string? Process,
    [property: JsonPropertyName("state")] string? State,
    [property: JsonPropertyName("count")] long? Count,
    [property: JsonPropertyName("warn")] long? Warn,
    [property: JsonPropertyName("act")] long? Act,
    [property: JsonPropertyName("normal")] long? Normal)
{
    /// <summary>The most tasks it may have; null: any number, or not known.</summary>
    [JsonPropertyName("tasks_max")]
    public ulong? TasksMax { get; init; }

    /// <summary>"normal", "warned", "trouble" or "stopped" (by us).</summary>
    [JsonPropertyName("phase")]
    public string Phase { get; init; } = "normal";

    /// <summary>Since when; null: from the first look on.</summary>
    [JsonPropertyName("since")]
    public string? Since { get; init; }

    /// <summary>The highest rung taken in this trouble, or null.</summary>
    [JsonPropertyName("rung")]
    public string? Rung { get; init; }

    /// <summary>Until when at most it is stopped; null: it is not, by us.</summary>
    [JsonPropertyName("stopped_until")]
    public string? StoppedUntil { get; init; }

    /// <summary>How often trouble came back without a long enough quiet between.</summary>
    [JsonPropertyName("returns")]
    public int Returns { get; init; }

    /// <summary>When it was last looked at by a watch, to half a minute; null: never.</summary>
    [JsonPropertyName("watched_at")]
    public string? WatchedAt => HumanTime.Rfc3339(LastLook);

    /// <summary><see cref="WatchedAt"/>, as a time.</summary>
    [JsonIgnore]
    public DateTimeOffset? LastLook { get; init; }

    /// <summary>What was done last, or noticed; null: nothing yet, or not asked for.</summary>
    [JsonPropertyName("last_act"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public UnitActForm? LastAct { get; init; }

    /// <summary>What policy allows.</summary>
    [JsonPropertyName("ladder")]
    public IReadOnlyList<string> Ladder { get; init; } = [];
}

/// <summary>What the policy says of a watched unit. Thresholds are as they are written there: "80", or "80%" of TasksMax.</summary>
public sealed record UnitPolicyForm(
    [property: JsonPropertyName("name")] string Name,
    [property: JsonPropertyName("unit")] string Unit,
    [property: JsonPropertyName("process")] string? Process,
    [property: JsonPropertyName("services")] IReadOnlyList<string> Services,
    [property: JsonPropertyName("warn")] string Warn,
    [property: JsonPropertyName("act")] string Act,
    [property: JsonPropertyName("normal")] string Normal,
    [property: JsonPropertyName("ladder")] IReadOnlyList<string> Ladder,
    [property: JsonPropertyName("stop_for_s")] long? StopForSeconds);
