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
    private static readonly EffectivePolicy Policy = new(
        [], [], new BanPolicy(TimeSpan.FromMinutes(10), 6, TimeSpan.FromDays(7), TimeSpan.FromDays(30), 65536), new TrustPolicy(TimeSpan.FromDays(30), 10), []);
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
        Offence now = Offence();
        Offence ahead = now with { At = Now.AddDays(daysAhead) };
        Assert.Equal(Now.AddMinutes(10), BanDecision.Decide(ahead, [], Nobody, Pardons.None, Policy, Now).Ban!.Until);
        ahead = now with { At = DateTimeOffset.MaxValue };
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
        Assert.Equal(TimeSpan.FromMinutes(minutes), BanDecision.Duration(repeats, BanDecision.TermsOf(Offence() with { Trusted = trusted }, Policy)));

    [Fact]
    public void Duration_FactorOne_StaysTheFirst() =>
        Assert.Equal(TimeSpan.FromMinutes(10), BanDecision.Duration(int.MaxValue, new(TimeSpan.FromMinutes(10), TimeSpan.FromDays(7), 1)));

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
        BanVerdict verdict = BanDecision.Decide(Offence(), [], exemptions, Pardons.None, Policy, Now);
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
        Assert.Equal(banned ? BanOutcome.Banned : BanOutcome.Pardoned, BanDecision.Decide(Offence(), [], Nobody, pardons, Policy, Now).Outcome);
    }

    [Fact]
    public void Decide_Trusted_IsBannedAtThatServiceAlone()
    {
        StoredBan ban = BanDecision.Decide(Offence() with { Trusted = true }, [], Nobody, Pardons.None, Policy, Now).Ban!;
        Assert.Equal(("ssh", Now.AddMinutes(5)), (ban.Scope, ban.Until));
    }

    [Fact]
    public void Decide_BannedAtAnotherServiceAlone_IsNotCovered()
    {
        StoredBan atImap = Earlier(TimeSpan.FromMinutes(1)) with { Scope = "imap" };
        Assert.Equal(BanOutcome.Banned, Decide([atImap]).Outcome);
        Assert.Equal(BanOutcome.Banned, BanDecision.Decide(Offence() with { Trusted = true }, [atImap], Nobody, Pardons.None, Policy, Now).Outcome);
        Assert.Equal(BanOutcome.Covered, BanDecision.Decide(Offence() with { Trusted = true }, [Earlier(TimeSpan.FromMinutes(1))], Nobody, Pardons.None, Policy, Now).Outcome);
    }

    [Fact]
    public void Decide_OneAccount_IsTheSameShortBanEachTimeAndMakesNoRepeater()
    {
        Offence account = Offence() with { Detection = DetectionName.Account };
        Assert.Equal(Now.AddMinutes(7), BanDecision.Decide(account, [Earlier(TimeSpan.FromHours(3))], Nobody, Pardons.None, Detecting, Now).Ban!.Until);
        StoredBan earlier = Earlier(TimeSpan.FromHours(3)) with { Detection = DetectionName.Account };
        Assert.Equal(Now.AddMinutes(10), BanDecision.Decide(Offence(), [earlier], Nobody, Pardons.None, Detecting, Now).Ban!.Until);
    }

    [Theory]
    [InlineData(0, 60)]
    [InlineData(1, 360)]
    [InlineData(2, 1440)]
    public void Decide_Network_GrowsFromItsOwnFirstToItsOwnCap(int earlier, int minutes)
    {
        Offence network = Offence() with { Detection = DetectionName.Prefix, Key = AddressPrefix.Parse("192.0.2.0/24") };
        StoredBan[] before = [.. Enumerable.Range(1, earlier).Select(i => Earlier(TimeSpan.FromDays(i * 2)) with { Target = network.Key, Detection = DetectionName.Prefix })];
        Assert.Equal(Now.AddMinutes(minutes), BanDecision.Decide(network, before, Nobody, Pardons.None, Detecting, Now).Ban!.Until);
    }

    [Theory]
    [InlineData("192.0.2.77")]
    [InlineData("192.0.0.0/16")]
    public void Decide_NetworkThatOverlapsAnExemptOne_IsNotBanned(string exempt)
    {
        Offence network = Offence() with { Detection = DetectionName.Prefix, Key = AddressPrefix.Parse("192.0.2.0/24") };
        var exemptions = new Exemptions([new(AddressPrefix.Parse(exempt), "a gateway of this host (eth0)")], SourceKeys.Default);
        Assert.Equal(BanOutcome.Exempt, BanDecision.Decide(network, [], exemptions, Pardons.None, Detecting, Now).Outcome);
    }

    private static readonly EffectivePolicy Detecting = Policy with
    {
        Services =
        [
            new("ssh", "ssh", Enabled: true, [22], new(LimitMode.Off, 0, TimeSpan.FromMinutes(1), 2, 1),
                new()
                {
                    Prefix = new(new(5, TimeSpan.FromHours(1)), TimeSpan.FromHours(1), TimeSpan.FromHours(24)),
                    Account = new(new(10, TimeSpan.FromHours(1)), TimeSpan.FromMinutes(7)),
                },
                LogSource.Journal, []),
        ],
    };

    private static BanVerdict Decide(IReadOnlyList<StoredBan> earlier) =>
        BanDecision.Decide(Offence(), earlier, Nobody, Pardons.None, Policy, Now);

    private static Offence Offence() =>
        new("failures", "ssh", Offender, Now, 6, Now.AddMinutes(-1), TimeSpan.FromMinutes(10));

    private static StoredBan Earlier(TimeSpan ago) => new(
        1, Offender, "all", "ssh", "failures", Now - ago, Now - ago + TimeSpan.FromMinutes(10), "", 6, Now - ago, BanState.Active);
}
