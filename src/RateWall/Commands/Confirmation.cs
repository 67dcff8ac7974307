using System.Globalization;
using RateWall.Output;
using RateWall.Policy;
using RateWall.Storage;
using RateWall.Wall;

namespace RateWall.Commands;

/// <summary>
/// The wait for somebody to say that the new wall has not locked him out. The order is always: what is needed to go back is on
/// the disk, then somebody else holds the deadline, then the new rules. Callers hold the wall lock.
/// </summary>
internal sealed class Confirmation(Session session, KernelWall wall)
{
    /// <summary>What waits, or what ran out; null when there is neither.</summary>
    public UnconfirmedWall? Current { get; private set; } = UnconfirmedWall.Read(session.StateDirectory);

    /// <summary>Takes back what is overdue, without waiting for its keeper; says in a sentence what it did, else null.</summary>
    public string? TakeBackIfOverdue()
    {
        if (Current is not { } current || !current.IsOverdue(session.Time, BootClock.Current())) return null;
        TakeBack();
        return $"the wall that was to be confirmed until {HumanTime.Time(current.Until, TimeZoneInfo.Local)} was not, and is taken back: {Before(current)}";
    }

    /// <summary>The same, for whoever has nothing else to do with the wall; cheap when nothing waits.</summary>
    public static void TakeBackIfOverdue(Session session)
    {
        if (UnconfirmedWall.Read(session.StateDirectory)?.IsOverdue(session.Time, BootClock.Current()) != true) return;
        using StateLock turn = StateLock.Wall(session.StateDirectory, session.Time, session.Error);
        using KernelWall wall = KernelWall.Open(session.StateDirectory, session.Time);
        if (new Confirmation(session, wall).TakeBackIfOverdue() is { } sentence) session.Error.WriteLine($"ratewall: {sentence}");
    }

    /// <summary>
    /// True when this policy was never confirmed and comes only because the machine, or the table, was lost: then the wall
    /// before it is put up in its place. Asked a second time in one boot, the operator means it.
    /// </summary>
    public bool HoldsBack(EffectivePolicy policy, Ruleset ruleset)
    {
        if (Current is not { } current || current.Fingerprint != UnconfirmedWall.FingerprintOf(policy, ruleset)) return false;
        bool known = current.Boot == BootClock.Current();
        if (known && (current.TakenBack || wall.Present)) return false;
        TakeBack();
        return true;
    }

    /// <summary>Begins a wait: returns when the wall as it is now will come back, whatever happens.</summary>
    public UnconfirmedWall Begin(EffectivePolicy policy, Ruleset ruleset, TimeSpan wait)
    {
        // Who tries a second policy while the first waits goes back, if he must, to the wall that had been confirmed.
        PriorWall? prior = Current is { TakenBack: false } waiting ? wall.RememberFurther(waiting.Prior, ruleset) : wall.Remember(ruleset);
        var begun = new UnconfirmedWall
        {
            Id = Guid.NewGuid().ToString("N", CultureInfo.InvariantCulture),
            Keeper = ConfirmationKeeper.Available,
            Until = session.Time.GetUtcNow() + wait,
            Deadline = BootClock.Milliseconds(session.Time) + (long)wait.TotalMilliseconds,
            Boot = BootClock.Current(),
            Fingerprint = UnconfirmedWall.FingerprintOf(policy, ruleset),
            Prior = prior,
        };
        begun.Write(session.StateDirectory);
        try
        {
            ConfirmationKeeper.Arm(session, begun, wait);
        }
        catch
        {
            GoBackTo(Current);
            throw;
        }

        return begun;
    }

    /// <summary>The new wall is up: the wait before it, if there was one, is over.</summary>
    public void Begun(UnconfirmedWall begun)
    {
        if (Current is { TakenBack: false } before) ConfirmationKeeper.Disarm(session, before);
        Current = begun;
    }

    /// <summary>The new wall did not come up; everything is as it was.</summary>
    public void Abandon(UnconfirmedWall begun)
    {
        GoBackTo(Current);
        ConfirmationKeeper.Disarm(session, begun);
    }

    /// <summary>The wall stays, and nothing is held against its policy any more.</summary>
    public void Settle()
    {
        if (Current is not { } current) return;
        UnconfirmedWall.Forget(session.StateDirectory);
        if (!current.TakenBack) ConfirmationKeeper.Disarm(session, current);
        Current = null;
    }

    /// <summary>The whole wall goes: nothing waits any more, and what was never confirmed stays so.</summary>
    public bool Cancel()
    {
        if (Current is not { TakenBack: false } waiting) return false;
        MarkTakenBack(waiting);
        ConfirmationKeeper.Disarm(session, waiting);
        return true;
    }

    /// <summary>Puts the wall before this one back. Stopped anywhere, it is done again.</summary>
    public void TakeBack()
    {
        UnconfirmedWall current = Current ?? throw new InvalidOperationException("nothing waits for confirmation");
        wall.PutBack(current.Prior, Restore);
        MarkTakenBack(current);
    }

    /// <summary>What stands after it was taken back, for people.</summary>
    public static string Before(UnconfirmedWall wall) => wall.Prior is null ? "there is no wall, as before it" : "the wall before it is up again";

    // A wall that was lost meanwhile gets back what the history says is in force.
    private void Restore()
    {
        try
        {
            using StateDatabase state = StateDatabase.Open(session.StateDirectory, session.Time, session.Error);
            EffectivePolicy policy = session.LoadPolicy();
            var restoration = new Restoration(state, wall, policy, session.Time) { Connections = new(policy, Exemptions.Read(policy), session.Time) };
            restoration.All();
            using KernelPorts ports = KernelPorts.Open(session.Time);
            new PortMeasures(state, ports, policy, session.Time).Restore();
            ApplyCommand.TellOfFullSets(session, restoration);
            ApplyCommand.EndConnections(session, restoration);
        }
        catch (PolicyException)
        {
            session.Error.WriteLine("ratewall: warning: the policy is wrong, so the bans are not back yet; the next 'ratewall correlate' puts them back once it is right");
        }
    }

    private void MarkTakenBack(UnconfirmedWall wall)
    {
        // What was dropped is in the kernel again, or gone for good.
        Current = wall with { TakenBack = true, Boot = BootClock.Current(), Prior = wall.Prior is { } prior ? prior with { Dropped = [] } : null };
        Current.Write(session.StateDirectory);
    }

    private void GoBackTo(UnconfirmedWall? before)
    {
        if (before is null) UnconfirmedWall.Forget(session.StateDirectory);
        else before.Write(session.StateDirectory);
    }
}
