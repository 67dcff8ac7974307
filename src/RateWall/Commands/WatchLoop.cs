using Polly;
using RateWall.Output;
using RateWall.Policy;
using RateWall.Storage;
using RateWall.Systemd;
using RateWall.Watch;

namespace RateWall.Commands;

/// <summary>
/// `ratewall watch`: a round each interval, and at once when PID 1 says that a watched unit changed. Between rounds nothing is
/// held, no lock and nothing in memory that a kill could lose. A bus that is lost is found again.
/// </summary>
internal sealed class WatchLoop : IDisposable
{
    /// <summary>How often the policy is read anew.</summary>
    public static readonly TimeSpan PolicyPeriod = TimeSpan.FromSeconds(15);

    /// <summary>How often is looked at most, however often units change.</summary>
    private static readonly TimeSpan LeastPause = TimeSpan.FromMilliseconds(500);

    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(1);

    private readonly Session session;
    private readonly UnrepeatedLines messages;
    private readonly ResidentProgram program = new();
    private EffectivePolicy current;
    private bool lost;

    private WatchLoop(Session session)
    {
        current = session.LoadPolicy();
        messages = new(session.Error, session.Time);
        this.session = session with { Error = messages };
    }

    /// <summary>Watches until it is told to stop.</summary>
    public static ExitCode Run(Session session)
    {
        MustHaveSystemd();
        using StateLock turn = StateLock.TryWatch(session.StateDirectory)
            ?? throw new CommandException(ExitCode.Refused, "another watch is running, perhaps ratewall-watch.service; only one can");
        using var loop = new WatchLoop(session);
        return loop.Watch();
    }

    /// <summary>Makes one round.</summary>
    public static ExitCode Once(Session session)
    {
        MustHaveSystemd();
        EffectivePolicy policy = session.LoadPolicy();
        using StateLock? turn = StateLock.TryWatch(session.StateDirectory);
        if (turn is null)
        {
            session.Error.WriteLine("ratewall: another watch is running; it looks at these units too, so there is nothing to do");
            return ExitCode.Done;
        }

        using SystemdUnits units = SystemdUnits.Connect([], session.Time);
        return Round(session, policy, units, always: true);
    }

    /// <summary>Prints a look at each watched unit, each interval, in the form that --simulate reads; does nothing else.</summary>
    public static ExitCode Record(Session session)
    {
        MustHaveSystemd();
        EffectivePolicy policy = session.LoadPolicy();
        using SystemdUnits units = SystemdUnits.Connect([], session.Time);
        string[] names = Names(policy);
        // Ended by a signal, which loses nothing.
        while (true)
        {
            foreach (string name in names)
                if (units.Look(name, withProcesses: true, session.Time.GetUtcNow()) is { } look) AnswerJson.Write(session.Out, UnitLooks.Form(look), AnswerJson.Default.UnitLookForm);
            session.Out.Flush();
            Thread.Sleep(policy.WatchInterval);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        program.Dispose();
        messages.Dispose();
    }

    private static void MustHaveSystemd()
    {
        if (SystemBus.IsSystemdRunning) return;
        throw new CommandException(
            ExitCode.Refused, "systemd is not this machine's init, so it has no units to watch; run it where systemd is PID 1, on the host and not in a container of it");
    }

    private ExitCode Watch()
    {
        while (program.GoOn())
        {
            try
            {
                using IUnitManager units = Connect();
                if (FollowPolicies(units) is { } broken) return broken;
            }
            catch (SystemdException e) when (e.IsConnectionLost)
            {
                Lose(e);
            }
            catch (OperationCanceledException)
            {
                break;
            }
        }

        program.End();
        return ExitCode.Done;
    }

    private SystemdUnits Connect()
    {
        ResiliencePipeline pipeline = Resilience.BusConnection(session.Time, e =>
        {
            program.GoOn();
            Lose(e);
        });
        SystemdUnits units = pipeline.Execute(_ => SystemdUnits.Connect(Names(ReadPolicy()), session.Time), program.Stopping);
        if (lost) session.Error.WriteLine("ratewall: PID 1 answers again; units are watched");
        lost = false;
        return units;
    }

    private void Lose(SystemdException e)
    {
        if (!lost) session.Error.WriteLine($"ratewall: PID 1 does not answer, so no unit is watched; trying again until it does: {e.Message}");
        lost = true;
        // It watches as soon as there is something to ask; who starts it is not to wait for that.
        program.Ready();
    }

    // One that has become wrong is told, and changes nothing until it is right again.
    private EffectivePolicy ReadPolicy()
    {
        CommandLine.Failure(session, () => current = session.LoadPolicy());
        return current;
    }

    // Rounds for as long as the same units are watched. What keeps the first round from being made ends it, as a wrong policy does.
    private ExitCode? FollowPolicies(IUnitManager units)
    {
        string[] watched = Names(current);
        while (program.GoOn())
        {
            long read = session.Time.GetTimestamp();
            while (program.GoOn() && session.Time.GetElapsedTime(read) < PolicyPeriod)
            {
                long started = session.Time.GetTimestamp();
                messages.NextRound();
                if (Round(units, current) is { } broken && !program.IsReady) return broken;
                program.Ready();
                Wait(units, current.WatchInterval, started);
            }

            if (!Names(ReadPolicy()).SequenceEqual(watched, StringComparer.Ordinal)) break;
        }

        return null;
    }

    // A connection that is lost is for the loop; every other failure is told, and the next round tries again.
    private ExitCode? Round(IUnitManager units, EffectivePolicy policy)
    {
        SystemdException? gone = null;
        ExitCode? broken = CommandLine.Failure(session, () =>
        {
            try
            {
                Round(session, policy, units, always: false);
            }
            catch (SystemdException e) when (e.IsConnectionLost)
            {
                gone = e;
            }
        });
        if (gone is not null) throw gone;
        return broken;
    }

    private void Wait(IUnitManager units, TimeSpan interval, long started)
    {
        bool changed = false;
        while (program.GoOn())
        {
            TimeSpan left = (changed ? LeastPause : interval) - session.Time.GetElapsedTime(started);
            if (left <= TimeSpan.Zero) return;
            changed |= units.Wait(left < LongestWait ? left : LongestWait);
        }
    }

    private static ExitCode Round(Session session, EffectivePolicy policy, IUnitManager units, bool always)
    {
        using StateDatabase state = OpenState(session);
        var round = new WatchRound(session, policy, units, state);
        try
        {
            IReadOnlyList<EntrySeen> seen = round.Run();
            TellOfLevels(session, seen);
            WatchAnswer.Tell(session, seen, round.Acts, always);
        }
        catch (SystemdException)
        {
            WatchAnswer.Tell(session, [], round.Acts, always: false);
            throw;
        }

        return !round.IsComplete || round.Acts.Any(a => a.State == UnitActState.Failed) ? ExitCode.Refused : ExitCode.Done;
    }

    private static void TellOfLevels(Session session, IReadOnlyList<EntrySeen> seen)
    {
        foreach (EntrySeen one in seen.Where(s => s.Look is not null && UnitWatch.Levels(s.Entry, s.Look.TasksMax) is null))
            session.Error.WriteLine($"ratewall: warning: {one.Entry.Unit} has no TasksMax of which units.{one.Entry.Name} could take a share; write numbers there, or set TasksMax");
    }

    private static StateDatabase OpenState(Session session)
    {
        using StateLock held = StateLock.Wall(session.StateDirectory, session.Time, session.Error);
        return StateDatabase.Open(session.StateDirectory, session.Time, session.Error);
    }

    private static string[] Names(EffectivePolicy policy) => [.. policy.WatchedUnits.Select(u => u.Unit).Distinct(StringComparer.Ordinal)];
}
