using System.Net.Sockets;
using RateWall.IntegrationTests.Machine;
using RateWall.Wall;

namespace RateWall.IntegrationTests.Wall;

/// <summary>`early.ingress`: banned packets end before anything else on the host sees them.</summary>
public sealed class IngressTests : IDisposable
{
    private const string NeverSeen = "2001:db8:1::5";
    private readonly TwoHosts hosts = new(22);
    private readonly RateWallProgram ratewall;

    public IngressTests()
    {
        ratewall = new(hosts.Server);
        // Somebody else's table, in front of everything in prerouting.
        hosts.Server.NftLoad("""
            table inet watch {
                counter banned { }
                chain first {
                    type filter hook prerouting priority -500; policy accept;
                    ip saddr { 192.0.2.2, 203.0.113.2 } counter name banned
                }
            }

            """);
    }

    public void Dispose()
    {
        ratewall.Dispose();
        hosts.Dispose();
    }

    [LinuxTheory]
    [InlineData("early: { ingress: [eth0] }", true)]
    [InlineData("early: { ingress: [] }", false)]
    public void Ingress_BannedSource_IsSeenByNobodyElse(string policy, bool first)
    {
        Apply(policy);
        hosts.Server.Nft("add element inet ratewall ban4 { 192.0.2.2 timeout 1h }");
        Assert.Equal("--", hosts.Tries(TwoHosts.Client4, 22, 2));
        Assert.Equal(first, Watched().Contains("packets 0 ", StringComparison.Ordinal));
        // Counted once for each packet, wherever it ends.
        Assert.InRange(hosts.Packets("ssh_banned"), 2, 3);
        Assert.Contains($"counter packets {hosts.Packets("ssh_banned")} ", hosts.Server.Nft("list", "set", "inet", "ratewall", "ban4"), StringComparison.Ordinal);
        hosts.Server.Nft("delete element inet ratewall ban4 { 192.0.2.2 }");
        Assert.Equal("+", hosts.Tries(TwoHosts.Client4, 22, 1));
    }

    [LinuxFact]
    public void Ingress_BannedSixtyFour_LeavesNeighboursAndTheAllowList()
    {
        Apply($"early: {{ ingress: [eth0] }}\nallow: [\"{NeverSeen}\"]");
        hosts.Server.Nft("add element inet ratewall ban6 { 2001:db8:1:: timeout 1h }");
        hosts.Client.AddAddress(NeverSeen + "/64", "eth0");
        foreach (NetworkNamespace end in (NetworkNamespace[])[hosts.Server, hosts.Client]) end.Ip("-6", "neigh", "flush", "dev", "eth0");
        Assert.Equal("-", hosts.Tries(TwoHosts.Client6, 22, 1));
        Assert.Equal("+", hosts.Tries(NeverSeen, 22, 1));
    }

    [LinuxFact]
    public void Ingress_InterfaceThatComesAndGoes_DoesTheWallNoHarm()
    {
        Answer applied = Apply("early: { ingress: [eth0, eth7] }");
        Assert.Contains("there is no interface eth7", applied.Error, StringComparison.Ordinal);
        Assert.Equal(0, ratewall.Run("plan").ExitCode);

        Shell.Run("ip", "link", "add", "eth7", "netns", hosts.Server.Name, "type", "veth", "peer", "name", "eth7", "netns", hosts.Client.Name).MustSucceed("ip link add");
        hosts.Server.Ip("addr", "add", "203.0.113.1/24", "dev", "eth7");
        hosts.Client.Ip("addr", "add", "203.0.113.2/24", "dev", "eth7");
        hosts.Server.Ip("link", "set", "eth7", "up");
        hosts.Client.Ip("link", "set", "eth7", "up");
        Assert.DoesNotContain("there is no interface", ratewall.Run("apply").MustSucceed("apply").Error, StringComparison.Ordinal);
        hosts.Server.Nft("add element inet ratewall ban4 { 203.0.113.2 timeout 1h }");
        string Banned() => hosts.Server.Nft("list", "set", "inet", "ratewall", "ban4");
        Eventually.True("packets by eth7 are dropped", TimeSpan.FromMinutes(2), () =>
        {
            hosts.Client.Run(() =>
            {
                using var socket = new UdpClient();
                socket.Send([1], "203.0.113.1", 9);
            });
            return !Banned().Contains("counter packets 0 ", StringComparison.Ordinal);
        }, Banned);
        Assert.Contains("packets 0 ", Watched(), StringComparison.Ordinal);

        hosts.Server.Ip("link", "del", "eth7");
        ratewall.Run("apply").MustSucceed("apply");
        Assert.Equal(0, ratewall.Run("plan").ExitCode);
        hosts.Server.Nft("add element inet ratewall ban4 { 192.0.2.2 timeout 1h }");
        Assert.Equal("-", hosts.Tries(TwoHosts.Client4, 22, 1));
        Assert.Contains("packets 0 ", Watched(), StringComparison.Ordinal);
    }

    [LinuxFact("strace")]
    public void Correlate_InterfaceThatCameOnAKernelThatTakesNoAbsentOne_HooksIt()
    {
        // What such a kernel answers to the wall's question whether it does (checked, nothing committed): ENOENT.
        File.WriteAllText(ratewall.ConfigFile, $"early: {{ ingress: [eth0, eth7] }}\ndefaults: {{ log: {{ file: {ratewall.LogFile} }} }}\n");
        Answer applied = ratewall.Trace(["-f", "-qq", "-o", "/dev/null", "-e", "trace=sendmsg", "-e", "inject=sendmsg:error=ENOENT:when=1"], "apply").MustSucceed("apply");
        Assert.Contains("there is no interface eth7", applied.Error, StringComparison.Ordinal);
        Assert.Equal(["eth0"], Hooked(), StringComparer.Ordinal);
        Assert.Equal("", ratewall.Run("correlate").MustSucceed("correlate").Error);
        Assert.Equal(["eth0"], Hooked(), StringComparer.Ordinal);

        Shell.Run("ip", "link", "add", "eth7", "netns", hosts.Server.Name, "type", "veth", "peer", "name", "eth7", "netns", hosts.Client.Name).MustSucceed("ip link add");

        Answer plan = ratewall.Run("plan");
        Assert.Equal(1, plan.ExitCode);
        Assert.Contains("+hook into eth7", plan.Out, StringComparison.Ordinal);
        Assert.Equal("ratewall: the wall was mended: eth7 had come and was not hooked", ratewall.Run("correlate").MustSucceed("correlate").Error.Trim());
        Assert.Equal(["eth0", "eth7"], Hooked(), StringComparer.Ordinal);
        ratewall.Run("plan").MustSucceed("plan");
        Assert.Equal("", ratewall.Run("correlate").MustSucceed("correlate").Error);
    }

    [LinuxFact]
    public void Ingress_TakenOutOfPolicy_IsUnhooked()
    {
        Apply("early: { ingress: [eth0, eth7] }");
        Apply("early: { ingress: [eth7] }");
        Assert.DoesNotContain("eth0", hosts.Server.Nft("list", "table", "inet", "ratewall"), StringComparison.Ordinal);
        Apply("{}");
        Assert.DoesNotContain("hook ingress", hosts.Server.Nft("list", "table", "inet", "ratewall"), StringComparison.Ordinal);
    }

    private Answer Apply(string policy)
    {
        File.WriteAllText(ratewall.ConfigFile, policy + "\n");
        return ratewall.Run("apply").MustSucceed("apply");
    }

    private IEnumerable<string> Hooked() => IngressHooks.In(hosts.Server.Nft("list", "chain", "inet", "ratewall", "ingress")).Order(StringComparer.Ordinal);

    private string Watched() => hosts.Server.Nft("list", "counter", "inet", "watch", "banned");
}
