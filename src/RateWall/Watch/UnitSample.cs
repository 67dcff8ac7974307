using RateWall.Policy;

namespace RateWall.Watch;

/// <summary>What was seen of an entry's unit at one moment.</summary>
/// <param name="At">When.</param>
/// <param name="Count">How many tasks, or processes of the entry's name; 0 of a unit that does not run.</param>
/// <param name="TasksMax">The most tasks that the unit may have; null: any number.</param>
/// <param name="IsActive">True while it runs, or is about to.</param>
/// <param name="InvocationId">PID 1's name for this run of it; "" when it never ran.</param>
public sealed record UnitSample(DateTimeOffset At, long Count, ulong? TasksMax, bool IsActive, string InvocationId)
{
    /// <summary>False while the unit is stopped by us and nobody holds the timer that starts it again.</summary>
    public bool ReturnIsHeld { get; init; } = true;

    /// <summary>True when it ended by itself, or could not be started.</summary>
    public bool IsFailed { get; init; }
}

/// <summary>What was seen of a unit at one moment, for all entries that look at it.</summary>
/// <param name="At">When.</param>
/// <param name="Unit">The unit's full name.</param>
/// <param name="ActiveState">"active", "inactive", "failed" and so on (systemd's ActiveState).</param>
/// <param name="Tasks">Its processes and threads, as TasksMax counts them; null: not counted.</param>
/// <param name="TasksMax">The most there can be; null: any number.</param>
/// <param name="InvocationId">PID 1's name for this run of it; "" when it never ran.</param>
/// <param name="Processes">How many processes of each name it has.</param>
public sealed record UnitLook(
    DateTimeOffset At, string Unit, string ActiveState, ulong? Tasks, ulong? TasksMax, string InvocationId, IReadOnlyDictionary<string, long> Processes)
{
    // linux/sched.h, TASK_COMM_LEN without its zero byte: a kernel's name of a process is cut there.
    private const int LongestKernelName = 15;

    /// <summary>True while it runs, or is about to.</summary>
    public bool IsActive => ActiveState is "active" or "reloading" or "refreshing" or "activating";

    /// <summary>What an entry counts of it.</summary>
    public UnitSample For(UnitPolicy entry)
    {
        ArgumentNullException.ThrowIfNull(entry);
        long count = entry.Process is { } name
            ? Processes.Where(p => p.Key == name || (p.Key.Length == LongestKernelName && name.StartsWith(p.Key, StringComparison.Ordinal))).Sum(p => p.Value)
            : Tasks is { } tasks ? (long)Math.Min(tasks, int.MaxValue) : Processes.Values.Sum();
        return new(At, count, TasksMax, IsActive, InvocationId) { IsFailed = ActiveState == "failed" };
    }
}
