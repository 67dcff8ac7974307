using RateWall.Commands;
using RateWall.Policy;
using RateWall.Storage;
using RateWall.UnitTests.Storage;
using RateWall.Watch;

namespace RateWall.UnitTests.Watch;

/// <summary>What is done to units, on a model of PID 1, and what a program that dies leaves behind.</summary>
public sealed class WatchRoundTests : WatchRounds
{
    public static TheoryData<int> Stages() => [.. Enum.GetValues<WatchStage>().Select(s => (int)s)];

    public static TheoryData<int, bool> StagesWithAndWithoutASocket()
    {
        var cases = new TheoryData<int, bool>();
        foreach (WatchStage stage in Enum.GetValues<WatchStage>())
        {
            cases.Add((int)stage, true);
            cases.Add((int)stage, false);
        }

        return cases;
    }

    [Fact]
    public void Restart_TooManyTasks_IsDoneOnceAndRemembered()
    {
        EffectivePolicy policy = Policy("[tell, restart]");
        Rounds(policy, 10, then: () => units.Tasks = units.Calls.Count > 0 ? 10u : 90u);
        Rounds(policy, 30);
        Assert.Equal(["restart dovecot.service"], units.Calls);
        Assert.Equal("Tell Done, Restart Done, Over Done", Acts());
    }

    [Fact]
    public void Stop_HeldByATimer_ComesBackByItself()
    {
        EffectivePolicy policy = Policy("[stop]");
        Rounds(policy, 3);
        Assert.False(units.IsActive(Dovecot));
        Assert.Equal(["timer", "stop dovecot.service"], units.Calls);
        units.Pass(TimeSpan.FromMinutes(5));
        Assert.True(units.IsActive(Dovecot));
        units.Tasks = 10;
        Rounds(policy, 2);
        Assert.Equal("Stop Done, Back Done", Acts());
        Assert.Empty(units.Timers);
    }

    [Fact]
    public void Stop_QuietForLongEnough_IsStartedSoonerAndTheTimerEnded()
    {
        EffectivePolicy policy = Policy("[stop]", ", quiet: 10s, stop-for: 5m");
        Rounds(policy, 3);
        units.Tasks = 10;
        Rounds(policy, 5);
        Assert.True(units.IsActive(Dovecot));
        Assert.Empty(units.Timers);
        Assert.Equal("Stop Done, Start Done, Back Done", Acts());
    }

    [Fact]
    public void Stop_OfAUnitWithSocketAndDependents_TakesAllDownAndBringsAllBack()
    {
        units.Dependents[Dovecot] = ["webmail.service"];
        units.StartUnit("dovecot.socket");
        units.Triggers[Dovecot] = ["dovecot.socket"];
        units.StartUnit("webmail.service");
        Rounds(Policy("[stop]", ", quiet: 1h"), 3);
        Assert.All(new[] { Dovecot, "webmail.service", "dovecot.socket" }, u => Assert.False(units.IsActive(u), u));
        units.Pass(TimeSpan.FromMinutes(5));
        Assert.All(new[] { Dovecot, "webmail.service", "dovecot.socket" }, u => Assert.True(units.IsActive(u), u));
    }

    [Fact]
    public void Stop_ThatWouldTakeSshDown_IsNotDone()
    {
        units.Dependents[Dovecot] = ["ssh.service"];
        units.StartUnit("ssh.service");
        units.Calls.Clear();
        Rounds(Policy("[stop]"), 4);
        Assert.Empty(units.Calls);
        Assert.StartsWith("Stop Failed", Acts(), StringComparison.Ordinal);
        Assert.Contains("ssh.service answers ssh", output.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Stop_OfAUnitThatRefuses_LeavesItsSocketUp()
    {
        units.StartUnit("dovecot.socket");
        units.Triggers[Dovecot] = ["dovecot.socket"];
        units.Unstoppable.Add(Dovecot);
        Rounds(Policy("[stop]"), 3);
        Assert.True(units.IsActive("dovecot.socket"));
        Assert.Empty(units.Timers);
        Assert.Equal("Stop Failed", Acts());
    }

    [Fact]
    public void Unit_ThatPolicyDoesNotName_IsNotTouched()
    {
        var others = new ModelUnits(Start, "other.service") { Tasks = 100 };
        using StateDatabase state = Open();
        for (int i = 0; i < 20; i++) Round(Policy("[restart, stop]"), others, null);
        Assert.DoesNotContain(others.Calls, c => c.Contains("other", StringComparison.Ordinal));
    }

    [Fact]
    public void Entries_OfOneUnit_DoOneThingAtATime()
    {
        EffectivePolicy policy = Parse("units: { dovecot: { ladder: [restart], after: 5s, pause: 10s }, imap_login: { process: all, ladder: [restart], after: 5s, pause: 10s }, pop3_login: { enabled: false } }");
        Rounds(policy, 2);
        Assert.Single(units.Calls);
        Assert.DoesNotContain("Restarted", Acts(), StringComparison.Ordinal);
    }

    // Killed at each step of a stop: whatever it is, the unit comes back, and a stop that was done is not done again.
    [Theory]
    [MemberData(nameof(StagesWithAndWithoutASocket))]
    public void Kill_InsideAStop_LeavesAUnitThatComesBack(int stage, bool socket)
    {
        if (socket)
        {
            units.StartUnit("dovecot.socket");
            units.Triggers[Dovecot] = ["dovecot.socket"];
        }

        EffectivePolicy policy = Policy("[stop]", ", quiet: 20s, forget: 1h");
        Rounds(policy, 2);
        Assert.Throws<KilledException>(() => Round(policy, units, Dying((WatchStage)stage)));

        // Nobody watches any more: PID 1 alone brings it back.
        TimeSpan asleep = TimeSpan.FromMinutes(6);
        units.Pass(asleep);
        Assert.Equal((true, socket), (units.IsActive(Dovecot), units.IsActive("dovecot.socket")));
        units.Tasks = 10;
        clock.Now += asleep;
        Rounds(policy, 10);
        Assert.Equal((true, socket), (units.IsActive(Dovecot), units.IsActive("dovecot.socket")));
        Assert.Empty(units.Timers);
        Assert.InRange(units.Calls.Count(c => c == "stop dovecot.service"), 0, 1);
        Assert.Equal(UnitPhase.Normal, Assert.Single(Memories()).Phase);
    }

    [Theory]
    [MemberData(nameof(Stages))]
    public void Kill_InsideAStopAndStartedAgainAtOnce_DoesNotStopTwiceAndComesBack(int stage)
    {
        EffectivePolicy policy = Policy("[stop]", ", quiet: 20s, pause: 1h");
        Rounds(policy, 2);
        Assert.Throws<KilledException>(() => Round(policy, units, Dying((WatchStage)stage)));
        units.Tasks = 10;
        for (int i = 0; i < 20; i++)
        {
            Pass();
            Round(policy, units, null);
        }

        Assert.True(units.IsActive(Dovecot));
        Assert.Empty(units.Timers);
        Assert.InRange(units.Calls.Count(c => c == "stop dovecot.service"), 0, 1);
        Assert.Equal((UnitPhase.Normal, (DateTimeOffset?)null), (Assert.Single(Memories()).Phase, Memories()[0].StoppedUntil));
    }

    [Theory]
    [InlineData((int)WatchStage.Written, 0)]
    [InlineData((int)WatchStage.Done, 1)]
    [InlineData((int)WatchStage.Settled, 1)]
    public void Kill_InsideARestart_DoesNotRestartTwice(int stage, int restarts)
    {
        EffectivePolicy policy = Policy("[restart]", ", pause: 1h");
        Rounds(policy, 2);
        Assert.Throws<KilledException>(() => Round(policy, units, Dying((WatchStage)stage)));
        Rounds(policy, 10);
        Assert.Equal(restarts, units.Calls.Count);
        Assert.Equal(restarts == 0 ? "Restart Interrupted" : "Restart Done", Acts());
        Assert.Equal(0, Assert.Single(Memories()).Returns);
    }

    [Theory]
    [InlineData((int)WatchStage.Written)]
    [InlineData((int)WatchStage.Done)]
    public void Kill_InsideAStart_StartsItInTheNextRound(int stage)
    {
        EffectivePolicy policy = Policy("[stop]", ", quiet: 20s");
        Rounds(policy, 3);
        units.Tasks = 10;
        Rounds(policy, 3);
        Assert.Throws<KilledException>(() => Rounds(policy, 10, Dying((WatchStage)stage)));
        Rounds(policy, 3);
        Assert.True(units.IsActive(Dovecot));
        Assert.Empty(units.Timers);
    }

    [Fact]
    public void Reboot_WhileStopped_IsStartedAlsoWhereNobodyEnabledIt()
    {
        EffectivePolicy policy = Policy("[stop]", ", quiet: 1h");
        Rounds(policy, 3);
        units.Reboot();
        Rounds(policy, 1);
        Assert.True(units.IsActive(Dovecot));
    }

    [Fact]
    public void Ladder_OverARestartOfTheProgram_GoesOnWhereItWas()
    {
        EffectivePolicy policy = Policy("[tell, restart, stop]", ", pause: 20s");
        for (int i = 0; i < 12; i++) Rounds(policy, 1);
        Assert.Equal(["restart dovecot.service", "timer", "stop dovecot.service"], units.Calls);
    }

    [Fact]
    public void Wall_NotUp_BanAndSiegeFailAndTheLadderGoesOn()
    {
        Rounds(Policy("[ban, siege, restart]", ", pause: 10s"), 12);
        Assert.Contains("Ban Failed", Acts(), StringComparison.Ordinal);
        Assert.Contains("Restart Done", Acts(), StringComparison.Ordinal);
    }
}
