using System.Text.Json.Serialization;
using RateWall.Policy;

namespace RateWall.Watch;

/// <summary>How it stands with a watched unit.</summary>
public enum UnitPhase
{
    /// <summary>Nothing is wrong.</summary>
    Normal,

    /// <summary>There are many processes; it was told of.</summary>
    Warned,

    /// <summary>There are too many, or have not been few for long enough: the ladder is climbed.</summary>
    Trouble,
}

/// <summary>What is done, or noticed, at one moment. The numbers are kept in the state.</summary>
public enum UnitAct
{
    /// <summary>Noticed: many processes.</summary>
    Warn = 0,

    /// <summary>A line is written.</summary>
    Tell = 1,

    /// <summary>Those who hold the connections are banned.</summary>
    Ban = 2,

    /// <summary>The services are put under siege, or stay so.</summary>
    Siege = 3,

    /// <summary>The unit is restarted.</summary>
    Restart = 4,

    /// <summary>The unit is stopped for a time.</summary>
    Stop = 5,

    /// <summary>The unit that was stopped is started again.</summary>
    Start = 6,

    /// <summary>Noticed: the unit that was stopped runs again.</summary>
    Back = 7,

    /// <summary>Noticed: few processes, for long enough.</summary>
    Over = 8,

    /// <summary>Noticed: somebody else restarted the unit.</summary>
    Restarted = 9,
}

/// <summary>
/// What is remembered of a watched unit from one look to the next. Lengths of time are counted up from look to look and hold
/// only time in which somebody looked: a clock that is set, or hours in which nobody watched, cannot make them longer.
/// </summary>
public sealed record UnitMemory
{
    /// <summary>Nothing is known yet.</summary>
    public static UnitMemory Blank { get; } = new();

    /// <summary>How it stands.</summary>
    public UnitPhase Phase { get; init; }

    /// <summary>Since when.</summary>
    public DateTimeOffset? Since { get; init; }

    /// <summary>The highest rung taken in this trouble; null: none.</summary>
    public Rung? Taken { get; init; }

    /// <summary>What was done last, and noticed last, in this trouble.</summary>
    public UnitAct? LastAct { get; init; }

    /// <summary>When it was last looked at.</summary>
    public DateTimeOffset? LastLook { get; init; }

    /// <summary>How long there have been as many as `warn` says; null: there are not.</summary>
    public TimeSpan? Many { get; init; }

    /// <summary>How long there have been as many as `act` says; null: there are not.</summary>
    public TimeSpan? TooMany { get; init; }

    /// <summary>How long there have been as few as `normal` says; null: there are not.</summary>
    public TimeSpan? Few { get; init; }

    /// <summary>How long ago a rung was taken that was not taken before in this trouble, or the trouble began.</summary>
    public TimeSpan SinceRung { get; init; }

    /// <summary>How long ago anything was done.</summary>
    public TimeSpan SinceAct { get; init; }

    /// <summary>How long ago the last trouble was over; null: there was none, or it is forgotten.</summary>
    public TimeSpan? Quiet { get; init; }

    /// <summary>How often trouble came back, or others restarted the unit, without a long enough quiet between.</summary>
    public int Returns { get; init; }

    /// <summary>The run of the unit that was seen last.</summary>
    public string InvocationId { get; init; } = "";

    /// <summary>True when we restarted, stopped or started it, so that a new run of it is no surprise.</summary>
    public bool ExpectsNewRun { get; init; }

    /// <summary>Until when at most we stopped the unit; null: it is not stopped by us.</summary>
    public DateTimeOffset? StoppedUntil { get; init; }

    /// <summary>False when no look can have led to it.</summary>
    internal bool IsSound => new[] { Many, TooMany, Few, SinceRung, SinceAct, Quiet }.All(t => t is null || (t >= TimeSpan.Zero && t < TimeSpan.FromDays(36_500))) && Returns is >= 0 and <= 1000;

    /// <summary>What is left of it when the machine was started anew: runs of units have new names then, and nothing is counted on.</summary>
    public UnitMemory AfterBoot() => Blank with { Phase = UnitPhase.Normal, Quiet = Phase == UnitPhase.Trouble ? TimeSpan.Zero : Quiet, Returns = Returns, StoppedUntil = StoppedUntil, LastLook = LastLook };
}

/// <summary>Reads and writes <see cref="UnitMemory"/>; made at compile time, so that no reflection is needed.</summary>
[JsonSourceGenerationOptions(
    GenerationMode = JsonSourceGenerationMode.Metadata, UseStringEnumConverter = true, RespectNullableAnnotations = true,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingDefault)]
[JsonSerializable(typeof(UnitMemory))]
internal sealed partial class UnitMemoryJson : JsonSerializerContext;
