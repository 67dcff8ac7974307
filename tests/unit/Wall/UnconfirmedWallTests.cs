using RateWall.Storage;
using RateWall.UnitTests.Storage;
using RateWall.Wall;

namespace RateWall.UnitTests.Wall;

public sealed class UnconfirmedWallTests
{
    private static readonly UnconfirmedWall Waiting = new()
    {
        Id = "one",
        Keeper = WallKeeper.Process,
        Until = new(2026, 11, 21, 17, 0, 0, TimeSpan.Zero),
        Deadline = BootClock.Milliseconds(TimeProvider.System) + 60_000,
        Boot = "this",
        Fingerprint = "abc",
        Prior = new(
            "table inet ratewall {\n}\n", Drifted: false, "text", ["192.0.2.0/24"], "listing", ["192.0.2.0/24"], ["fe80::/10"],
            [new("trusted4_ftp", [new([192, 0, 2, 1], null, TimeSpan.FromHours(1), new(2026, 11, 21, 18, 0, 0, TimeSpan.Zero), 3, 180)])]),
    };

    [Fact]
    public void Record_WrittenAndRead_IsTheSame()
    {
        using var directory = new TemporaryDirectory();
        Assert.Null(UnconfirmedWall.Read(directory.Path));
        Waiting.Write(directory.Path);
        UnconfirmedWall read = UnconfirmedWall.Read(directory.Path)!;
        Assert.Equal(Waiting with { Prior = null }, read with { Prior = null });
        Assert.Equal(Waiting.Prior!.Allow, read.Prior!.Allow);
        PriorElement element = Assert.Single(Assert.Single(read.Prior.Dropped).Elements);
        PriorElement expected = Waiting.Prior.Dropped[0].Elements[0];
        Assert.Equal(expected.Key, element.Key);
        Assert.Equal(expected with { Key = element.Key }, element);
        UnconfirmedWall.Forget(directory.Path);
        Assert.Null(UnconfirmedWall.Read(directory.Path));
    }

    [Theory]
    [InlineData("")]
    [InlineData("{}")]
    [InlineData("{\"Id\":null}")]
    [InlineData("[1")]
    public void Record_Damaged_IsToldWithItsPath(string content)
    {
        using var directory = new TemporaryDirectory();
        File.WriteAllText(Path.Combine(directory.Path, "unconfirmed.json"), content);
        Assert.Contains("unconfirmed.json", Assert.Throws<StateException>(() => UnconfirmedWall.Read(directory.Path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void IsOverdue_TimeOrBoot_Decides()
    {
        Assert.False(Waiting.IsOverdue(TimeProvider.System, "this"));
        Assert.True(Waiting.IsOverdue(TimeProvider.System, "another"));
        UnconfirmedWall past = Waiting with { Deadline = BootClock.Milliseconds(TimeProvider.System) - 1 };
        Assert.True(past.IsOverdue(TimeProvider.System, "this"));
        Assert.False((past with { TakenBack = true }).IsOverdue(TimeProvider.System, "another"));
    }

    [Fact]
    public void BootClock_Current_IsOneWordForThisBoot() => Assert.Matches("^[0-9a-f-]{36}:[0-9]+$", BootClock.Current());

    [Fact]
    public void Describe_TheKernelsListing_DeclaresWhatItShows()
    {
        // As `nft -t list table` prints it.
        Ruleset ruleset = RulesetRenderer.Describe(
            "table inet ratewall {\n\tcounter ssh_passed {\n\t\tpackets 5 bytes 300\n\t}\n\n\tset ban4 {\n\t\ttype ipv4_addr\n\t\tsize 1000000\n\t\tflags timeout\n\t\tcounter\n\t}\n\n"
            + "\tset banport6 {\n\t\ttype ipv6_addr . inet_service\n\t\tsize 10\n\t\tflags timeout\n\t}\n\n\tset h {\n\t\ttype ipv6_addr\n\t\tflags dynamic,timeout\n\t\ttimeout 1m\n\t}\n\n"
            + "\tchain early {\n\t\ttype filter hook prerouting priority raw - 10; policy accept;\n\t\tcounter name \"ssh_passed\" accept\n\t\ttcp dport { 22, 25 } counter packets 0 bytes 0 accept\n\t}\n}\n");
        Assert.Equal(["ssh_passed"], ruleset.Counters, StringComparer.Ordinal);
        Assert.Equal(["early"], ruleset.Chains, StringComparer.Ordinal);
        Assert.Equal(
            [("ban4", 4u, SetFeatures.Timeout, 1000000u, true), ("banport6", 20u, SetFeatures.Timeout, 10u, false), ("h", 16u, SetFeatures.Dynamic | SetFeatures.Timeout, null, false)],
            ruleset.Sets.Values.Select(s => (s.Name, s.Key.Length, s.Features, s.Size, s.Counted)));
    }
}
