using RateWall.Policy;

namespace RateWall.Watch;

/// <summary>Something to do, or to tell of.</summary>
/// <param name="Act">What.</param>
/// <param name="At">When it was decided.</param>
/// <param name="Count">How many processes there were.</param>
/// <param name="Level">The threshold it is about.</param>
/// <param name="Until">Of a siege and of a stop: until when, at most.</param>
public sealed record UnitEvent(UnitAct Act, DateTimeOffset At, long Count, long Level, DateTimeOffset? Until = null);

/// <summary>What a look came to.</summary>
/// <param name="Memory">What is to be remembered.</param>
/// <param name="Event">What is to be done or told; null: nothing.</param>
public sealed record WatchDecision(UnitMemory Memory, UnitEvent? Event = null);

/// <summary>
/// Decides what is done about a unit with too many processes. Pure. At most one thing at a time: a rung is given time to work
/// before the next. While trouble lasts and no new rung is due, bans and sieges are asked for again. A restart or a stop
/// waits twice as long each time that trouble comes back soon.
/// </summary>
public static class UnitWatch
{
    /// <summary>The most time that one look adds to what is counted: nobody knows what was in a longer gap.</summary>
    public static readonly TimeSpan LongestGap = TimeSpan.FromMinutes(1);

    /// <summary>The longest wait before a restart or a stop, unless policy's pause is longer.</summary>
    public static readonly TimeSpan LongestWait = TimeSpan.FromHours(1);

    private const int MostReturns = 12;

    /// <summary>The thresholds as numbers; null: a share is asked for, and the unit has no TasksMax.</summary>
    public static (long Warn, long Act, long Normal)? Levels(UnitPolicy policy, ulong? tasksMax)
    {
        ArgumentNullException.ThrowIfNull(policy);
        if (policy.Warn.Of(tasksMax) is not { } warn || policy.Act.Of(tasksMax) is not { } act || policy.Normal.Of(tasksMax) is not { } normal) return null;
        // Shares of a small TasksMax may meet, and a share and a number stand in any order.
        normal = Math.Min(normal, act - 1);
        return (Math.Clamp(warn, normal + 1, act), act, normal);
    }

    /// <summary>Takes one look.</summary>
    /// <param name="memory">What is remembered.</param>
    /// <param name="sample">What is seen.</param>
    /// <param name="policy">What is wanted.</param>
    public static WatchDecision Step(UnitMemory memory, UnitSample sample, UnitPolicy policy)
    {
        ArgumentNullException.ThrowIfNull(memory);
        ArgumentNullException.ThrowIfNull(sample);
        ArgumentNullException.ThrowIfNull(policy);
        (long Warn, long Act, long Normal)? levels = Levels(policy, sample.TasksMax);
        UnitMemory now = Counted(memory, sample, levels, policy);
        if (memory.StoppedUntil is not null) return Stopped(memory, now, sample, levels, policy);
        if (IsOthersRestart(memory, sample)) return OthersRestart(now, sample, levels);
        if (levels is not { } level) return new(now with { Phase = UnitPhase.Normal, Taken = null });
        return now.Phase == UnitPhase.Trouble ? InTrouble(now, sample, policy, level) : Quiet(now, sample, policy, level);
    }

    /// <summary>How long a rung waits for the one before it to work.</summary>
    public static TimeSpan WaitBefore(Rung rung, UnitMemory memory, UnitPolicy policy)
    {
        ArgumentNullException.ThrowIfNull(memory);
        ArgumentNullException.ThrowIfNull(policy);
        if (rung < Rung.Restart) return memory.Taken is null or Rung.Tell ? TimeSpan.Zero : policy.Pause;
        TimeSpan doubled = policy.Pause * Math.Pow(2, Math.Min(memory.Returns, MostReturns));
        TimeSpan longest = policy.Pause > LongestWait ? policy.Pause : LongestWait;
        return memory.Taken is null && memory.Returns == 0 ? TimeSpan.Zero : doubled < longest ? doubled : longest;
    }

    private static UnitMemory Counted(UnitMemory memory, UnitSample sample, (long Warn, long Act, long Normal)? levels, UnitPolicy policy)
    {
        TimeSpan passed = memory.LastLook is { } last ? Clamp(sample.At - last) : TimeSpan.Zero;
        TimeSpan? quiet = memory.Quiet is { } q && q + passed < policy.Forget ? q + passed : null;
        bool known = levels is not null;
        (long warn, long act, long normal) = levels ?? default;
        bool seen = sample.InvocationId.Length > 0;
        return memory with
        {
            LastLook = sample.At,
            Many = Held(memory.Many, known && sample.Count >= warn),
            TooMany = Held(memory.TooMany, known && sample.Count >= act),
            Few = Held(memory.Few, known && sample.Count <= normal),
            SinceRung = memory.SinceRung + passed,
            SinceAct = memory.SinceAct + passed,
            Quiet = quiet,
            Returns = memory.Phase != UnitPhase.Trouble && quiet is null ? 0 : memory.Returns,
            InvocationId = seen ? sample.InvocationId : memory.InvocationId,
            ExpectsNewRun = memory.ExpectsNewRun && !IsNewRun(memory, sample),
        };

        TimeSpan? Held(TimeSpan? before, bool holds) => !holds ? null : before is { } b ? b + passed : TimeSpan.Zero;
    }

    // A unit that we stopped: somebody holds its return, or it is started; sooner when it was quiet for long enough.
    private static WatchDecision Stopped(UnitMemory memory, UnitMemory now, UnitSample sample, (long Warn, long Act, long Normal)? levels, UnitPolicy policy)
    {
        bool isNewRun = IsNewRun(memory, sample);
        UnitMemory back = now with { Phase = UnitPhase.Normal, Since = sample.At, StoppedUntil = null, Taken = null, LastAct = UnitAct.Back, Quiet = TimeSpan.Zero, Many = null, TooMany = null };
        // The run that was to end is no return, as long as somebody is there to end it and to start the next.
        if (sample.IsActive && (isNewRun || memory.InvocationId.Length == 0 || !sample.ReturnIsHeld))
            return new(back, new(UnitAct.Back, sample.At, sample.Count, levels?.Normal ?? 0));
        // It came back while nobody looked, and somebody stopped it since: what he wants is none of ours.
        if (!sample.IsActive && !sample.IsFailed && !sample.ReturnIsHeld && isNewRun) return new(back);
        bool due = !sample.ReturnIsHeld || levels is null || now.Few >= policy.Quiet || now.StoppedUntil - sample.At > policy.StopFor;
        bool asked = now.LastAct == UnitAct.Start && now.SinceAct < policy.Pause;
        return due && !asked
            ? new(now with { LastAct = UnitAct.Start, SinceAct = TimeSpan.Zero, ExpectsNewRun = true }, new(UnitAct.Start, sample.At, sample.Count, levels?.Normal ?? 0))
            : new(now);
    }

    private static bool IsNewRun(UnitMemory memory, UnitSample sample) =>
        memory.InvocationId.Length > 0 && sample.InvocationId.Length > 0 && sample.InvocationId != memory.InvocationId;

    // Each start of a unit has a name of its own, also when Restart= is what started it again.
    private static bool IsOthersRestart(UnitMemory memory, UnitSample sample) => !memory.ExpectsNewRun && IsNewRun(memory, sample);

    // Its processes have begun anew: what is done next must wait for what they come to.
    private static WatchDecision OthersRestart(UnitMemory now, UnitSample sample, (long Warn, long Act, long Normal)? levels) => new(
        now with
        {
            Returns = Math.Min(now.Returns + 1, MostReturns),
            Quiet = now.Phase == UnitPhase.Trouble ? now.Quiet : TimeSpan.Zero,
            Many = null,
            TooMany = null,
            SinceRung = TimeSpan.Zero,
            SinceAct = TimeSpan.Zero,
        },
        new(UnitAct.Restarted, sample.At, sample.Count, levels?.Act ?? 0));

    private static WatchDecision Quiet(UnitMemory now, UnitSample sample, UnitPolicy policy, (long Warn, long Act, long Normal) level)
    {
        if (now.TooMany >= policy.After)
        {
            int returns = now.Quiet is null ? now.Returns : Math.Min(now.Returns + 1, MostReturns);
            UnitMemory begun = now with { Phase = UnitPhase.Trouble, Since = sample.At, Taken = null, LastAct = null, SinceRung = TimeSpan.Zero, SinceAct = TimeSpan.Zero, Returns = returns };
            return InTrouble(begun, sample, policy, level);
        }

        if (now.Phase == UnitPhase.Normal && now.Many >= policy.After)
            return new(now with { Phase = UnitPhase.Warned, Since = sample.At }, new(UnitAct.Warn, sample.At, sample.Count, level.Warn));
        if (now.Phase == UnitPhase.Warned && now.Few >= policy.Quiet)
            return new(now with { Phase = UnitPhase.Normal, Since = sample.At }, new(UnitAct.Over, sample.At, sample.Count, level.Normal));
        return new(now);
    }

    private static WatchDecision InTrouble(UnitMemory now, UnitSample sample, UnitPolicy policy, (long Warn, long Act, long Normal) level)
    {
        if (now.Few >= policy.Quiet)
        {
            UnitMemory over = now with { Phase = UnitPhase.Normal, Since = sample.At, Taken = null, LastAct = UnitAct.Over, Quiet = TimeSpan.Zero };
            return new(over, new(UnitAct.Over, sample.At, sample.Count, level.Normal));
        }

        if (now.TooMany is null) return new(now);
        // Also what was asked for again is given its time.
        bool rested = now.LastAct is null or UnitAct.Tell || now.SinceAct >= policy.Pause;
        if (!rested) return new(now);
        Rung[] above = [.. policy.Ladder.Where(r => now.Taken is null || r > now.Taken)];
        if (above.Length > 0 && now.SinceRung >= WaitBefore(above[0], now, policy))
            return Take(now with { Taken = above[0], SinceRung = TimeSpan.Zero }, above[0], sample, policy, level.Act);
        // At the top: what restarted or stopped the unit did not help, which is trouble that came back.
        if (above.Length == 0 && now.Taken is { } top and >= Rung.Restart)
        {
            UnitMemory again = now with { Returns = Math.Min(now.Returns + 1, MostReturns) };
            if (policy.Ladder.Contains(top) && now.SinceRung >= WaitBefore(top, again, policy)) return Take(again with { SinceRung = TimeSpan.Zero }, top, sample, policy, level.Act);
        }

        Rung[] repeated = [.. policy.Ladder.Where(r => r is Rung.Ban or Rung.Siege && r <= now.Taken)];
        return repeated.Length == 0 ? new(now) : Take(now, now.LastAct == UnitAct.Ban ? repeated[^1] : repeated[0], sample, policy, level.Act);
    }

    private static WatchDecision Take(UnitMemory now, Rung rung, UnitSample sample, UnitPolicy policy, long level)
    {
        UnitAct act = (UnitAct)((int)UnitAct.Tell + (int)rung);
        DateTimeOffset? until = rung switch
        {
            Rung.Siege => sample.At + policy.SiegeFor,
            Rung.Stop => sample.At + policy.StopFor,
            _ => null,
        };
        UnitMemory taken = now with
        {
            LastAct = act,
            SinceAct = TimeSpan.Zero,
            ExpectsNewRun = now.ExpectsNewRun || rung >= Rung.Restart,
            StoppedUntil = rung == Rung.Stop ? until : null,
        };
        return new(taken, new(act, sample.At, sample.Count, level, until));
    }

    private static TimeSpan Clamp(TimeSpan passed) => passed < TimeSpan.Zero ? TimeSpan.Zero : passed > LongestGap ? LongestGap : passed;
}
