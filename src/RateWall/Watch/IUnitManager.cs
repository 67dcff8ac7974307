namespace RateWall.Watch;

/// <summary>A timer that starts units again, whatever becomes of this program.</summary>
/// <param name="Name">Its unit's name without suffix, unique to this act.</param>
/// <param name="Description">For `systemctl list-timers`.</param>
/// <param name="After">How long from now.</param>
/// <param name="Units">What it starts, in this order.</param>
public sealed record ReturnTimer(string Name, string Description, TimeSpan After, IReadOnlyList<string> Units);

/// <summary>What a watch needs of PID 1. Every member may throw a <see cref="Systemd.SystemdException"/>.</summary>
public interface IUnitManager : IDisposable
{
    /// <summary>Looks at a unit; null: PID 1 knows none of that name.</summary>
    UnitLook? Look(string unit, bool withProcesses, DateTimeOffset at);

    /// <summary>True while a timer is to fire, or what it starts is being started.</summary>
    bool Holds(string timer);

    /// <summary>Active units that a stop of this one takes down too.</summary>
    IReadOnlyList<string> StoppedWith(string unit);

    /// <summary>Active units that would start this one again: sockets, paths, timers.</summary>
    IReadOnlyList<string> TriggersOf(string unit);

    /// <summary>Returns when the timer is active.</summary>
    void StartTimer(ReturnTimer timer);

    /// <summary>Ends a timer; one that is not there is ended.</summary>
    void EndTimer(string timer);

    /// <summary>Restarts a unit that runs; one that somebody stopped stays so.</summary>
    void RestartUnit(string unit);

    /// <summary>Starts a unit; one that runs goes on.</summary>
    void StartUnit(string unit);

    /// <summary>Stops a unit.</summary>
    void StopUnit(string unit);

    /// <summary>Waits until something happens to a watched unit, no longer than so long; true: something did.</summary>
    bool Wait(TimeSpan longest);
}
