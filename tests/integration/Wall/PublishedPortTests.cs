using System.Net;
using System.Net.Sockets;
using RateWall.IntegrationTests.Machine;
using RateWall.Policy;
using RateWall.Wall;

namespace RateWall.IntegrationTests.Wall;

/// <summary>
/// A container's port that this host publishes under another number by DNAT, as container engines do it: in tables of
/// their own, which the wall does not know.
/// </summary>
public sealed class PublishedPortTests : IDisposable
{
    private const string Backend4 = "203.0.113.2";
    private const string Backend6 = "2001:db8:3::2";
    private const string Behind4 = "198.51.100.9";
    private readonly TwoHosts hosts = new(22);
    private readonly NetworkNamespace backend = new();
    private readonly List<TcpListener> listeners = [];

    public PublishedPortTests()
    {
        Shell.Run("ip", "link", "add", "bridge0", "netns", hosts.Server.Name, "type", "veth", "peer", "name", "eth0", "netns", backend.Name).MustSucceed("ip link add");
        hosts.Server.Ip("link", "set", "bridge0", "up");
        backend.Ip("link", "set", "eth0", "up");
        hosts.Server.AddAddress("203.0.113.1/24", "bridge0");
        hosts.Server.AddAddress("2001:db8:3::1/64", "bridge0");
        backend.AddAddress(Backend4 + "/24", "eth0");
        backend.AddAddress(Backend6 + "/64", "eth0");
        backend.Ip("route", "add", "default", "via", "203.0.113.1");
        backend.Ip("-6", "route", "add", "default", "via", "2001:db8:3::1");
        hosts.Client.Ip("route", "add", "203.0.113.0/24", "via", TwoHosts.Server4);
        hosts.Client.Ip("-6", "route", "add", "2001:db8:3::/64", "via", TwoHosts.Server6);
        hosts.Server.Run(() =>
        {
            File.WriteAllText("/proc/sys/net/ipv4/ip_forward", "1");
            File.WriteAllText("/proc/sys/net/ipv6/conf/all/forwarding", "1");
        });
        hosts.Server.NftLoad($$"""
            table ip engine {
                chain published {
                    type nat hook prerouting priority dstnat;
                    fib daddr type local tcp dport 25 dnat to {{Backend4}}:2525
                }
            }
            table ip6 engine {
                chain published {
                    type nat hook prerouting priority dstnat;
                    fib daddr type local tcp dport 25 dnat to [{{Backend6}}]:2525
                }
            }

            """);
        Listen(backend, 2525);
        Listen(hosts.Client, 25);
        foreach (string client in (string[])[TwoHosts.Client4, TwoHosts.Client6])
            Eventually.True("the published port answers", TimeSpan.FromMinutes(2), () => hosts.Tries(client, 25, 1) == "+");
    }

    public void Dispose()
    {
        foreach (TcpListener listener in listeners) listener.Dispose();
        backend.Dispose();
        hosts.Dispose();
    }

    [LinuxFact]
    public void Limit_PublishedPort_CountsUnderTheNumberClientsUse()
    {
        Stand();
        Assert.Equal("++-", hosts.Tries(TwoHosts.Client4, 25, 3));
        Assert.Equal("++-", hosts.Tries(TwoHosts.Client6, 25, 3));
        Assert.Equal(4, hosts.Packets("smtp_passed"));
    }

    [LinuxFact]
    public void Limit_MailOfTheContainer_IsNotLimited()
    {
        Stand();
        Assert.Equal("++++++", TriesOut(IPAddress.Parse(TwoHosts.Client4), 6));
        Assert.Equal("++++++", TriesOut(IPAddress.Parse(TwoHosts.Client6), 6));
        Assert.Equal(0, hosts.Packets("smtp_passed") + hosts.Packets("smtp_limited"));
    }

    [LinuxFact]
    public void Ban_SourceOfAPublishedPort_StopsIt()
    {
        Stand();
        hosts.AddClientAddress(Behind4 + "/32");
        hosts.Server.Nft($"add element inet ratewall ban4 {{ {Behind4} timeout 1h }}");
        Assert.Equal("-", hosts.Tries(Behind4, 25, 1));
        Assert.Equal("+", hosts.Tries(TwoHosts.Client4, 25, 1));
    }

    [LinuxFact]
    public void Limit_LoopbackAndAllowList_AreFirst()
    {
        // Everything a service can have, each of it exhausted by the first connection.
        Stand(l => l with { Connections = 1, Concurrent = 1, Prefix = new PrefixLimit(1, TimeSpan.FromHours(1)), Answer = LimitAnswer.Reset });
        Assert.Equal("++++", hosts.LoopbackTries(22, 4));
        Assert.Equal("+-", hosts.Tries(TwoHosts.Client4, 25, 2));
        hosts.Server.Nft("add element inet ratewall allow4 { 192.0.2.2 }");
        hosts.Server.Nft("add element inet ratewall allow6 { 2001:db8:1::2 }");
        Assert.Equal("++++", hosts.Tries(TwoHosts.Client4, 25, 4));
        Assert.Equal("++++", hosts.Tries(TwoHosts.Client6, 25, 4));
    }

    private void Stand(Func<LimitPolicy, LimitPolicy>? change = null)
    {
        ServicePolicy service = SamplePolicy.Service("smtp", LimitMode.Bucket, 2, 3600, 25, 22);
        hosts.Server.NftLoad(RulesetRenderer.BuiltIn.Render(SamplePolicy.Of(service with { Limit = (change ?? (l => l))(service.Limit) })).Text);
    }

    private void Listen(NetworkNamespace where, int port) => where.Run(() =>
    {
        var listener = new TcpListener(IPAddress.IPv6Any, port);
        listener.Server.DualMode = true;
        listener.Start(512);
        listeners.Add(listener);
    });

    private string TriesOut(IPAddress target, int count) => backend.Run(() =>
    {
        string result = "";
        for (int i = 0; i < count; i++)
        {
            using var socket = new Socket(target.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            result += socket.ConnectAsync(target, 25).Wait(TimeSpan.FromSeconds(5)) ? '+' : '-';
        }

        return result;
    });
}
