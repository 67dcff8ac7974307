namespace RateWall.Systemd;

/// <summary>A unit as PID 1 sees it now (org.freedesktop.systemd1(5)).</summary>
/// <param name="Name">The unit's own name, also when it was asked for by another one (Id).</param>
/// <param name="LoadState">"loaded", "not-found", "masked" and so on.</param>
/// <param name="ActiveState">"active", "inactive", "activating", "deactivating", "failed" and so on.</param>
/// <param name="SubState">The same in the words of its kind: "running", "dead", "auto-restart".</param>
/// <param name="TasksCurrent">Its processes and their threads, which is what TasksMax limits; null: not counted, as of a unit that does not run.</param>
/// <param name="TasksMax">The most there can be; null: no limit.</param>
/// <param name="Restarts">How often Restart= started it again since somebody last started it (NRestarts).</param>
/// <param name="InvocationId">32 hexadecimal digits, others each time it is started; "" when it never was.</param>
/// <param name="ActiveSince">When it last became active; null: never.</param>
public sealed record UnitState(
    string Name, string LoadState, string ActiveState, string SubState, ulong? TasksCurrent, ulong? TasksMax, uint Restarts,
    string InvocationId, DateTimeOffset? ActiveSince);
