using System.CommandLine;
using System.Globalization;
using RateWall.Detection.Correlation;
using RateWall.Detection.Logs;
using RateWall.Output;
using RateWall.Policy;
using RateWall.Storage;
using RateWall.Wall;

namespace RateWall.Commands;

/// <summary>How a round ended.</summary>
/// <param name="Code">What the command that made it ends with.</param>
/// <param name="IsAnyFull">Whether a service was full of connections without a login; null: it was not time to look.</param>
internal readonly record struct RoundOutcome(ExitCode Code, bool? IsAnyFull);

/// <summary>`ratewall correlate`: reads what the logs have new, and bans whoever offended.</summary>
internal static class CorrelateCommand
{
    private static readonly TimeSpan LeastHorizon = TimeSpan.FromHours(24);
    private static readonly TimeSpan LeastMemory = TimeSpan.FromDays(90);

    private static readonly Option<bool> Follow = new("--follow")
    {
        Description = "Keep running and read each line as it comes, until stopped (SIGTERM, Ctrl-C).",
    };

    public static Command Create()
    {
        Command command = CommandLine.Verb(
            "correlate",
            "Reads what is new in the logs and bans offenders. Each line is counted once, whatever happens. The first run reads a log file from its start and the journal from 24 hours ago; what is too long ago leads to no ban, and lines without a time do not count in it. What others changed of the wall since the last apply, or took away, is put back. A second run at the same time does nothing.",
            "ratewall correlate --format json",
            (session, arguments) => arguments.GetValue(Follow) ? FollowLoop.Run(session) : Run(session));
        command.Add(Follow);
        return command;
    }

    private static ExitCode Run(Session session)
    {
        EffectivePolicy policy = session.LoadPolicy();
        RuleSet rules = OperatorRules.Load(session.RulesDirectory);
        using StateLock? run = StateLock.TryRun(session.StateDirectory);
        if (run is not null) return Round(session, policy, rules).Code;
        session.Error.WriteLine("ratewall: another correlate is running; it reads these lines too, so there is nothing to do");
        Print(session, new(0, 0, 0, 0, 0));
        return ExitCode.Done;
    }

    /// <summary>Reads every log to its end. The caller holds the lock of the one run at a time.</summary>
    /// <param name="session">Where things are.</param>
    /// <param name="policy">What is watched.</param>
    /// <param name="rules">The rule files.</param>
    /// <param name="goOn">
    /// Asked after each step of reading; a round that is told not to go on leaves the rest to the next. With it only what
    /// happened is told. Null: a run by itself, which says how it went.
    /// </param>
    internal static RoundOutcome Round(Session session, EffectivePolicy policy, RuleSet rules, Func<bool>? goOn = null)
    {
        long started = session.Time.GetTimestamp();
        Confirmation.TakeBackIfOverdue(session);
        using KernelWall wall = KernelWall.Open(session.StateDirectory, session.Time);
        if (!wall.Present && AppliedWall.Read(session.StateDirectory) is null)
            throw new CommandException(ExitCode.Refused, "the wall is not up, so nobody could be banned and nothing was read; run 'ratewall apply' first");
        using StateDatabase state = OpenState(session);
        Exemptions exemptions = Exemptions.Read(policy);
        string? mended = WallMending.Run(session, policy, wall, exemptions, state);
        AlignPorts(session, policy, state);
        using KernelPorts ports = KernelPorts.Open(session.Time);
        var measures = new PortMeasures(state, ports, policy, session.Time);
        var commit = new StepCommit(
            state, BanSets.Of(wall.Bans, measures, new(policy, exemptions, session.Time)), policy, exemptions, session.Time, () => StateLock.Wall(session.StateDirectory, session.Time, session.Error));
        (long Count, IReadOnlyList<StoredBan> First) settled = commit.Settle();
        CorrelationRun reading;
        // Before the logs: then a login on what is seen here has been written by the time they have been read.
        var connections = ConnectionWatch.Look(policy, exemptions, state, session.Time);
        using (var progress = new ProgressLine(session.Error, session.ErrorTerminal, session.Time))
        {
            reading = new(policy, rules, exemptions.Keys, state, commit, session.Time, session.Error, progress) { GoOn = goOn, Connections = connections };
            foreach (PlannedLog log in LogPlan.For(policy)) reading.Read(log);
            reading.Judge();
        }

        EndedConnections held = connections.EndHeld(), crowd = connections.MakeRoom();
        int ended = held.Ended + crowd.Ended;

        if (rules.RegexTimeouts > 0)
            session.Error.WriteLine($"ratewall: warning: {rules.RegexTimeouts} lines were given up because a regex rule took too long; they were taken for no login try");
        Prune(session, state, policy);
        TellOfFullSets(session, commit);
        TellOfConnections(session, commit, held, connections.Problem);
        TellOfCrowds(session, connections.Crowded, crowd);
        if (goOn is null || reading.Verdicts.Count + settled.Count + commit.Sieges.Count + ended > 0 || mended is not null)
            Tell(session, reading, commit, settled, mended, ended, session.Time.GetElapsedTime(started));
        return new(
            commit.WithoutRoom > 0 && reading.Worst < ExitCode.Refused ? ExitCode.Refused : reading.Worst,
            connections.IsLook ? connections.IsAnyFull : null);
    }

    private static void AlignPorts(Session session, EffectivePolicy policy, StateDatabase state)
    {
        using StateLock held = StateLock.Wall(session.StateDirectory, session.Time, session.Error);
        using KernelPorts ports = KernelPorts.Open(session.Time);
        // A wall of an earlier version is for the next apply.
        if (!ports.WallKnowsPorts) return;
        IReadOnlyList<StoredMeasure> lost = new PortMeasures(state, ports, policy, session.Time).Restore();
        if (lost.Count > 0) session.Error.WriteLine($"ratewall: put back what was missing in the wall: {string.Join(", ", lost.Select(PortMeasures.Name))}");
    }

    private static StateDatabase OpenState(Session session)
    {
        using StateLock held = StateLock.Wall(session.StateDirectory, session.Time, session.Error);
        return StateDatabase.Open(session.StateDirectory, session.Time, session.Error);
    }

    private static void Prune(Session session, StateDatabase state, EffectivePolicy policy)
    {
        TimeSpan horizon = policy.Enabled
            .Select(s => s.Detections.Horizon)
            .Append(LeastHorizon)
            .Max();
        TimeSpan memory = policy.Bans.Memory > LeastMemory ? policy.Bans.Memory : LeastMemory;
        using StateLock held = StateLock.Wall(session.StateDirectory, session.Time, session.Error);
        state.Prune(session.Time.GetUtcNow(), horizon, memory);
    }

    private static void TellOfFullSets(Session session, StepCommit commit)
    {
        if (commit.WithoutRoom > 0)
            session.Error.WriteLine($"ratewall: {commit.WithoutRoom} offenders are not banned, because the kernel's set of bans is full; raise bans.size in the policy and run 'ratewall apply', the next run bans them");
        if (commit.TrustWithoutRoom > 0)
            session.Error.WriteLine($"ratewall: warning: the kernel's set of trusted sources is full; {commit.TrustWithoutRoom} that logged in now have the limits of strangers until there is room");
    }

    private static void TellOfConnections(Session session, StepCommit commit, EndedConnections held, string? unseen)
    {
        if (held.Ended > 0 && session.Format == OutputFormat.Table)
            session.Out.WriteLine($"ended {HumanCount.Of(held.Ended, "connection")} that nobody logged in on, of sources that are logged in on others");
        if (unseen is not null)
            session.Error.WriteLine($"ratewall: warning: open connections were not looked at, so nobody who holds them is found: {unseen}");
        if (held.Problem is { } unended)
            session.Error.WriteLine($"ratewall: warning: held connections were not ended: {unended}");
        if (commit.ConnectionsEnded > 0 && session.Format == OutputFormat.Table)
            session.Out.WriteLine($"ended {HumanCount.Of(commit.ConnectionsEnded, "open connection")} of banned sources");
        if (commit.ConnectionsProblem is { } problem)
            session.Error.WriteLine($"ratewall: warning: the bans stand, but open connections of banned sources were not ended: {problem}");
    }

    private static void TellOfCrowds(Session session, IReadOnlyList<CrowdedService> crowded, EndedConnections ended)
    {
        foreach (CrowdedService at in crowded)
        {
            if (session.Format == OutputFormat.Table)
                session.Out.WriteLine($"{at.Service} is full, {at.Unauthenticated} of {at.Capacity} connections without a login: {HumanCount.Of(at.ToEnd.Count, "connection")} of strangers ended, the oldest first");
        }

        if (ended.Problem is { } problem)
            session.Error.WriteLine($"ratewall: warning: connections of strangers to a full service were not ended: {problem}");
    }

    private static void Tell(Session session, CorrelationRun run, StepCommit commit, (long Count, IReadOnlyList<StoredBan> First) settled, string? mended, int heldEnded, TimeSpan took)
    {
        DateTimeOffset now = session.Time.GetUtcNow();
        StoredBan[] bans = [.. settled.First, .. run.Verdicts.Where(v => v.Outcome == BanOutcome.Banned).Select(v => v.Ban!).Where(b => b.IsInForce(now))];
        if (run.Overflowed > 0)
            session.Error.WriteLine($"ratewall: warning: {run.Overflowed} tries of new sources found no room in memory and were not counted");
        long untold = settled.Count - settled.First.Count;
        if (session.Format == OutputFormat.Table) TellInWords(session, run, commit, bans, now);
        if (session.Format == OutputFormat.Table && untold > 0) session.Out.WriteLine($"banned {untold} more that had waited for it");
        Print(session, new(run.Lines, run.Attempts, run.Verdicts.Count, bans.Length + untold, (long)took.TotalMilliseconds)
        {
            ConnectionsEnded = commit.ConnectionsEnded + heldEnded,
            Mended = mended,
            Sieges = [.. commit.Sieges.Keys.Order(StringComparer.Ordinal)],
        });
    }

    private static void TellInWords(Session session, CorrelationRun run, StepCommit commit, StoredBan[] bans, DateTimeOffset now)
    {
        foreach (StoredBan ban in bans)
            session.Out.WriteLine($"banned {ban.Target} for {HumanTime.Remaining(ban.Until, now)}: {ban.Reason}");
        foreach (SiegeSeen siege in commit.Sieges.Values)
            session.Out.WriteLine($"{siege.Service} is under siege for {HumanTime.Remaining(siege.Until, now)}: {Cause(siege)}");
        foreach (BanVerdict exempt in run.Verdicts.Where(v => v.Exemption is not null).DistinctBy(v => v.Exemption!.Network))
            session.Out.WriteLine($"not banned, although it offended: {exempt.Exemption!.Network} is {TerminalText.Escape(exempt.Exemption.Reason)}");
        int over = run.Verdicts.Count(v => v.Outcome == BanOutcome.Banned && !v.Ban!.IsInForce(now));
        if (over > 0) session.Out.WriteLine($"{over} older offences would be over by now; they are only remembered");
    }

    internal static string Cause(SiegeSeen siege) => siege.Detection switch
    {
        DetectionName.Account => $"{HumanCount.Of(siege.Count, "source")} without a login tried one account",
        DetectionName.Capacity => $"{HumanCount.Of(siege.Count, "connection")} on which nobody has logged in",
        DetectionName.DaemonLimit => "the daemon says that it is full",
        DetectionName.Memory => "more sources than can be counted",
        _ => $"{HumanCount.Of(siege.Count, "failing source")}",
    };

    private static void Print(Session session, RunForm run)
    {
        if (session.Format == OutputFormat.Json) AnswerJson.Write(session.Out, run, AnswerJson.Default.RunForm);
        else session.Out.WriteLine(
            $"{HumanCount.Of(run.Lines, "line")}, {HumanCount.Of(run.Attempts, "attempt")}, {HumanCount.Of(run.Offences, "offence")}, {HumanCount.Of(run.Bans, "ban")} in {run.Milliseconds} ms");
    }
}
