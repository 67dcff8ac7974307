using FsCheck;
using FsCheck.Fluent;
using RateWall.Policy;
using RateWall.Watch;

namespace RateWall.UnitTests.Watch;

/// <summary>The ladder: step by step, and what must hold whatever is seen.</summary>
public sealed class UnitWatchTests
{
    private static readonly DateTimeOffset Start = new(2026, 11, 21, 12, 0, 0, TimeSpan.Zero);

    private static readonly UnitPolicy Entry = new()
    {
        Name = "dovecot",
        Unit = "dovecot.service",
        Services = ["imap"],
        Warn = new(60, IsShare: false),
        Act = new(80, IsShare: false),
        Normal = new(40, IsShare: false),
        After = TimeSpan.FromSeconds(10),
        Quiet = TimeSpan.FromSeconds(30),
        Pause = TimeSpan.FromSeconds(20),
        Forget = TimeSpan.FromMinutes(30),
        Ladder = [Rung.Tell, Rung.Ban, Rung.Siege, Rung.Restart, Rung.Stop],
        StopFor = TimeSpan.FromMinutes(2),
    };

    [Theory]
    [InlineData(60, true, 400ul, 240L)]
    [InlineData(1, true, 10ul, 1L)]
    [InlineData(50, true, 5ul, 3L)]
    [InlineData(60, true, null, null)]
    [InlineData(60, false, null, 60L)]
    public void Level_OfTasksMax_IsRoundedUpAndAtLeastOne(int number, bool share, ulong? max, long? expected) =>
        Assert.Equal(expected, new UnitLevel(number, share).Of(max));

    [Fact]
    public void Levels_ThatMeet_KeepTheirOrder() =>
        Assert.Equal((2, 2, 1), UnitWatch.Levels(Entry with { Warn = new(40, true), Act = new(80, true), Normal = new(90, false) }, 2));

    [Fact]
    public void Few_Always_NothingHappens() => Assert.Empty(Run(Entry, Steady(600, 30)).Events);

    [Fact]
    public void Many_ForLongEnough_IsToldOfOnceAndOverOnce()
    {
        (List<UnitEvent> events, UnitMemory memory) = Run(Entry, [.. Steady(60, 65), .. Steady(60, 30)]);
        Assert.Equal("Warn@10 Over@95", Text(events));
        Assert.Equal(UnitPhase.Normal, memory.Phase);
    }

    [Fact]
    public void TooMany_ForAMoment_IsNothing() => Assert.DoesNotContain(
        Run(Entry, [.. Steady(5, 90), .. Steady(5, 50), .. Steady(5, 90), .. Steady(60, 50)]).Events, e => e.Act >= UnitAct.Tell);

    // Each rung has its pause; a rung that was taken is asked for again only while no higher one is due.
    [Fact]
    public void TooMany_WithoutEnd_ClimbsOneRungAtATime() =>
        Assert.Equal("Tell@10 Ban@15 Siege@35 Restart@55 Stop@75", Text(Run(Entry, Steady(80, 90)).Events));

    [Fact]
    public void Rungs_ThatPolicyLeavesOut_AreNotTaken()
    {
        Assert.Equal("Ban@10 Ban@30 Ban@50", Text(Run(Entry with { Ladder = [Rung.Ban] }, Steady(60, 90)).Events));
        Assert.Equal("Tell@10", Text(Run(Entry with { Ladder = [Rung.Tell] }, Steady(600, 90)).Events));
        Assert.Equal("Tell@10 Ban@15 Siege@35 Ban@55 Siege@75", Text(Run(Entry with { Ladder = [Rung.Tell, Rung.Ban, Rung.Siege] }, Steady(80, 90)).Events));
    }

    [Fact]
    public void RestartAlone_ThatDoesNotHelp_WaitsTwiceAsLongEachTime() =>
        Assert.Equal("Restart@10 Restart@50 Restart@130 Restart@290", Text(Run(Entry with { Ladder = [Rung.Restart] }, Steady(300, 90)).Events));

    [Fact]
    public void Trouble_BetweenTheThresholds_IsNeitherClimbedNorOver()
    {
        (List<UnitEvent> events, UnitMemory memory) = Run(Entry, [.. Steady(15, 90), .. Steady(600, 50)]);
        Assert.Equal("Tell@10 Ban@15", Text(events));
        Assert.Equal(UnitPhase.Trouble, memory.Phase);
    }

    [Fact]
    public void Trouble_FewForLongEnough_IsOver()
    {
        (List<UnitEvent> events, UnitMemory memory) = Run(Entry, [.. Steady(15, 90), .. Steady(60, 40)]);
        Assert.Equal("Tell@10 Ban@15 Over@50", Text(events));
        Assert.Equal((UnitPhase.Normal, (Rung?)null), (memory.Phase, memory.Taken));
    }

    [Fact]
    public void Trouble_ThatReturnsSoon_WaitsTwiceAsLongBeforeARestart()
    {
        UnitPolicy entry = Entry with { Ladder = [Rung.Tell, Rung.Restart] };
        UnitSample[] twice = [.. Steady(30, 90), .. Steady(40, 0), .. Steady(80, 90)];
        Assert.Equal("Tell@10 Restart@30 Over@65 Tell@90 Restart@130", Text(Run(entry, twice, newRunAfterRestart: true).Events));
    }

    [Fact]
    public void Trouble_ThatReturnsAfterTheQuietTime_IsForgotten()
    {
        UnitPolicy entry = Entry with { Ladder = [Rung.Tell, Rung.Restart] };
        UnitSample[] late = [.. Steady(30, 90), .. Steady(2000, 0), .. Steady(80, 90)];
        (List<UnitEvent> events, _) = Run(entry, late, newRunAfterRestart: true);
        Assert.Equal("Tell@10 Restart@30 Over@65 Tell@2050 Restart@2070", Text(events.Take(5)));
    }

    [Fact]
    public void Wait_HoweverOftenTroubleReturned_HasAnEnd() =>
        Assert.Equal(UnitWatch.LongestWait, UnitWatch.WaitBefore(Rung.Restart, UnitMemory.Blank with { Returns = int.MaxValue }, Entry));

    [Fact]
    public void Restart_ByOthers_IsNoticedAndCountsAsAReturn()
    {
        UnitSample[] samples = [.. Steady(60, 30), .. Steady(60, 30).Select(s => s with { InvocationId = "second" })];
        (List<UnitEvent> events, UnitMemory memory) = Run(Entry, samples);
        Assert.Equal("Restarted@65", Text(events));
        Assert.Equal(1, memory.Returns);
    }

    [Fact]
    public void Restart_ByUs_IsNoSurprise() =>
        Assert.DoesNotContain(Run(Entry, Steady(200, 90), newRunAfterRestart: true).Events, e => e.Act == UnitAct.Restarted);

    [Fact]
    public void Stopped_QuietForLongEnough_IsStartedSooner()
    {
        UnitPolicy entry = Entry with { Ladder = [Rung.Stop] };
        UnitSample[] samples = [.. Steady(10, 90), .. Steady(40, 0).Select(Off), .. Steady(20, 5).Select(s => s with { InvocationId = "second" })];
        (List<UnitEvent> events, UnitMemory memory) = Run(entry, samples);
        Assert.Equal("Stop@10 Start@45 Back@60", Text(events));
        Assert.Equal((UnitPhase.Normal, (DateTimeOffset?)null), (memory.Phase, memory.StoppedUntil));
    }

    [Fact]
    public void Stopped_AndNobodyHoldsItsReturn_IsStartedAtOnceAndAgain()
    {
        UnitPolicy entry = Entry with { Ladder = [Rung.Stop] };
        UnitSample[] samples = [.. Steady(10, 90), .. Steady(30, 0).Select(s => Off(s) with { ReturnIsHeld = false })];
        Assert.Equal("Stop@10 Start@15 Start@35", Text(Run(entry, samples).Events));
    }

    [Fact]
    public void Stopped_TheOldRunStillThere_IsNoReturn()
    {
        UnitPolicy entry = Entry with { Ladder = [Rung.Stop] };
        Assert.Equal("Stop@10", Text(Run(entry, Steady(60, 90)).Events));
        Assert.Equal("Stop@10 Back@15", Text(Run(entry, [.. Steady(10, 90), .. Steady(5, 90).Select(s => s with { ReturnIsHeld = false })]).Events));
    }

    [Fact]
    public void Clock_SetForwardOrBack_AddsAMinuteAtMost()
    {
        UnitMemory memory = Run(Entry with { After = TimeSpan.FromMinutes(3) }, Steady(20, 90)).Memory;
        UnitSample sample = Steady(0, 90)[0];
        UnitMemory later = UnitWatch.Step(memory, sample with { At = Start.AddYears(3) }, Entry with { After = TimeSpan.FromMinutes(3) }).Memory;
        Assert.Equal(TimeSpan.FromSeconds(80), later.TooMany);
        UnitMemory earlier = UnitWatch.Step(later, sample with { At = Start.AddYears(-3) }, Entry with { After = TimeSpan.FromMinutes(3) }).Memory;
        Assert.Equal(TimeSpan.FromSeconds(80), earlier.TooMany);
    }

    [Fact]
    public void Stopped_ClockSetBack_IsStartedNotWaitedFor()
    {
        UnitPolicy entry = Entry with { Ladder = [Rung.Stop] };
        UnitMemory stopped = Run(entry, Steady(10, 90)).Memory;
        WatchDecision decision = UnitWatch.Step(stopped, Off(Steady(0, 0)[0]) with { At = Start.AddDays(-1) }, entry);
        Assert.Equal(UnitAct.Start, decision.Event?.Act);
    }

    [Fact]
    public void Reboot_KeepsWhatMattersBeyondIt()
    {
        UnitMemory memory = Run(Entry, Steady(80, 90)).Memory.AfterBoot();
        Assert.Equal((UnitPhase.Normal, null, "", true), (memory.Phase, memory.Taken, memory.InvocationId, memory.StoppedUntil is not null));
        Assert.Equal(TimeSpan.Zero, memory.Quiet);
    }

    [Fact]
    public void NoTasksMax_ForAShare_NothingIsDone() =>
        Assert.Empty(Run(Entry with { Act = new(80, IsShare: true) }, [.. Steady(600, 100_000).Select(s => s with { TasksMax = null })]).Events);

    // Whatever is seen, at whatever times: only what policy allows, nothing hard without its wait, and everything ends.
    [Fact]
    public void Anything_Seen_KeepsTheLadder() =>
        Prop.ForAll(Histories().ToArbitrary(), KeepsTheLadder).Check(Config.QuickThrowOnFailure.WithMaxTest(500).WithEndSize(200));

    private static void KeepsTheLadder((UnitPolicy Entry, UnitSample[] Samples) history)
    {
        (UnitPolicy entry, UnitSample[] samples) = history;
        UnitMemory memory = UnitMemory.Blank;
        var taken = new List<Rung>();
        TimeSpan watched = TimeSpan.Zero, lastAct = TimeSpan.MinValue / 2, lastHard = TimeSpan.MinValue / 2;
        foreach (UnitSample sample in samples)
        {
            UnitMemory before = memory;
            if (before.LastLook is { } last) watched += sample.At < last ? TimeSpan.Zero : sample.At - last > UnitWatch.LongestGap ? UnitWatch.LongestGap : sample.At - last;
            (memory, UnitEvent? happened) = UnitWatch.Step(before, sample, entry);
            if (memory.Phase != UnitPhase.Trouble) taken.Clear();
            if (happened is not { Act: >= UnitAct.Tell and <= UnitAct.Stop } act) continue;
            var rung = (Rung)((int)act.Act - (int)UnitAct.Tell);
            Assert.Contains(rung, entry.Ladder);
            Assert.True(sample.Count >= entry.Act.Number, "nothing is done while there are fewer than too many");
            Assert.True(before.StoppedUntil is null, "nothing is done to a unit that is stopped");
            Assert.True(before.InvocationId.Length == 0 || before.InvocationId == sample.InvocationId || before.ExpectsNewRun, "a new run is waited for");
            Assert.Equal(entry.Ladder.Where(r => r < rung), entry.Ladder.Where(r => r < rung && taken.Contains(r)));
            if (rung != Rung.Tell && taken.Count > 0 && taken[^1] != Rung.Tell) Assert.True(watched - lastAct >= entry.Pause, "each rung has time to work");
            if (rung >= Rung.Restart)
            {
                Assert.True(watched - lastHard >= entry.Pause, "restarts and stops never follow each other closely");
                Assert.True(memory.ExpectsNewRun);
                lastHard = watched;
            }

            if (rung == Rung.Stop) Assert.Equal(sample.At + entry.StopFor, memory.StoppedUntil);
            taken.Add(rung);
            lastAct = watched;
        }

        EndsWhenAllIsWell(memory, samples[^1], entry);
    }

    private static void EndsWhenAllIsWell(UnitMemory memory, UnitSample last, UnitPolicy entry)
    {
        DateTimeOffset at = last.At;
        string run = last.InvocationId;
        for (int i = 0; i < 200; i++)
        {
            // PID 1 starts what is to be started, and holds nothing after that.
            if (i == 100) run = "last";
            (memory, _) = UnitWatch.Step(memory, new(at = at.AddSeconds(5), 0, 100, IsActive: i >= 100 || memory.StoppedUntil is null, run), entry);
        }

        Assert.Equal((UnitPhase.Normal, (DateTimeOffset?)null), (memory.Phase, memory.StoppedUntil));
    }

    private static Gen<(UnitPolicy Entry, UnitSample[] Samples)> Histories()
    {
        Gen<(int Seconds, long Count, int Run, bool Active, bool Held)> look =
            from seconds in Gen.Frequency((12, Gen.Choose(1, 10)), (2, Gen.Choose(10, 300)), (1, Gen.Choose(-100_000, 100_000)))
            from count in Gen.Frequency((6, Gen.Choose(80, 200)), (2, Gen.Choose(41, 79)), (2, Gen.Choose(0, 40)))
            from run in Gen.Frequency((30, Gen.Constant(0)), (1, Gen.Constant(1)))
            from active in Gen.Frequency((10, Gen.Constant(true)), (1, Gen.Constant(false)))
            from held in Gen.Frequency((10, Gen.Constant(true)), (1, Gen.Constant(false)))
            select (seconds, (long)count, run, active, held);
        return from looks in look.NonEmptyListOf()
               from rungs in Gen.Choose(1, 31)
               from after in Gen.Choose(1, 30)
               from quiet in Gen.Choose(1, 60)
               from pause in Gen.Choose(1, 60)
               select (Policy(rungs, after, quiet, pause), Samples(looks));
    }

    private static UnitPolicy Policy(int rungs, int after, int quiet, int pause) => Entry with
    {
        Ladder = [.. Enum.GetValues<Rung>().Where(r => (rungs & (1 << (int)r)) != 0)],
        After = TimeSpan.FromSeconds(after),
        Quiet = TimeSpan.FromSeconds(quiet),
        Pause = TimeSpan.FromSeconds(pause),
    };

    private static UnitSample[] Samples(IEnumerable<(int Seconds, long Count, int Run, bool Active, bool Held)> looks)
    {
        DateTimeOffset at = Start;
        int run = 0;
        return [.. looks.Select(l => new UnitSample(at = at.AddSeconds(l.Seconds), l.Active ? l.Count : 0, 100, l.Active, $"run {run += l.Run}") { ReturnIsHeld = l.Held })];
    }

    private static (List<UnitEvent> Events, UnitMemory Memory) Run(UnitPolicy entry, UnitSample[] samples, bool newRunAfterRestart = false)
    {
        UnitMemory memory = UnitMemory.Blank;
        var events = new List<UnitEvent>();
        string? run = null;
        for (int i = 0; i < samples.Length; i++)
        {
            UnitSample sample = samples[i] with { At = Start.AddSeconds(i * 5) };
            (memory, UnitEvent? happened) = UnitWatch.Step(memory, run is null ? sample : sample with { InvocationId = run }, entry);
            if (happened is null) continue;
            events.Add(happened);
            if (newRunAfterRestart && happened.Act == UnitAct.Restart) run = $"after {i}";
        }

        return (events, memory);
    }

    // A look each five seconds, the first at once.
    private static UnitSample[] Steady(int seconds, long count) =>
        [.. Enumerable.Range(0, (seconds / 5) + 1).Select(_ => new UnitSample(Start, count, 100, IsActive: true, "first"))];

    private static UnitSample Off(UnitSample sample) => sample with { Count = 0, IsActive = false };

    private static string Text(IEnumerable<UnitEvent> events) => string.Join(' ', events.Select(e => $"{e.Act}@{(e.At - Start).TotalSeconds}"));
}
