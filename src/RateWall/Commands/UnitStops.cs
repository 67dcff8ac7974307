using RateWall.Storage;
using RateWall.Systemd;
using RateWall.Watch;

namespace RateWall.Commands;

/// <summary>What a stop of a unit takes down besides it.</summary>
/// <param name="Triggers">What would start it again at once: sockets, paths, timers.</param>
/// <param name="Others">What stops with it, or with one of these.</param>
internal sealed record UnitsDown(IReadOnlyList<string> Triggers, IReadOnlyList<string> Others)
{
    /// <summary>Nothing.</summary>
    public static UnitsDown None { get; } = new([], []);
}

/// <summary>Stops units so that PID 1 brings them back whatever becomes of this program, and brings them back itself.</summary>
internal sealed class UnitStops(IUnitManager units, StateDatabase state, Action<WatchStage>? passing)
{
    /// <summary>Looks what is active now and would go down.</summary>
    public UnitsDown Reach(string unit)
    {
        IReadOnlyList<string> triggers = units.TriggersOf(unit);
        IEnumerable<string> others = triggers.Prepend(unit).SelectMany(units.StoppedWith);
        return new(triggers, [.. others.Where(o => o != unit && !triggers.Contains(o, StringComparer.Ordinal)).Distinct(StringComparer.Ordinal)]);
    }

    /// <summary>True while the timer of an entry's last stop is to fire, or fires.</summary>
    public bool IsHeld(string watch) => state.LastStop(watch)?.Timer is { } timer && units.Holds(timer);

    /// <summary>
    /// First somebody holds the return; then the unit is stopped, then what would start it again. Not the other way round: a socket
    /// cannot be started while its service runs (systemd's socket_start), so a socket that went down before it might stay down.
    /// </summary>
    public void Stop(StoredUnitAct act, IReadOnlyList<string> triggers)
    {
        units.StartTimer(new(act.Timer!, $"RateWall: starts {act.Unit} again", act.Happened.Until!.Value - act.Happened.At, act.Units));
        passing?.Invoke(WatchStage.TimerActive);
        try
        {
            units.StopUnit(act.Unit);
            passing?.Invoke(WatchStage.UnitStopped);
            foreach (string trigger in triggers) units.StopUnit(trigger);
            passing?.Invoke(WatchStage.TriggersStopped);
            // A trigger may have been quicker.
            if (triggers.Count > 0) units.StopUnit(act.Unit);
        }
        catch (SystemdException e) when (!e.IsConnectionLost)
        {
            // One of them may not be stopped by hand: then the others must not stay down. What cannot be started is left to the timer.
            if (StartAll(act.Units) is null) units.EndTimer(act.Timer!);
            throw;
        }
    }

    /// <summary>Starts what an entry's last stop took down, and ends its timer; says in a sentence what.</summary>
    /// <exception cref="SystemdException">One of them cannot be started; the others are, and the timer goes on.</exception>
    public string Start(string watch, string unit)
    {
        IReadOnlyList<string> all = state.LastStop(watch)?.Units is { Count: > 0 } stopped ? stopped : [unit];
        if (StartAll(all) is { } problem) throw new SystemdException($"starting {string.Join(", ", all)}", 0, problem);
        EndTimer(watch);
        return $"started {string.Join(", ", all)}";
    }

    /// <summary>
    /// The unit is back, whoever started it: so is what went down with it, unless the timer has seen to that. Says what cannot
    /// be started.
    /// </summary>
    public string Finish(string watch, string unit)
    {
        string? problem = IsHeld(watch) ? StartAll(state.LastStop(watch)!.Units.Where(u => u != unit)) : null;
        EndTimer(watch);
        return problem ?? "";
    }

    /// <summary>Starts units in this order; one that cannot be started keeps no other from it. Null: all are asked for.</summary>
    public string? StartAll(IEnumerable<string> all)
    {
        var problems = new List<string>();
        foreach (string unit in all)
        {
            try
            {
                units.StartUnit(unit);
            }
            catch (SystemdException e) when (!e.IsConnectionLost)
            {
                problems.Add($"{unit} is not started: {e.Message}");
            }
        }

        return problems.Count == 0 ? null : string.Join("; ", problems);
    }

    private void EndTimer(string watch)
    {
        if (state.LastStop(watch)?.Timer is { } timer) units.EndTimer(timer);
    }
}
