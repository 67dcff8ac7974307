using System.Net;
using RateWall.IntegrationTests.Machine;
using RateWall.Policy;
using RateWall.Wall;

namespace RateWall.IntegrationTests.Wall;

/// <summary>
/// A SYN in fragments or behind further headers must not slip past the limits: without connection tracking nothing puts it
/// together before they look.
/// </summary>
public sealed class FragmentTests
{
    private const int Port = 22;

    [LinuxFact]
    public void HiddenSyn_Ipv4_ArrivesOnlyWithoutTheWall() => ArrivesOnlyWithoutTheWall(HiddenSyn.Ip4, n => $"198.51.100.{n}");

    [LinuxFact]
    public void HiddenSyn_Ipv6_ArrivesOnlyWithoutTheWall() => ArrivesOnlyWithoutTheWall(HiddenSyn.Ip6, n => $"2001:db8:2:{n:x}::7");

    [LinuxTheory]
    [InlineData("198.51.100.7", "198.51.100.8")]
    [InlineData("2001:db8:2::7", "2001:db8:3::7")]
    public void Fragments_OfHonestSenders_Pass(string address, string anotherAddress)
    {
        using var host = new TunHost(Wall());
        var source = IPAddress.Parse(address);
        // The kernel sends each host so many ICMP errors a second, and no more.
        var another = IPAddress.Parse(anotherAddress);
        byte[] syn = TcpPacket.Segment(source, TunHost.Near(source), TunHost.SourcePort, Port, dataBytes: 2000);
        Assert.True(Cut(host, source, TcpPacket.Tcp, syn, 1200), "a SYN with much data");
        Assert.False(Cut(host, source, TcpPacket.Tcp, syn, 1200), "a second one, beyond the limit");
        Assert.True(Cut(host, source, TcpPacket.Udp, Datagram(source), 1200), "UDP");
        Assert.True(Cut(host, another, TcpPacket.Udp, Datagram(another), 8), "UDP in a first fragment of 8 bytes");
        Assert.Equal(0, host.Counter("fragments"));
    }

    private static void ArrivesOnlyWithoutTheWall(IReadOnlyList<HiddenSyn> syns, Func<int, string> address)
    {
        using var open = new TunHost();
        using var walled = new TunHost(Wall());
        var wrong = new List<string>();
        for (int i = 0; i < syns.Count; i++)
        {
            HiddenSyn syn = syns[i];
            var source = IPAddress.Parse(address(i + 1));
            byte[][] packets = syn.Packets(source);
            if (syn.Arrives && !Arrives(open, source, packets)) wrong.Add($"{syn.Name}: is no SYN even without the wall");

            // The source has used up what the limit gives it.
            Assert.Equal("+-", walled.Syns(source, Port, 2));
            long before = walled.Counter("fragments");
            if (Arrives(walled, source, packets)) wrong.Add($"{syn.Name}: slips past the limit");
            bool counted = walled.Counter("fragments") > before;
            if (counted != syn.CountedAsFragment) wrong.Add($"{syn.Name}: {(counted ? "" : "not ")}counted as fragment");
        }

        Assert.Empty(wrong);
    }

    private static byte[] Datagram(IPAddress source) =>
        TcpPacket.Datagram(source, TunHost.Near(source), TunHost.SourcePort, port: 5060, dataBytes: 2000);

    private static bool Cut(TunHost host, IPAddress source, byte protocol, byte[] body, int at)
    {
        IPAddress target = TunHost.Near(source);
        byte[] Fragment(ReadOnlySpan<byte> bytes, int offset, bool more) => target.Equals(TunHost.Address4)
            ? TcpPacket.Fragment4(source, target, protocol, bytes, offset, more)
            : TcpPacket.Ip6(source, target, TcpPacket.FragmentHeader, TcpPacket.Fragment6(protocol, bytes, offset, more));
        return Arrives(host, source, [Fragment(body.AsSpan(0, at), 0, more: true), Fragment(body.AsSpan(at), at, more: false)]);
    }

    private static bool Arrives(TunHost host, IPAddress source, byte[][] packets) =>
        packets.Aggregate(false, (answered, packet) => answered | host.Answers(source, packet));

    private static string Wall() =>
        RulesetRenderer.BuiltIn.Render(SamplePolicy.Of(SamplePolicy.Service("ssh", LimitMode.Window, 1, 3600, Port))).Text;
}
