using RateWall.Detection.Correlation;
using RateWall.Detection.Logs;
using RateWall.Output;
using RateWall.Policy;
using RateWall.Storage;

namespace RateWall.Commands;

/// <summary>
/// `ratewall correlate --follow`: the rounds that the timer's runs make, each as soon as a log has news, and one every 15
/// seconds whatever happens (every 5 while a service is full): it settles what waits, looks after the wall and takes up a changed policy. Between rounds
/// nothing is held in memory that a kill could lose.
/// </summary>
internal sealed class FollowLoop : IDisposable
{
    /// <summary>The longest time between two rounds: the timer's.</summary>
    public static readonly TimeSpan Period = TimeSpan.FromSeconds(15);

    /// <summary>
    /// The same while a service is full. To whom its queue has no room the kernel answers for the last time after half a minute
    /// (tcp(7), tcp_synack_retries): room that is made later is none for him.
    /// </summary>
    public static readonly TimeSpan PeriodWhenFull = TimeSpan.FromMilliseconds(Crowding.LeastAge);

    /// <summary>How long it waits after a round that could not be made.</summary>
    public static readonly TimeSpan Retry = TimeSpan.FromSeconds(5);

    /// <summary>How long another run, of the timer or by hand, is waited for.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly Session session;
    private readonly UnrepeatedLines messages;
    // A step is made true as a whole or not at all, so ending between two only saves the next start from reading one again.
    private readonly ResidentProgram program = new();

    private FollowLoop(Session session)
    {
        messages = new(session.Error, session.Time);
        this.session = session with { Error = messages };
    }

    /// <summary>Follows until it is told to stop; what keeps the first round from being made ends it.</summary>
    public static ExitCode Run(Session session)
    {
        using var loop = new FollowLoop(session);
        using StateLock? turn = loop.TakeTurn();
        return turn is null ? ExitCode.Done : loop.Follow();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        program.Dispose();
        messages.Dispose();
    }

    private ExitCode Follow()
    {
        while (!program.IsStopping)
        {
            ExitCode? broken = CommandLine.Failure(session, () => FollowOnePolicy());
            if (broken is { } code && !program.IsReady) return code;
            if (broken is null) continue;
            // Told once; whatever it is (a wrong policy, no wall, a full disk), it can be mended while this goes on.
            messages.NextRound();
            Sleep(Retry);
        }

        program.End();
        return ExitCode.Done;
    }

    // Rounds for one period with the policy as it is now.
    private void FollowOnePolicy()
    {
        EffectivePolicy policy = session.LoadPolicy();
        RuleSet rules = OperatorRules.Load(session.RulesDirectory);
        // Opened before anything is read: what comes in between is news.
        using LogWatch watch = LogWatch.Open(policy, rules, session.Time);
        long started = session.Time.GetTimestamp();
        bool full = false;
        do
        {
            messages.NextRound();
            full = CorrelateCommand.Round(session, policy, rules, GoOn).IsAnyFull ?? full;
            GoOn();
        }
        while (watch.Wait((full ? PeriodWhenFull : Period) - session.Time.GetElapsedTime(started), program.GoOn));
    }

    // Asked first when all that a round needs is there. What is to be read may take longer than a manager waits.
    private bool GoOn()
    {
        program.Ready();
        return program.GoOn();
    }

    private void Sleep(TimeSpan length)
    {
        long started = session.Time.GetTimestamp();
        while (program.GoOn() && session.Time.GetElapsedTime(started) < length) Thread.Sleep(LogWatch.Look);
    }

    // Held until the end: the timer's runs find it taken and have nothing to do.
    private StateLock? TakeTurn()
    {
        long started = session.Time.GetTimestamp();
        while (!program.IsStopping)
        {
            if (StateLock.TryRun(session.StateDirectory) is { } turn) return turn;
            if (session.Time.GetElapsedTime(started) > Patience)
                throw new CommandException(ExitCode.Refused, $"another correlate has been running for {Patience.TotalSeconds:0} s, perhaps one with --follow; only one can");
            session.Error.WriteLine("ratewall: waiting for another correlate to finish");
            Thread.Sleep(LogWatch.Look);
        }

        return null;
    }
}
