using RateWall.Commands;
using RateWall.Policy;
using RateWall.Watch;

namespace RateWall.UnitTests.Watch;

/// <summary>What a watch makes of what others do meanwhile, of units that refuse, and of acts that take their time.</summary>
public sealed class WatchFaultTests : WatchRounds
{
    private const string Webmail = "webmail.service";
    private const string Socket = "dovecot.socket";

    [Fact]
    public void Stopped_AndStartedByOthers_BringsBackWhatWentDownWithIt()
    {
        units.Dependents[Dovecot] = [Webmail];
        units.StartUnit(Webmail);
        EffectivePolicy policy = Policy("[stop]", ", quiet: 1h");
        Rounds(policy, 3);
        Assert.False(units.IsActive(Webmail));
        units.Tasks = 10;
        units.StartUnit(Dovecot);
        Rounds(policy, 1);
        Assert.True(units.IsActive(Webmail));
        Assert.Empty(units.Timers);
        Assert.Equal("Stop Done, Back Done", Acts());
    }

    // Nobody looked for a while: PID 1 brought the unit back, and then somebody stopped it, or it broke down.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Stopped_BackAndDownAgainWhileNobodyLooked_IsStartedOnlyWhereItBrokeDown(bool broke)
    {
        units.Dependents[Dovecot] = [Webmail];
        units.StartUnit(Webmail);
        EffectivePolicy policy = Policy("[stop]", ", quiet: 1h");
        Rounds(policy, 3);
        TimeSpan asleep = TimeSpan.FromMinutes(6);
        clock.Now += asleep;
        units.Pass(asleep);
        Assert.True(units.IsActive(Dovecot));
        units.StopUnit(Webmail);
        if (broke) units.Crash(Dovecot);
        else units.StopUnit(Dovecot);
        units.Tasks = 10;
        Rounds(policy, 3);
        Assert.Equal(broke, units.IsActive(Dovecot));
        // Whoever starts it later starts what he wants.
        units.StartUnit(Dovecot);
        Rounds(policy, 2);
        Assert.Equal(broke, units.IsActive(Webmail));
        Assert.Equal(UnitPhase.Normal, Assert.Single(Memories()).Phase);
    }

    [Fact]
    public void Back_WhenTheTimerHasFired_LeavesDownWhatOthersStoppedSince()
    {
        units.Dependents[Dovecot] = [Webmail];
        units.StartUnit(Webmail);
        EffectivePolicy policy = Policy("[stop]", ", quiet: 1h");
        Rounds(policy, 3);
        units.Pass(TimeSpan.FromMinutes(6));
        Assert.True(units.IsActive(Webmail));
        units.StopUnit(Webmail);
        units.Tasks = 10;
        Rounds(policy, 2);
        Assert.False(units.IsActive(Webmail));
        Assert.Equal("Stop Done, Back Done", Acts());
    }

    [Theory]
    [InlineData((int)WatchStage.Written)]
    [InlineData((int)WatchStage.Done)]
    public void Kill_WhenItIsBack_EndsTheTimerInTheNextRound(int stage)
    {
        units.Dependents[Dovecot] = [Webmail];
        units.StartUnit(Webmail);
        EffectivePolicy policy = Policy("[stop]", ", quiet: 1h");
        Rounds(policy, 3);
        units.Tasks = 10;
        units.StartUnit(Dovecot);
        Assert.Throws<KilledException>(() => Rounds(policy, 1, Dying((WatchStage)stage)));
        Rounds(policy, 1);
        Assert.True(units.IsActive(Webmail));
        Assert.Empty(units.Timers);
    }

    [Fact]
    public void Stop_OfWhatRequiresTheSocket_IsPartOfIt()
    {
        units.Dependents[Socket] = ["relay.service"];
        units.StartUnit(Socket);
        units.Triggers[Dovecot] = [Socket];
        units.StartUnit("relay.service");
        units.Calls.Clear();
        Rounds(Policy("[stop]", ", quiet: 1h"), 3);
        Assert.False(units.IsActive("relay.service"));
        units.Pass(TimeSpan.FromMinutes(5));
        Assert.All(new[] { Dovecot, Socket, "relay.service" }, u => Assert.True(units.IsActive(u), u));
    }

    [Fact]
    public void Stop_ThatWouldTakeSshDownByASocket_IsNotDone()
    {
        units.Dependents[Socket] = ["ssh.service"];
        units.StartUnit(Socket);
        units.Triggers[Dovecot] = [Socket];
        units.StartUnit("ssh.service");
        units.Calls.Clear();
        Rounds(Policy("[stop]"), 4);
        Assert.Empty(units.Calls);
        Assert.StartsWith("Stop Failed", Acts(), StringComparison.Ordinal);
    }

    [Fact]
    public void Stop_OfASocketThatRefuses_LeavesAllUp()
    {
        units.StartUnit(Socket);
        units.Triggers[Dovecot] = [Socket];
        units.Unstoppable.Add(Socket);
        Rounds(Policy("[stop]"), 3);
        Assert.True(units.IsActive(Socket));
        Assert.True(units.IsActive(Dovecot));
        Assert.Empty(units.Timers);
        Assert.Equal("Stop Failed", Acts());
    }

    [Fact]
    public void Unit_ThatPid1Refuses_KeepsNoOtherFromBeingWatched()
    {
        units.StartUnit("zz.service");
        units.Calls.Clear();
        units.Refused.Add(Dovecot);
        Rounds(Parse("units: { dovecot: {}, zz: { unit: zz.service, ladder: [restart], after: 5s, pause: 1h } }"), 3);
        Assert.Equal(["restart zz.service"], units.Calls, StringComparer.Ordinal);
        Assert.Contains("dovecot.service is not watched: looking at dovecot.service: it refuses", output.ToString(), StringComparison.Ordinal);
    }

    // The program died inside the stop, the timer went with a reboot, and for a while the unit cannot be started.
    [Fact]
    public void Return_ThatIsRefused_IsTriedAgainAndKeepsNothingElseBack()
    {
        units.StartUnit("zz.service");
        EffectivePolicy policy = Parse("units: { dovecot: { ladder: [stop], act: 80, warn: 60, normal: 40, after: 10s, pause: 10s, quiet: 1h }, imap_login: { enabled: false }, pop3_login: { enabled: false }, zz: { unit: zz.service, ladder: [tell], after: 15s } }");
        Rounds(policy, 2);
        Assert.Throws<KilledException>(() => Round(policy, units, Dying(WatchStage.TriggersStopped)));
        units.Reboot("zz.service");
        units.Unstartable.Add(Dovecot);
        Pass();
        Rounds(policy, 5);
        Assert.Contains("Tell Done", Acts(), StringComparison.Ordinal);
        Assert.Contains("dovecot.service is not started", output.ToString(), StringComparison.Ordinal);
        Assert.False(units.IsActive(Dovecot));
        units.Unstartable.Clear();
        Rounds(policy, 3);
        Assert.True(units.IsActive(Dovecot));
        Assert.Contains("Back Done", Acts(), StringComparison.Ordinal);
    }

    [Fact]
    public void Act_ThatTakesLong_IsGivenItsWholePauseAfterwards()
    {
        EffectivePolicy policy = Policy("[ban]", ", pause: 20s");
        Rounds(policy, 3, stage => clock.Now += stage == WatchStage.Done ? TimeSpan.FromSeconds(25) : TimeSpan.Zero);
        Assert.Equal("Ban Failed", Acts());
        Rounds(policy, 3);
        Assert.Equal("Ban Failed", Acts());
        Rounds(policy, 1);
        Assert.Equal("Ban Failed, Ban Failed", Acts());
    }
}
