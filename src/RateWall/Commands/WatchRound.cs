using System.Globalization;
using RateWall.Netfilter;
using RateWall.Output;
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

    /// <summary>Of a stop: the unit is stopped, and what would start it at once is not.</summary>
    UnitStopped,

    /// <summary>Of a stop: that is stopped too.</summary>
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
    private readonly UnitStops stops = new(units, state, passing);

    /// <summary>What was done and noticed, in order, with what came of it.</summary>
    public IReadOnlyList<StoredUnitAct> Acts => acts;

    /// <summary>False when PID 1 refused to tell of a unit, or of what a dead program left.</summary>
    public bool IsComplete { get; private set; } = true;

    /// <summary>Makes the round. What PID 1 refuses of one unit is told, and keeps no other from being looked at.</summary>
    /// <exception cref="SystemdException">PID 1 cannot be asked; what was written down is settled by the next round.</exception>
    public IReadOnlyList<EntrySeen> Run()
    {
        foreach (StoredUnitAct pending in state.PendingUnitActs()) Guarded(pending.Unit, () => Recover(pending));
        var seen = new List<EntrySeen>();
        foreach (IGrouping<string, UnitPolicy> unit in policy.WatchedUnits.GroupBy(u => u.Unit, StringComparer.Ordinal))
        {
            UnitPolicy[] entries = [.. unit];
            if (!Guarded(unit.Key, () => seen.AddRange(LookAt(unit.Key, entries)))) seen.AddRange(entries.Select(e => new EntrySeen(e, null, MemoryOf(e))));
        }

        return seen;
    }

    private bool Guarded(string unit, Action ask)
    {
        try
        {
            ask();
            return true;
        }
        catch (SystemdException e) when (!e.IsConnectionLost)
        {
            session.Error.WriteLine($"ratewall: {TerminalText.Escape(unit)} is not watched: {TerminalText.Escape(e.Message)}");
            return IsComplete = false;
        }
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
                WatchDecision decision = UnitWatch.Step(memory, look.For(entry) with { ReturnIsHeld = memory.StoppedUntil is null || stops.IsHeld(entry.Name) }, entry);
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

    // While nothing is wrong only time goes on, and that can be counted later.
    private static bool IsNews(UnitMemory before, UnitMemory after) =>
        before.LastLook is null || (after.LastLook - before.LastLook)!.Value.Duration() >= SaveAtLeast
        || after with { LastLook = before.LastLook, Quiet = before.Quiet, SinceRung = before.SinceRung, SinceAct = before.SinceAct, Few = before.Few } != before
        || after.Phase != UnitPhase.Normal || after.StoppedUntil is not null;

    private void Act(UnitPolicy entry, UnitEvent happened, UnitMemory memory, UnitLook look, UnitPolicy[] entries)
    {
        var act = new StoredUnitAct(0, entry.Name, entry.Unit, happened, UnitText.Reason(happened, entry), UnitActState.Pending, "") { Run = look.InvocationId };
        UnitsDown down = UnitsDown.None;
        string? refused = null;
        if (happened.Act == UnitAct.Stop)
        {
            refused = WhyNotStopped(entry, ref down);
            // In the order in which they are started: a socket whose service runs already refuses to (systemd's socket_start).
            act = act with { Timer = $"ratewall-watch-{Guid.NewGuid().ToString("N", CultureInfo.InvariantCulture)}", Units = [.. down.Triggers, entry.Unit, .. down.Others] };
        }

        List<StoredWatch> remembered = [Remember(entry, memory)];
        // Of what is done to the unit the other entries must not be surprised.
        if (happened.Act is UnitAct.Restart or UnitAct.Stop or UnitAct.Start)
            remembered.AddRange(entries.Where(e => e != entry).Select(e => Remember(e, MemoryOf(e) with { ExpectsNewRun = true })));
        Locked(() => act = state.Begin(act, remembered));
        passing?.Invoke(WatchStage.Written);
        (UnitActState outcome, string text) = refused is not null ? (UnitActState.Failed, refused) : Do(() => Perform(act, entry, down.Triggers, Surplus(entry, look)));
        passing?.Invoke(WatchStage.Done);
        if (outcome == UnitActState.Failed && happened.Act is UnitAct.Restart or UnitAct.Stop)
            remembered = [.. entries.Select(e => Remember(e, MemoryOf(e) with { ExpectsNewRun = false, StoppedUntil = e == entry ? null : MemoryOf(e).StoppedUntil }))];
        // On a busy machine it takes its time, and that is none in which it has worked.
        remembered.Add(Remember(entry, MemoryOf(entry) with { LastLook = session.Time.GetUtcNow() }));
        Settle(act, outcome, text, remembered);
    }

    private static long Surplus(UnitPolicy entry, UnitLook look) => look.For(entry).Count - (UnitWatch.Levels(entry, look.TasksMax)?.Normal ?? 0);

    private static (UnitActState Outcome, string Text) Do(Func<string> deed)
    {
        try
        {
            return (UnitActState.Done, deed());
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
                stops.Stop(act, triggers);
                return Stopped(act);
            case UnitAct.Start:
                return stops.Start(act.Watch, entry.Unit);
            case UnitAct.Back:
                return stops.Finish(act.Watch, entry.Unit);
            default:
                return "";
        }
    }

    private static string Stopped(StoredUnitAct act) => $"stopped {string.Join(", ", act.Units)}; {act.Timer}.timer starts {(act.Units.Count == 1 ? "it" : "them")} again";

    private string? WhyNotStopped(UnitPolicy entry, ref UnitsDown down)
    {
        try
        {
            down = stops.Reach(entry.Unit);
        }
        catch (SystemdException e) when (!e.IsConnectionLost)
        {
            return $"not stopped, because what would stop with it cannot be told: {e.Message}";
        }

        if (entry.AllowStop) return null;
        var guarded = new ProtectedUnits(policy.Services);
        return down.Triggers.Concat(down.Others).Select(guarded.Why).FirstOrDefault(why => why is not null) is { } found
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
                Settle(act, () => new UnitRelief(session, policy, state).Siege(entry, act.Happened.Until.Value));
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
                Settle(act, () => stops.Start(act.Watch, act.Unit));
                break;
            case UnitAct.Back:
                Settle(act, () => stops.Finish(act.Watch, act.Unit));
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
        // Half of it may be down, or all of it and the timer lost. Starting what runs harms nothing.
        string? problem = held == active ? stops.StartAll(act.Units) : null;
        if (!active && (held || problem is not null))
        {
            Settle(act, UnitActState.Done, problem ?? Stopped(act), []);
            return;
        }

        if (held && problem is null) units.EndTimer(act.Timer!);
        Settle(
            act, UnitActState.Interrupted, held || !active ? $"{interrupted}; {problem ?? "what was down is started"}" : interrupted,
            Forget(act, m => m with { StoppedUntil = null, ExpectsNewRun = held || !active }));
    }

    private StoredWatch[] Forget(StoredUnitAct act, Func<UnitMemory, UnitMemory> without)
    {
        if (!known.TryGetValue(act.Watch, out StoredWatch? watch) || watch.Unit != act.Unit) return [];
        return [known[act.Watch] = watch with { Memory = without(watch.Memory) }];
    }

    private void Settle(StoredUnitAct act, Func<string> deed)
    {
        (UnitActState outcome, string text) = Do(deed);
        Settle(act, outcome, text, []);
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
