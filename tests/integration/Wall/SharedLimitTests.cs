using RateWall.IntegrationTests.Machine;
using RateWall.Policy;
using RateWall.Wall;

namespace RateWall.IntegrationTests.Wall;

/// <summary>The limit that all sources of one network share, beside the limit of each.</summary>
public sealed class SharedLimitTests
{
    [LinuxFact]
    public void Prefix_ManySourcesOfOneNetwork_ShareItsLimit()
    {
        using TwoHosts hosts = Standing(prefix: 3);
        hosts.AddClientNetwork("198.51.100.0/24", "198.51.100.1/32", "198.51.100.2/32", "198.51.100.3/32", "198.51.100.200/32");
        Assert.Equal("++", hosts.Tries("198.51.100.1", 22, 2));
        Assert.Equal("+", hosts.Tries("198.51.100.2", 22, 1));
        Assert.Equal("-", hosts.Tries("198.51.100.200", 22, 1));
        Assert.Equal("+++-", hosts.Tries(TwoHosts.Client4, 22, 4));

        hosts.AddClientNetwork("2001:db8:2::/48", "2001:db8:2:1::a/128", "2001:db8:2:2::a/128", "2001:db8:2:ffff::a/128");
        Assert.Equal("++", hosts.Tries("2001:db8:2:1::a", 22, 2));
        Assert.Equal("+", hosts.Tries("2001:db8:2:2::a", 22, 1));
        Assert.Equal("-", hosts.Tries("2001:db8:2:ffff::a", 22, 1));
        Assert.Equal("+++-", hosts.Tries(TwoHosts.Client6, 22, 4));
        Assert.Equal(12, Packets(hosts, "ssh_passed"));
        // At least: on a busy machine a refused client may send its SYN a second time before it is closed.
        Assert.InRange(Packets(hosts, "ssh_prefix"), 4, 20);
    }

    [LinuxFact]
    public void Prefix_RefusedBySourceLimit_CostsTheNetworkNothing()
    {
        using TwoHosts hosts = Standing(prefix: 4, connections: 2);
        hosts.AddClientNetwork("198.51.100.0/24", "198.51.100.1/32", "198.51.100.2/32");
        Assert.Equal("++----", hosts.Tries("198.51.100.1", 22, 6));
        Assert.Equal("++-", hosts.Tries("198.51.100.2", 22, 3));
        Assert.Equal(0, Packets(hosts, "ssh_prefix"));
    }

    [LinuxFact]
    public void Prefix_TrustedSource_IsNotAsked()
    {
        using TwoHosts hosts = Standing(prefix: 2);
        hosts.AddClientNetwork("198.51.100.0/24", "198.51.100.1/32", "198.51.100.2/32", "198.51.100.3/32");
        hosts.Server.Nft("add element inet ratewall trusted4_ssh { 198.51.100.3 timeout 1h }");
        Assert.Equal("++-", hosts.Tries("198.51.100.1", 22, 3));
        Assert.Equal("-", hosts.Tries("198.51.100.2", 22, 1));
        Assert.Equal("++++++", hosts.Tries("198.51.100.3", 22, 6));
    }

    [LinuxFact]
    public void Prefix_HostsOnTheLink_DoNotShareOne()
    {
        using TwoHosts hosts = Standing(prefix: 2);
        hosts.Server.Nft("add element inet ratewall byhost6 { 2001:db8:1::/64 }");
        hosts.AddClientNetwork("2001:db8:1::1:0/112", "2001:db8:1::1:7/128");
        Assert.Equal("++-", hosts.Tries(TwoHosts.Client6, 22, 3));
        Assert.Equal("++-", hosts.Tries("2001:db8:1::1:7", 22, 3));
    }

    [LinuxTheory]
    [InlineData("4", "198.51.100.0/24", "198.51.100.1", "198.51.100.2", "203.0.113.1, 203.0.113.2")]
    [InlineData("6", "2001:db8:2::/48", "2001:db8:2:1::a", "2001:db8:2:2::a", "2001:db8:aaaa::, 2001:db8:bbbb::")]
    public void Prefix_SetOfNetworksIsFull_StillLimitsThem(string version, string network, string first, string second, string fillers)
    {
        using TwoHosts hosts = Standing(prefix: 5, overflow: 1, smaller: $"ssh_v{version}_net");
        string bits = version == "4" ? "/32" : "/128";
        hosts.AddClientNetwork(network, first + bits, second + bits);
        hosts.Server.Nft($"add element inet ratewall ssh_v{version}_net {{ {fillers} }}");
        // One a second for whoever shares the wider network; a refusal takes 0.4 s.
        AssertOneASecond(hosts.Tries(first, 22, 4));
        Assert.Contains('-', hosts.Tries(second, 22, 2));
        Assert.True(Packets(hosts, "ssh_prefix") >= 2);
    }

    [LinuxFact]
    public void Prefix_WiderSetIsFullToo_StillLimitsIpv6()
    {
        using TwoHosts hosts = Standing(prefix: 5, overflow: 1, smaller: "ssh_v6_net", smallest: "ssh_v6_netwide");
        hosts.Server.Nft("add element inet ratewall ssh_v6_net { 2001:db8:aaaa::, 2001:db8:bbbb:: }");
        hosts.Server.Nft("add element inet ratewall ssh_v6_netwide { ::1 timeout 1h, ::2 timeout 1h }");
        AssertOneASecond(hosts.Tries(TwoHosts.Client6, 22, 4));
    }

    [LinuxFact]
    public void Prefix_SourcesThatCouldNotBeRecorded_AreAskedToo()
    {
        using TwoHosts hosts = Standing(prefix: 3, overflow: 1000, smaller: "ssh_v4_bucket");
        hosts.AddClientNetwork("198.51.100.0/24", "198.51.100.1/32");
        hosts.Server.Nft("add element inet ratewall ssh_v4_bucket { 203.0.113.1 timeout 1h, 203.0.113.2 timeout 1h }");
        Assert.Equal("+++-", hosts.Tries("198.51.100.1", 22, 4));
        Assert.Equal(3, Packets(hosts, "ssh_overflow"));
        Assert.InRange(Packets(hosts, "ssh_prefix"), 1, 5);
    }

    [LinuxFact]
    public void Trusted_SetOfTheirMetersIsFull_StillLimitsThem()
    {
        using TwoHosts hosts = Standing(prefix: null, overflow: 1, smaller: "ssh_v4_known");
        hosts.Server.Nft("add element inet ratewall ssh_v4_known { 203.0.113.1 timeout 1h, 203.0.113.2 timeout 1h }");
        hosts.Server.Nft("add element inet ratewall trusted4_ssh { 192.0.2.2 timeout 1h }");
        AssertOneASecond(hosts.Tries(TwoHosts.Client4, 22, 4));
        Assert.True(Packets(hosts, "ssh_overflow") >= 1);
    }

    private static TwoHosts Standing(int? prefix, int connections = 50, int overflow = 20, string? smaller = null, string? smallest = null)
    {
        ServicePolicy service = SamplePolicy.Service("ssh", LimitMode.Bucket, connections, 3600, 22);
        LimitPolicy limit = service.Limit with
        {
            OverflowPerSecond = overflow,
            Prefix = prefix is { } most ? new PrefixLimit(most, TimeSpan.FromHours(1)) : null,
        };
        string text = RulesetRenderer.BuiltIn.Render(SamplePolicy.Of(service with { Limit = limit })).Text;
        foreach (string set in new[] { smaller, smallest }.OfType<string>()) text = SmallSets.Shrink(text, set);
        var hosts = new TwoHosts(22);
        hosts.Server.NftLoad(text);
        return hosts;
    }

    // The next second's may be there before the second try on a busy machine.
    private static void AssertOneASecond(string tries)
    {
        Assert.StartsWith("+", tries, StringComparison.Ordinal);
        Assert.Contains("+-", tries, StringComparison.Ordinal);
    }

    private static long Packets(TwoHosts hosts, string counter) => hosts.Packets(counter);
}
