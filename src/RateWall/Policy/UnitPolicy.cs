using System.Globalization;

namespace RateWall.Policy;

/// <summary>What may be done when a unit has too many processes, in the order in which it is done.</summary>
public enum Rung
{
    /// <summary>One line in the journal, and a row of the history.</summary>
    Tell,

    /// <summary>Bans strangers that hold most of the connections.</summary>
    Ban,

    /// <summary>Puts the unit's services under siege.</summary>
    Siege,

    /// <summary>Restarts the unit.</summary>
    Restart,

    /// <summary>Stops the unit for a time; PID 1 holds the timer that starts it again.</summary>
    Stop,
}

/// <summary>How many processes are too many: a number, or a share of the unit's TasksMax.</summary>
/// <param name="Number">1 to 10000000, or 1 to 100 of a share.</param>
/// <param name="IsShare">True: per cent of TasksMax.</param>
public readonly record struct UnitLevel(int Number, bool IsShare)
{
    /// <summary>The number it comes to, at least 1; null: the unit has no TasksMax of which to take a share.</summary>
    public long? Of(ulong? tasksMax) => (IsShare, tasksMax) switch
    {
        (false, _) => Number,
        (true, { } max) => (long)Math.Max(1, Math.Ceiling(Math.Min(max, uint.MaxValue) * (Number / 100m))),
        _ => null,
    };

    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Number}{(IsShare ? "%" : "")}");
}

/// <summary>A unit of systemd whose processes are counted, and what is done when there are too many.</summary>
public sealed record UnitPolicy
{
    /// <summary>The word of <see cref="Process"/> for all of them, threads too.</summary>
    public const string AllProcesses = "all";

    /// <summary>Its name in the policy. Several may look at one unit.</summary>
    public required string Name { get; init; }

    /// <summary>The unit's full name.</summary>
    public required string Unit { get; init; }

    /// <summary>False: it is not looked at.</summary>
    public bool Enabled { get; init; } = true;

    /// <summary>The name of the processes that count; null: all tasks of the unit, as TasksMax counts them.</summary>
    public string? Process { get; init; }

    /// <summary>The services whose connections its processes answer.</summary>
    public IReadOnlyList<string> Services { get; init; } = [];

    /// <summary>From so many on it is told of.</summary>
    public UnitLevel Warn { get; init; } = new(60, IsShare: true);

    /// <summary>From so many on the ladder is climbed.</summary>
    public UnitLevel Act { get; init; } = new(80, IsShare: true);

    /// <summary>With so many, or fewer, it is over.</summary>
    public UnitLevel Normal { get; init; } = new(50, IsShare: true);

    /// <summary>How long there must be too many before anything is done.</summary>
    public TimeSpan After { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>How long there must be few before it is over.</summary>
    public TimeSpan Quiet { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>How long a rung is given to work before the next.</summary>
    public TimeSpan Pause { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Trouble that returns sooner than this doubles the wait before a restart or a stop.</summary>
    public TimeSpan Forget { get; init; } = TimeSpan.FromHours(1);

    /// <summary>What may be done, in ascending order; never empty.</summary>
    public IReadOnlyList<Rung> Ladder { get; init; } = [Rung.Tell];

    /// <summary>The fewest connections that the ban rung holds against a stranger, 1 to 10000.</summary>
    public int Holds { get; init; } = 5;

    /// <summary>How long a siege lasts beyond the last time it was asked for.</summary>
    public TimeSpan SiegeFor { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>How long a stopped unit stays stopped at most.</summary>
    public TimeSpan StopFor { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>True: the unit may be stopped although ssh, or mail on port 25, comes in by it.</summary>
    public bool AllowStop { get; init; }

    /// <summary>What is counted, for people: "imap-login processes".</summary>
    public string Counted => Process is null ? "tasks" : $"{Process} processes";
}
