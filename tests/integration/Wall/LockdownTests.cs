using System.Net.Sockets;
using RateWall.IntegrationTests.Machine;
using RateWall.Policy;
using RateWall.Wall;

namespace RateWall.IntegrationTests.Wall;

/// <summary>While a port is in the lockdown set, new connections are for the allow list and the exceptions alone.</summary>
public sealed class LockdownTests
{
    private const string RoutedSource = "2001:db8:2:1::a";

    [LinuxTheory]
    [InlineData(LimitMode.Window)]
    [InlineData(LimitMode.Off)]
    public void Lockdown_NamedNetworks_AreAllThatGetsIn(LimitMode mode)
    {
        using TwoHosts hosts = Standing(mode, 143, 22);
        hosts.Server.Nft("add element inet ratewall lockdown { 143 timeout 1h, 993 timeout 1h }");
        // An exception is of a port, and of addresses inside a network.
        hosts.Server.Nft("add element inet ratewall lockdown_except4 { 143 . 198.51.100.0/28 timeout 2h, 993 . 192.0.2.0/24 timeout 2h }");
        hosts.Server.Nft("add element inet ratewall lockdown_except6 { 143 . 2001:db8:2::/48 timeout 2h }");
        Assert.Equal("-", hosts.Tries(TwoHosts.Client4, 143, 1));
        Assert.Equal("-", hosts.Tries(TwoHosts.Client6, 143, 1));
        Assert.Equal("-", hosts.Tries("198.51.100.16", 143, 1));
        Assert.Equal("+", hosts.Tries("198.51.100.15", 143, 1));
        Assert.Equal("+", hosts.Tries(RoutedSource, 143, 1));
        Assert.Equal("+", hosts.LoopbackTries(143, 1));
        Assert.Equal("+", hosts.Tries(TwoHosts.Client4, 22, 1));
        Assert.Equal((2, 3), (hosts.Packets("imap_passed"), hosts.Packets("imap_locked")));
        hosts.Server.Nft("add element inet ratewall allow4 { 192.0.2.2/32 }");
        Assert.Equal("+", hosts.Tries(TwoHosts.Client4, 143, 1));
    }

    [LinuxFact]
    public void Lockdown_TrustedSources_GetInOnlyWhenAskedFor()
    {
        using TwoHosts hosts = Standing(LimitMode.Bucket, 143);
        hosts.Server.Nft("add element inet ratewall byhost6 { 2001:db8:1::/64 }");
        hosts.Server.Nft("add element inet ratewall trusted4_mail { 198.51.100.15 timeout 1h }");
        hosts.Server.Nft("add element inet ratewall trusted6_mail { 2001:db8:2:1:: timeout 1h, 2001:db8:1::2 timeout 1h }");
        hosts.Server.Nft("add element inet ratewall lockdown { 143 timeout 1h }");
        string[] trusted = ["198.51.100.15", RoutedSource, TwoHosts.Client6];
        Assert.All(trusted, source => Assert.Equal("-", hosts.Tries(source, 143, 1)));
        hosts.Server.Nft("add element inet ratewall lockdown_trusted { 143 timeout 1h }");
        Assert.All(trusted, source => Assert.Equal("+", hosts.Tries(source, 143, 1)));
        Assert.Equal("-", hosts.Tries(TwoHosts.Client4, 143, 1));
        // A host beside the trusted one, where hosts count one by one, is a stranger.
        hosts.Server.Nft("delete element inet ratewall trusted6_mail { 2001:db8:1::2 }");
        hosts.Server.Nft("add element inet ratewall trusted6_mail { 2001:db8:1:: timeout 1h }");
        Assert.Equal("-", hosts.Tries(TwoHosts.Client6, 143, 1));
    }

    [LinuxFact]
    public void Lockdown_Exceptions_StillHaveTheirLimit()
    {
        using TwoHosts hosts = Standing(LimitMode.Window, 143);
        hosts.Server.Nft("add element inet ratewall lockdown { 143 timeout 1h }");
        hosts.Server.Nft("add element inet ratewall lockdown_except4 { 143 . 192.0.2.2 timeout 1h }");
        Assert.Equal("++++++-", hosts.Tries(TwoHosts.Client4, 143, 7));
    }

    [LinuxFact]
    public void Lockdown_PastItsDeadline_IsOver()
    {
        using TwoHosts hosts = Standing(LimitMode.Bucket, 143);
        hosts.Server.Nft("add element inet ratewall lockdown { 143 timeout 5s }");
        string tries = "";
        for (int i = 0; i < 40 && !tries.Contains('+', StringComparison.Ordinal); i++) tries += hosts.Tries(TwoHosts.Client4, 143, 1);
        Assert.StartsWith("-", tries, StringComparison.Ordinal);
        Assert.EndsWith("+", tries, StringComparison.Ordinal);
    }

    [LinuxFact]
    public void Lockdown_StandingConnections_GoOn()
    {
        using TwoHosts hosts = Standing(LimitMode.Bucket, 143);
        (Socket socket, Socket accepted) = hosts.Hold(TwoHosts.Client4, 143);
        using Socket one = socket, other = accepted;
        hosts.Server.Nft("add element inet ratewall lockdown { 143 timeout 1h }");
        Assert.Equal("-", hosts.Tries(TwoHosts.Client4, 143, 1));
        socket.Send("hello"u8);
        Assert.True(accepted.Poll(TimeSpan.FromSeconds(5), SelectMode.SelectRead));
    }

    private static TwoHosts Standing(LimitMode mode, params int[] ports)
    {
        var hosts = new TwoHosts(ports);
        hosts.AddClientAddress(RoutedSource + "/128");
        hosts.AddClientAddress("198.51.100.15/32");
        hosts.AddClientAddress("198.51.100.16/32");
        EffectivePolicy policy = SamplePolicy.Of(
            SamplePolicy.Service("imap", mode, 6, 3600, 143, 993), SamplePolicy.Service("ssh", LimitMode.Bucket, 100, 60, 22));
        hosts.Server.NftLoad(RulesetRenderer.BuiltIn.Render(policy).Text);
        return hosts;
    }
}
