using RateWall.IntegrationTests.Machine;
using RateWall.Policy;
using RateWall.Wall;

namespace RateWall.IntegrationTests.Wall;

/// <summary>While a port is in the siege set, whoever is not trusted shares one bucket for the whole service.</summary>
public sealed class SiegeTests
{
    private const string RoutedSource = "2001:db8:2:1::a";

    [LinuxTheory]
    [InlineData(LimitMode.Window)]
    [InlineData(LimitMode.Quiet)]
    [InlineData(LimitMode.Bucket)]
    [InlineData(LimitMode.Off)]
    public void Siege_StrangersOfEveryKind_ShareOneBucket(LimitMode mode)
    {
        using TwoHosts hosts = Standing(Imap(mode, 10, siege: 4), 143, 993);
        hosts.AddClientAddress(RoutedSource + "/128");
        hosts.Server.Nft("add element inet ratewall byhost6 { 2001:db8:1::/64 }");
        hosts.Server.Nft("add element inet ratewall siege { 143 timeout 1h, 993 timeout 1h }");
        // One bucket of four for IPv4, an IPv6 host on the link, an IPv6 /64, and both ports.
        Assert.Equal("+", hosts.Tries(TwoHosts.Client4, 143, 1));
        Assert.Equal("+", hosts.Tries(TwoHosts.Client6, 143, 1));
        Assert.Equal("+", hosts.Tries(RoutedSource, 993, 1));
        Assert.Equal("+-", hosts.Tries(TwoHosts.Client4, 993, 2));
        Assert.Equal("-", hosts.Tries(TwoHosts.Client6, 143, 1));
        Assert.Equal("-", hosts.Tries(RoutedSource, 143, 1));
        Assert.Equal("passed 0, limited 0, siegepassed 4, siegedropped 3", Counters(hosts));
        hosts.Server.Nft("delete element inet ratewall siege { 143 }");
        Assert.Equal("+", hosts.Tries(TwoHosts.Client4, 143, 1));
        Assert.Equal("-", hosts.Tries(TwoHosts.Client4, 993, 1));
    }

    [LinuxTheory]
    [InlineData(LimitMode.Window)]
    [InlineData(LimitMode.Off)]
    public void Siege_TrustedAllowedAndLoopback_AreOutsideOfIt(LimitMode mode)
    {
        using TwoHosts hosts = Standing(Imap(mode, 2, siege: 1), 143);
        hosts.AddClientAddress(RoutedSource + "/128");
        hosts.AddClientAddress("198.51.100.7/32");
        hosts.Server.Nft("add element inet ratewall trusted4_mail { 192.0.2.2 timeout 1h }");
        hosts.Server.Nft("add element inet ratewall trusted6_mail { 2001:db8:2:1:: timeout 1h }");
        hosts.Server.Nft("add element inet ratewall allow4 { 198.51.100.7/32 }");
        hosts.Server.Nft("add element inet ratewall siege { 143 timeout 1h }");
        Assert.Equal("+-", hosts.Tries(TwoHosts.Client6, 143, 2));
        Assert.Equal("+++", hosts.Tries(TwoHosts.Client4, 143, 3));
        Assert.Equal("+++", hosts.Tries(RoutedSource, 143, 3));
        Assert.Equal("+++", hosts.Tries("198.51.100.7", 143, 3));
        Assert.Equal("++", hosts.LoopbackTries(143, 2));
    }

    [LinuxFact]
    public void Siege_OneGreedySource_MeetsItsOwnLimitFirst()
    {
        using TwoHosts hosts = Standing(Imap(LimitMode.Window, 2, siege: 4), 143);
        hosts.Server.Nft("add element inet ratewall siege { 143 timeout 1h }");
        Assert.Equal("++--", hosts.Tries(TwoHosts.Client4, 143, 4));
        Assert.Equal("++-", hosts.Tries(TwoHosts.Client6, 143, 3));
        Assert.Equal("passed 0, limited 3, siegepassed 4, siegedropped 0", Counters(hosts));
    }

    [LinuxFact]
    public void Siege_StrangersThatFoundNoRoom_ShareTheBucket()
    {
        ServicePolicy service = Imap(LimitMode.Window, 3, siege: 1);
        using TwoHosts hosts = Standing(service with { Limit = service.Limit with { Size = 2 } }, 143);
        hosts.AddClientAddress("198.51.100.1/32");
        hosts.Server.Nft("add element inet ratewall imap_v4_h1 { 203.0.113.1, 203.0.113.2 }");
        hosts.Server.Nft("add element inet ratewall imap_v4_h2 { 203.0.113.1, 203.0.113.2 }");
        hosts.Server.Nft("add element inet ratewall imap_v4_h3 { 203.0.113.1, 203.0.113.2 }");
        hosts.Server.Nft("add element inet ratewall siege { 143 timeout 1h }");
        Assert.Equal("+-", hosts.Tries(TwoHosts.Client4, 143, 2));
        Assert.Equal("-", hosts.Tries("198.51.100.1", 143, 1));
        Assert.Equal(0, hosts.Packets("imap_overflow"));
    }

    [LinuxFact]
    public void Siege_OtherService_IsNotTouched()
    {
        using TwoHosts hosts = Standing(Imap(LimitMode.Bucket, 100, siege: 1), 143, 22);
        hosts.Server.Nft("add element inet ratewall siege { 143 timeout 1h }");
        Assert.Equal("+-", hosts.Tries(TwoHosts.Client4, 143, 2));
        Assert.Equal("+++", hosts.Tries(TwoHosts.Client4, 22, 3));
    }

    [LinuxFact]
    public void Siege_PastItsDeadline_IsOver()
    {
        using TwoHosts hosts = Standing(Imap(LimitMode.Bucket, 100, siege: 1), 143);
        hosts.Server.Nft("add element inet ratewall siege { 143 timeout 5s }");
        string tries = "";
        for (int i = 0; i < 40 && !tries.EndsWith("-+", StringComparison.Ordinal); i++) tries += hosts.Tries(TwoHosts.Client4, 143, 1);
        Assert.StartsWith("+-", tries, StringComparison.Ordinal);
        Assert.EndsWith("-+", tries, StringComparison.Ordinal);
    }

    private static ServicePolicy Imap(LimitMode mode, int connections, int siege) =>
        SamplePolicy.Service("imap", mode, connections, 3600, 143, 993) with { Siege = new SiegePolicy(siege, TimeSpan.FromHours(1)) };

    private static TwoHosts Standing(ServicePolicy imap, params int[] ports)
    {
        var hosts = new TwoHosts(ports);
        hosts.Server.NftLoad(RulesetRenderer.BuiltIn.Render(SamplePolicy.Of(imap, SamplePolicy.Service("ssh", LimitMode.Bucket, 100, 60, 22))).Text);
        return hosts;
    }

    private static string Counters(TwoHosts hosts) => string.Join(
        ", ", ((string[])["passed", "limited", "siegepassed", "siegedropped"]).Select(c => $"{c} {hosts.Packets($"imap_{c}")}"));
}
