using RateWall.Commands;
using RateWall.Detection;
using RateWall.Detection.Correlation;
using RateWall.Policy;
using RateWall.Storage;
using RateWall.Wall;

namespace RateWall.UnitTests.Correlate;

public sealed class BanDecisionTests
{
    private static readonly DateTimeOffset Now = DateTimeOffset.FromUnixTimeSeconds(1_790_000_000);
    private static readonly AddressPrefix Offender = AddressPrefix.Parse("192.0.2.1");
    private static readonly BanPolicy Policy = new(TimeSpan.FromMinutes(10), 6, TimeSpan.FromDays(7), TimeSpan.FromDays(30), 65536);
    private static readonly Exemptions Nobody = new([], SourceKeys.Default);

    [Fact]
    public void Decide_FirstOffence_EndsTenMinutesAfterTheTry()
    {
        BanVerdict verdict = Decide([]);
        Assert.Equal(BanOutcome.Banned, verdict.Outcome);
        Assert.Equal(Now.AddMinutes(10), verdict.Ban!.Until);
        Assert.Equal("6 failures at ssh in 10m", verdict.Ban.Reason);
        Assert.Equal(6, verdict.Ban.Count);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(400)]
    public void Decide_LogWhoseClockIsAhead_BansNoLongerThanPolicySays(int daysAhead)
    {
        Finding now = Finding();
        Finding ahead = now with { Offence = now.Offence with { At = Now.AddDays(daysAhead) } };
        Assert.Equal(Now.AddMinutes(10), BanDecision.Decide(ahead, [], Nobody, Pardons.None, Policy, Now).Ban!.Until);
        ahead = now with { Offence = now.Offence with { At = DateTimeOffset.MaxValue } };
        Assert.Equal(Now.AddMinutes(10), BanDecision.Decide(ahead, [], Nobody, Pardons.None, Policy, Now).Ban!.Until);
        Assert.Equal(Now.AddDays(30), new TrustPolicy(TimeSpan.FromDays(30), 10).Until(DateTimeOffset.MaxValue.ToUnixTimeMilliseconds(), Now));
    }

    [Theory]
    [InlineData(0, false, 10)]
    [InlineData(1, false, 60)]
    [InlineData(2, false, 360)]
    [InlineData(3, false, 2160)]
    [InlineData(4, false, 10080)]
    [InlineData(1000000, false, 10080)]
    [InlineData(0, true, 5)]
    [InlineData(1, true, 30)]
    [InlineData(2, true, 60)]
    [InlineData(9, true, 60)]
    public void Duration_GrowsByTheFactorUpToTheCap(int repeats, bool trusted, int minutes) =>
        Assert.Equal(TimeSpan.FromMinutes(minutes), BanDecision.Duration(repeats, trusted, Policy));

    [Fact]
    public void Duration_FactorOne_StaysTheFirst() =>
        Assert.Equal(Policy.First, BanDecision.Duration(int.MaxValue, trusted: false, Policy with { Factor = 1 }));

    [Fact]
    public void Decide_Repeater_IsBannedLonger() =>
        Assert.Equal(Now.AddHours(1), Decide([Earlier(TimeSpan.FromHours(3))]).Ban!.Until);

    [Fact]
    public void Decide_BanBeforeMemory_IsForgotten() =>
        Assert.Equal(Now.AddMinutes(10), Decide([Earlier(TimeSpan.FromDays(31))]).Ban!.Until);

    [Fact]
    public void Decide_BanByHandOrTakenBack_MakesNoRepeater()
    {
        StoredBan byHand = Earlier(TimeSpan.FromHours(3)) with { Detection = StoredBan.ByHand };
        StoredBan takenBack = Earlier(TimeSpan.FromHours(4)) with { State = BanState.Removed };
        Assert.Equal(Now.AddMinutes(10), Decide([byHand, takenBack]).Ban!.Until);
    }

    [Fact]
    public void Decide_SameOffenceAgain_IsKnown() =>
        Assert.Equal(BanOutcome.Known, Decide([Earlier(TimeSpan.Zero)]).Outcome);

    [Fact]
    public void Decide_SameOffenceTakenBack_StaysForgiven() =>
        Assert.Equal(BanOutcome.Pardoned, Decide([Earlier(TimeSpan.Zero) with { State = BanState.Removed }]).Outcome);

    [Fact]
    public void Decide_WhileBanned_IsCovered() =>
        Assert.Equal(BanOutcome.Covered, Decide([Earlier(TimeSpan.FromMinutes(9))]).Outcome);

    [Fact]
    public void Decide_ShortBanByHand_DoesNotSpareTheLongerOne()
    {
        StoredBan byHand = Earlier(TimeSpan.FromMinutes(1)) with { Detection = StoredBan.ByHand, Until = Now.AddMinutes(1) };
        Assert.Equal(BanOutcome.Banned, Decide([byHand]).Outcome);
        Assert.Equal(BanOutcome.Covered, Decide([byHand with { Until = Now.AddHours(1) }]).Outcome);
    }

    [Theory]
    [InlineData("all", true)]
    [InlineData("imap", false)]
    public void Decide_WhileBannedAtOneService_IsCoveredOnlyByABanOfAsMuch(string scope, bool covered) =>
        Assert.Equal(covered ? BanOutcome.Covered : BanOutcome.Banned, Decide([Earlier(TimeSpan.FromMinutes(1)) with { Scope = scope }]).Outcome);

    [Theory]
    [InlineData("192.0.2.1")]
    [InlineData("192.0.2.0/24")]
    public void Decide_Exempt_IsNotBanned(string network)
    {
        var exemptions = new Exemptions([new(AddressPrefix.Parse(network), "on the allow list")], SourceKeys.Default);
        BanVerdict verdict = BanDecision.Decide(Finding(), [], exemptions, Pardons.None, Policy, Now);
        Assert.Equal(BanOutcome.Exempt, verdict.Outcome);
        Assert.Equal("on the allow list", verdict.Exemption!.Reason);
    }

    [Theory]
    [InlineData(-61, true)]
    [InlineData(-60, false)]
    [InlineData(1, false)]
    public void Decide_StandsOnForgivenTries_IsPardoned(int seconds, bool banned)
    {
        var pardons = new Pardons([new(Offender, Now.AddSeconds(seconds))]);
        Assert.Equal(banned ? BanOutcome.Banned : BanOutcome.Pardoned, BanDecision.Decide(Finding(), [], Nobody, pardons, Policy, Now).Outcome);
    }

    private static BanVerdict Decide(IReadOnlyList<StoredBan> earlier) =>
        BanDecision.Decide(Finding(), earlier, Nobody, Pardons.None, Policy, Now);

    private static Finding Finding() =>
        new(new Offence("failures", "ssh", Offender, Now, 6, Now.AddMinutes(-1), TimeSpan.FromMinutes(10)), Trusted: false);

    private static StoredBan Earlier(TimeSpan ago) => new(
        1, Offender, "all", "ssh", "failures", Now - ago, Now - ago + TimeSpan.FromMinutes(10), "", 6, Now - ago, BanState.Active);
}
