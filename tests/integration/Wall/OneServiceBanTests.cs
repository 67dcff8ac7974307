using System.Net.Sockets;
using RateWall.IntegrationTests.Machine;
using RateWall.Policy;
using RateWall.Wall;

namespace RateWall.IntegrationTests.Wall;

/// <summary>A source in banport4/6 is cut off from the ports named with it, and from nothing else.</summary>
public sealed class OneServiceBanTests
{
    private const string RoutedSource = "2001:db8:2:1::a";

    [LinuxTheory]
    [InlineData(TwoHosts.Client4, "banport4", "192.0.2.2")]
    [InlineData(TwoHosts.Client6, "banport6", "2001:db8:1::2")]
    [InlineData(RoutedSource, "banport6", "2001:db8:2:1::")]
    public void Ban_OfOneService_CutsStandingAndNewConnectionsThereAlone(string source, string set, string key)
    {
        using TwoHosts hosts = Standing();
        if (source == RoutedSource) hosts.AddClientAddress(RoutedSource + "/128");
        (Socket imap, Socket imapServer) = hosts.Hold(source, 143);
        (Socket ssh, Socket sshServer) = hosts.Hold(source, 22);
        using Socket first = imap, second = imapServer, third = ssh, fourth = sshServer;
        hosts.Server.Nft($"add element inet ratewall {set} {{ {key} . 143 timeout 1h, {key} . 993 timeout 1h }}");

        imap.Send("hello"u8);
        ssh.Send("hello"u8);
        // What was sent later has arrived, what was sent before it has not.
        Assert.True(sshServer.Poll(TimeSpan.FromSeconds(5), SelectMode.SelectRead));
        Assert.False(imapServer.Poll(TimeSpan.Zero, SelectMode.SelectRead));
        Assert.True(hosts.Packets("imap_banned") >= 1);
        Assert.Equal("-", hosts.Tries(source, 143, 1));
        Assert.Equal("-", hosts.Tries(source, 993, 1));
        Assert.Equal("+", hosts.Tries(source, 22, 1));
        // Unprotected ports, and what the banned host answers to this one's own connections, pass too.
        Assert.Equal("+", hosts.Tries(source, 8080, 1));
        Assert.Equal("+", hosts.Tries(source == TwoHosts.Client4 ? TwoHosts.Client6 : TwoHosts.Client4, 143, 1));
        Assert.Equal((0, 0), (hosts.Packets("ssh_banned"), hosts.Packets("banned_elsewhere")));
        Assert.Matches(@" \. 143 counter packets [1-9]", hosts.Server.Nft("list", "set", "inet", "ratewall", set));
    }

    [LinuxFact]
    public void Ban_OfOneServiceOfAnAllowedSource_DropsNothing()
    {
        using TwoHosts hosts = Standing();
        hosts.Server.Nft("add element inet ratewall allow4 { 192.0.2.2/32 }");
        hosts.Server.Nft("add element inet ratewall banport4 { 192.0.2.2 . 143 timeout 1h }");
        Assert.Equal("+", hosts.Tries(TwoHosts.Client4, 143, 1));
    }

    private static TwoHosts Standing()
    {
        var hosts = new TwoHosts(22, 143, 993, 8080);
        EffectivePolicy policy = SamplePolicy.Of(
            SamplePolicy.Service("imap", LimitMode.Bucket, 1000, 60, 143, 993), SamplePolicy.Service("ssh", LimitMode.Bucket, 1000, 60, 22));
        hosts.Server.NftLoad(RulesetRenderer.BuiltIn.Render(policy).Text);
        return hosts;
    }
}
