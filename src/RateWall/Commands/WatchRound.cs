using System.Globalization;
using RateWall.Netfilter;
using RateWall.Policy;
using RateWall.Storage;
using RateWall.Systemd;
using RateWall.Wall;
using RateWall.Watch;

namespace RateWall.Commands;

/// <summary>The boundaries inside an act at which a program may die; tests stop it at each.</summary>
internal enum WatchStage
{
    /// <summary>It is written down.</summary>
    Written,

    /// <summary>Of a stop: the timer that starts the unit again is active.</summary>
    TimerActive,

    /// <summary>Of a stop: what would start the unit at once is stopped.</summary>
    TriggersStopped,

    /// <summary>It is done.</summary>
    Done,

    /// <summary>What came of it is written down.</summary>
    Settled,
}

/// <summary>What one look at a unit came to, for an entry.</summary>
/// <param name="Entry">The entry.</param>
/// <param name="Look">The unit as it was; null: PID 1 knows none of that name.</param>
/// <param name="Memory">What is remembered from then on.</param>
internal sealed record EntrySeen(UnitPolicy Entry, UnitLook? Look, UnitMemory Memory);

/// <summary>
/// One look at every watched unit, and what follows from it. What is done is written down before it is done, with what is
/// remembered from then on, and settled afterwards; what a dead program left unsettled comes first. At most one thing is
/// done to a unit in a round, whatever several entries want of it.
/// </summary>
internal sealed class WatchRound(Session session, EffectivePolicy policy, IUnitManager units, StateDatabase state, Action<WatchStage>? passing = null)
{
    /// <summary>What is remembered is written down as often, also when nothing happens: a longer gap would not be counted.</summary>
    private static readonly TimeSpan SaveAtLeast = UnitWatch.LongestGap / 2;

    private readonly string boot = BootClock.Current();
    private readonly Dictionary<string, StoredWatch> known = state.Watches().ToDictionary(w => w.Name, StringComparer.Ordinal);
    private readonly List<StoredUnitAct> acts = [];

    /// <summary>What was done and noticed, in order, with what came of it.</summary>
    public IReadOnlyList<StoredUnitAct> Acts => acts;

    /// <summary>Makes the round.</summary>
    /// <exception cref="SystemdException">PID 1 cannot be asked; what was written down is settled by the next round.</exception>
    public IReadOnlyList<EntrySeen> Run()
    {
        foreach (StoredUnitAct pending in state.PendingUnitActs()) Recover(pending);
        var seen = new List<EntrySeen>();
        foreach (IGrouping<string, UnitPolicy> unit in policy.WatchedUnits.GroupBy(u => u.Unit, StringComparer.Ordinal)) seen.AddRange(LookAt(unit.Key, [.. unit]));
        return seen;
    }

    private List<EntrySeen> LookAt(string unit, UnitPolicy[] entries)
    {
        UnitLook? look = units.Look(unit, entries.Any(e => e.Process is not null), session.Time.GetUtcNow());
        var seen = new List<EntrySeen>();
        bool acted = false;
        foreach (UnitPolicy entry in entries)
        {
            UnitMemory memory = MemoryOf(entry);
            if (look is not null && !acted)
            {
                WatchDecision decision = UnitWatch.Step(memory, look.For(entry) with { ReturnIsHeld = memory.StoppedUntil is null || IsHeld(entry) }, entry);
                if (decision.Event is { } happened)
                {
                    Act(entry, happened, decision.Memory, look, entries);
                    acted = happened.Act is >= UnitAct.Tell and <= UnitAct.Start;
                }
                else if (IsNews(memory, decision.Memory))
                {
                    Locked(() => state.SaveWatches([Remember(entry, decision.Memory)]));
                }
            }

            seen.Add(new(entry, look, MemoryOf(entry)));
        }

        return seen;
    }

    private UnitMemory MemoryOf(UnitPolicy entry)
    {
        if (!known.TryGetValue(entry.Name, out StoredWatch? watch) || watch.Unit != entry.Unit) return UnitMemory.Blank;
        return watch.Boot == boot ? watch.Memory : watch.Memory.AfterBoot();
    }

    private StoredWatch Remember(UnitPolicy entry, UnitMemory memory) => known[entry.Name] = new(entry.Name, entry.Unit, boot, memory);

    private bool IsHeld(UnitPolicy entry) => state.LastStop(entry.Name)?.Timer is { } timer && units.Holds(timer);

    // While nothing is wrong only time goes on, and that can be counted later.
    private static bool IsNews(UnitMemory before, UnitMemory after) =>
        before.LastLook is null || (after.LastLook - before.LastLook)!.Value.Duration() >= SaveAtLeast
        || after with { LastLook = before.LastLook, Quiet = before.Quiet, SinceRung = before.SinceRung, SinceAct = before.SinceAct, Few = before.Few } != before
        || after.Phase != UnitPhase.Normal || after.StoppedUntil is not null;

    private void Act(UnitPolicy entry, UnitEvent happened, UnitMemory memory, UnitLook look, UnitPolicy[] entries)
    {
        var act = new StoredUnitAct(0, entry.Name, entry.Unit, happened, UnitText.Reason(happened, entry), UnitActState.Pending, "") { Run = look.InvocationId };
        (IReadOnlyList<string> Others, IReadOnlyList<string> Triggers) down = ([], []);
        string? refused = null;
        if (happened.Act == UnitAct.Stop)
        {
            down = (units.StoppedWith(entry.Unit), units.TriggersOf(entry.Unit));
            refused = WhyNotStopped(entry, down.Others);
            // In the order in which they are started: a socket whose service runs already refuses to (systemd's socket_start).
            act = act with { Timer = $"ratewall-watch-{Guid.NewGuid().ToString("N", CultureInfo.InvariantCulture)}", Units = [.. down.Triggers, entry.Unit, .. down.Others] };
        }

        List<StoredWatch> remembered = [Remember(entry, memory)];
        // Of what is done to the unit the other entries must not be surprised.
        if (happened.Act is UnitAct.Restart or UnitAct.Stop or UnitAct.Start)
            remembered.AddRange(entries.Where(e => e != entry).Select(e => Remember(e, MemoryOf(e) with { ExpectsNewRun = true })));
        Locked(() => act = state.Begin(act, remembered));
        passing?.Invoke(WatchStage.Written);
        (UnitActState outcome, string text) = refused is null ? Do(act, entry, down.Triggers, look.For(entry).Count, look.TasksMax) : (UnitActState.Failed, refused);
        passing?.Invoke(WatchStage.Done);
        if (outcome == UnitActState.Failed && happened.Act is UnitAct.Restart or UnitAct.Stop)
            remembered = [.. entries.Select(e => Remember(e, MemoryOf(e) with { ExpectsNewRun = false, StoppedUntil = e == entry ? null : MemoryOf(e).StoppedUntil }))];
        Settle(act, outcome, text, remembered);
    }

    private (UnitActState Outcome, string Text) Do(StoredUnitAct act, UnitPolicy entry, IReadOnlyList<string> triggers, long count, ulong? tasksMax)
    {
        try
        {
            return (UnitActState.Done, Perform(act, entry, triggers, count - (UnitWatch.Levels(entry, tasksMax)?.Normal ?? 0)));
        }
        catch (Exception e) when (e is NetfilterException or CommandException or SystemdException { IsConnectionLost: false })
        {
            return (UnitActState.Failed, e.Message);
        }
    }

    private string Perform(StoredUnitAct act, UnitPolicy entry, IReadOnlyList<string> triggers, long surplus)
    {
        switch (act.Happened.Act)
        {
            case UnitAct.Ban:
                return new UnitRelief(session, policy, state).Ban(entry, surplus);
            case UnitAct.Siege:
                return new UnitRelief(session, policy, state).Siege(entry, act.Happened.Until!.Value);
            case UnitAct.Restart:
                units.RestartUnit(entry.Unit);
                return "restarted";
            case UnitAct.Stop:
                Stop(act, triggers);
                return $"stopped {string.Join(", ", act.Units)}; {act.Timer}.timer starts {(act.Units.Count == 1 ? "it" : "them")} again";
            case UnitAct.Start:
                return Start(act.Watch, entry.Unit);
            case UnitAct.Back:
                EndTimer(act.Watch);
                return "";
            default:
                return "";
        }
    }

    // First somebody holds the return, then it is stopped; a socket must not start it again at once.
    private void Stop(StoredUnitAct act, IReadOnlyList<string> triggers)
    {
        units.StartTimer(new(act.Timer!, $"RateWall: starts {act.Unit} again", act.Happened.Until!.Value - act.Happened.At, act.Units));
        passing?.Invoke(WatchStage.TimerActive);
        try
        {
            foreach (string trigger in triggers) units.StopUnit(trigger);
            passing?.Invoke(WatchStage.TriggersStopped);
            units.StopUnit(act.Unit);
        }
        catch (SystemdException e) when (!e.IsConnectionLost)
        {
            // The unit may not be stopped by hand: then its sockets must not stay down either.
            foreach (string unit in act.Units) units.StartUnit(unit);
            units.EndTimer(act.Timer!);
            throw;
        }
    }

    // The timer is ended last: until then it holds what could not be started.
    private string Start(string watch, string unit)
    {
        IReadOnlyList<string> all = state.LastStop(watch)?.Units is { Count: > 0 } stopped ? stopped : [unit];
        foreach (string one in all) units.StartUnit(one);
        EndTimer(watch);
        return $"started {string.Join(", ", all)}";
    }

    private void EndTimer(string watch)
    {
        if (state.LastStop(watch)?.Timer is { } timer) units.EndTimer(timer);
    }

    private string? WhyNotStopped(UnitPolicy entry, IReadOnlyList<string> others)
    {
        if (entry.AllowStop) return null;
        var guarded = new ProtectedUnits(policy.Services);
        return others.Select(guarded.Why).FirstOrDefault(why => why is not null) is { } found
            ? $"not stopped, because a unit would stop with it: {found}; 'allow-stop: true' would allow it"
            : null;
    }

    // What a program that died wrote down: is it done? If that cannot be told it is not done again, but for what repeating
    // cannot harm; trouble that lasts has the ladder.
    private void Recover(StoredUnitAct act)
    {
        UnitPolicy? entry = policy.Units.FirstOrDefault(u => u.Name == act.Watch && u.Unit == act.Unit);
        const string interrupted = "the program ended before it was done";
        switch (act.Happened.Act)
        {
            case UnitAct.Ban:
                Settle(act, UnitActState.Interrupted, $"{interrupted}, or before it could be told whom it hit", []);
                break;
            case UnitAct.Siege when entry is not null && act.Happened.Until > session.Time.GetUtcNow():
                (UnitActState outcome, string text) = Do(act, entry, [], count: 0, tasksMax: null);
                Settle(act, outcome, text, []);
                break;
            case UnitAct.Siege:
                Settle(act, UnitActState.Interrupted, interrupted, []);
                break;
            case UnitAct.Restart:
                bool begun = units.Look(act.Unit, withProcesses: false, session.Time.GetUtcNow()) is not { ActiveState: "active" } look || look.InvocationId != act.Run;
                Settle(act, begun ? UnitActState.Done : UnitActState.Interrupted, begun ? "restarted" : interrupted, begun ? [] : Forget(act, m => m with { ExpectsNewRun = false }));
                break;
            case UnitAct.Stop:
                RecoverStop(act, interrupted);
                break;
            case UnitAct.Start:
                Settle(act, UnitActState.Done, Start(act.Watch, act.Unit), []);
                break;
            default:
                Settle(act, UnitActState.Done, "", []);
                break;
        }
    }

    private void RecoverStop(StoredUnitAct act, string interrupted)
    {
        bool held = act.Timer is { } timer && units.Holds(timer);
        bool active = units.Look(act.Unit, withProcesses: false, session.Time.GetUtcNow()) is { IsActive: true };
        if (held && !active)
        {
            Settle(act, UnitActState.Done, $"stopped {string.Join(", ", act.Units)}; {act.Timer}.timer starts {(act.Units.Count == 1 ? "it" : "them")} again", []);
            return;
        }

        // Half of it may be down. Starting what runs harms nothing, and the timer is ended when all of it was asked for.
        if (held || !active)
            foreach (string unit in act.Units) units.StartUnit(unit);
        if (held) units.EndTimer(act.Timer!);
        Settle(act, UnitActState.Interrupted, held || !active ? $"{interrupted}; what was down is started" : interrupted, Forget(act, m => m with { StoppedUntil = null, ExpectsNewRun = held || !active }));
    }

    private StoredWatch[] Forget(StoredUnitAct act, Func<UnitMemory, UnitMemory> without)
    {
        if (!known.TryGetValue(act.Watch, out StoredWatch? watch) || watch.Unit != act.Unit) return [];
        return [known[act.Watch] = watch with { Memory = without(watch.Memory) }];
    }

    private void Settle(StoredUnitAct act, UnitActState outcome, string text, IReadOnlyList<StoredWatch> remembered)
    {
        Locked(() => state.Settle(act, outcome, text, remembered));
        acts.Add(act with { State = outcome, Outcome = text });
        passing?.Invoke(WatchStage.Settled);
    }

    private void Locked(Action write)
    {
        using StateLock turn = StateLock.Wall(session.StateDirectory, session.Time, session.Error);
        write();
    }
}
