using System.Net.Sockets;
using RateWall.IntegrationTests.Machine;
using RateWall.Policy;
using RateWall.Wall;

namespace RateWall.IntegrationTests.Wall;

/// <summary>How many connections a source may hold open at once.</summary>
public sealed class ConcurrentTests : IDisposable
{
    // After two minutes the kernel would forget a closed connection anyway.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private readonly TwoHosts hosts = new(22);
    private readonly List<Socket> held = [];

    [LinuxTheory]
    [InlineData(TwoHosts.Client4, "4")]
    [InlineData(TwoHosts.Client6, "6")]
    public void Concurrent_MoreThanAllowed_WaitsUntilOneIsClosed(string client, string version)
    {
        Stand();
        Assert.Equal("++-", Hold(client, 3));
        Assert.InRange(hosts.Packets("ssh_concurrent"), 1, 5);
        Close(0);
        Eventually.True("the place of the closed one is taken", Patience, () => Hold(client, 1) == "+");
        Assert.Equal("-", Hold(client, 1));

        // Who holds nothing leaves the set, so that it does not fill with the past.
        while (held.Count > 0) Close(0);
        string Listing() => hosts.Server.Nft("list", "set", "inet", "ratewall", $"ssh_v{version}_held");
        Eventually.True("the set is empty", Patience, () => !Listing().Contains("elements", StringComparison.Ordinal), Listing);
    }

    [LinuxFact]
    public void Concurrent_ShortConnections_AreNotHeldBack()
    {
        Stand();
        // Closed at once each time: only the rate limit, 50 here, has a say.
        for (int i = 0; i < 8; i++)
            Eventually.True("the next one gets through", Patience, () =>
            {
                string outcome = Hold(TwoHosts.Client4, 1);
                while (held.Count > 0) Close(0);
                return outcome == "+";
            });
    }

    [LinuxFact]
    public void Concurrent_TrustedSource_MayHoldTenTimesAsMany()
    {
        Stand();
        hosts.Server.Nft("add element inet ratewall trusted4_ssh { 192.0.2.2 timeout 1h }");
        Assert.Equal(new string('+', 20) + "-", Hold(TwoHosts.Client4, 21));
    }

    [LinuxTheory]
    [InlineData("4", "198.51.100.0/24", "198.51.100.", "203.0.113.1, 203.0.113.2")]
    [InlineData("6", "2001:db8:2::/48", "2001:db8:2:1::", "2001:db8:a::, 2001:db8:b::")]
    public void Concurrent_SetIsFull_OthersShareOneCount(string version, string network, string prefix, string fillers)
    {
        Stand($"ssh_v{version}_held");
        string bits = version == "4" ? "/32" : "/128";
        // IPv6 sources are counted by /64: each has one of its own.
        string[] sources = [.. Enumerable.Range(1, 3).Select(i => version == "4" ? $"{prefix}{i}" : $"2001:db8:2:{i}::a")];
        hosts.AddClientNetwork(network, [.. sources.Select(s => s + bits)]);
        hosts.Server.Nft($"add element inet ratewall ssh_v{version}_held {{ {fillers} }}");
        Assert.Equal("++", Hold(sources[0], 2));
        Assert.Equal("+-", Hold(sources[1], 2));
        Assert.Equal("-", Hold(sources[2], 1));
        Close(0);
        Eventually.True("one more of them gets in", Patience, () => Hold(sources[2], 1) == "+");
        Assert.Equal("-", Hold(sources[1], 1));
        // A network that is quiet has a way in all the time.
        if (version == "4") Assert.Equal("++", Hold(TwoHosts.Client4, 2));
    }

    [LinuxFact]
    public void Concurrent_MoreSourcesThanTheSetHolds_KnownOnesKeepTheirCount()
    {
        Stand("ssh_v4_held");
        string[] sources = [.. Enumerable.Range(1, 6).Select(i => $"198.51.100.{i}")];
        hosts.AddClientNetwork("198.51.100.0/24", [.. sources.Select(s => s + "/32")]);
        Assert.Equal("++", Hold(sources[0], 2));
        Assert.Equal("++", Hold(sources[1], 2));
        // Full now. Four more share three connections.
        Assert.Equal("+++-", string.Concat(sources[2..].Select(s => Hold(s, 1))));
        Assert.Equal("-", Hold(sources[0], 1));
        Close(0);
        Eventually.True("its own place is free again", Patience, () => Hold(sources[0], 1) == "+");
        Assert.Equal("-", Hold(sources[5], 1));
    }

    [LinuxFact]
    public void Concurrent_EverySetIsFull_StillCountsIpv6()
    {
        Stand("ssh_v6_held", "ssh_v6_crowd");
        hosts.Server.Nft("add element inet ratewall ssh_v6_held { 2001:db8:a::, 2001:db8:b:: }");
        hosts.Server.Nft("add element inet ratewall ssh_v6_crowd { ::1, ::2 }");
        Assert.Equal("+++-", Hold(TwoHosts.Client6, 4));
        Close(0);
        Eventually.True("one more gets in", Patience, () => Hold(TwoHosts.Client6, 1) == "+");
    }

    public void Dispose()
    {
        foreach (Socket socket in held) socket.Dispose();
        hosts.Dispose();
    }

    /// <summary>Two at once of a source, three of those that share a count.</summary>
    private void Stand(params string[] small)
    {
        ServicePolicy service = SamplePolicy.Service("ssh", LimitMode.Bucket, 1000, 3600, 22);
        LimitPolicy limit = service.Limit with { Concurrent = 2, OverflowPerSecond = 3 };
        string text = RulesetRenderer.BuiltIn.Render(SamplePolicy.Of(service with { Limit = limit })).Text;
        hosts.Server.NftLoad(small.Aggregate(text, SmallSets.Shrink));
    }

    private string Hold(string from, int count)
    {
        string result = "";
        for (int i = 0; i < count; i++)
        {
            Socket? socket = hosts.Connect(from, 22);
            if (socket is not null) held.Add(socket);
            result += socket is null ? '-' : '+';
        }

        return result;
    }

    /// <summary>Ends a connection with a reset: the kernel knows at once that it is over, though nobody reads the other end.</summary>
    private void Close(int index)
    {
        held[index].LingerState = new LingerOption(enable: true, seconds: 0);
        held[index].Dispose();
        held.RemoveAt(index);
    }
}
