using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using RateWall.IntegrationTests.Machine;
using RateWall.Policy;
using RateWall.Wall;

namespace RateWall.IntegrationTests.Wall;

/// <summary>A SYN cut into fragments must not slip past the limits: nothing puts it together before they look.</summary>
public sealed class FragmentTests
{
    private const int FirstFragmentBytes = 8;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    [LinuxTheory]
    [InlineData(true)]
    [InlineData(false)]
    public void Syn_InTwoFragments_ArrivesOnlyWithoutTheWall(bool walled)
    {
        using var hosts = new TwoHosts(22);
        if (walled)
        {
            EffectivePolicy policy = SamplePolicy.Of(SamplePolicy.Service("ssh", LimitMode.Window, 2, 60, 22));
            hosts.Server.NftLoad(RulesetRenderer.BuiltIn.Render(policy).Text);
        }

        hosts.Client.NftLoad("table inet watch {\n counter answers { }\n chain in { type filter hook input priority 0; tcp sport 22 tcp dport 40000 counter name answers; }\n}\n");
        byte[] segment = Syn(sourcePort: 40000, destinationPort: 22);
        hosts.Client.Run(() =>
        {
            using var raw = new Socket(AddressFamily.InterNetwork, SocketType.Raw, ProtocolType.Raw);
            var target = new IPEndPoint(IPAddress.Parse(TwoHosts.Server4), 0);
            raw.SendTo(Packet(segment.AsSpan(0, FirstFragmentBytes), offset: 0, more: true), target);
            raw.SendTo(Packet(segment.AsSpan(FirstFragmentBytes), offset: FirstFragmentBytes, more: false), target);
        });

        // The host answers a SYN that has arrived.
        string Answers() => hosts.Client.Nft("list", "counter", "inet", "watch", "answers");
        if (walled)
        {
            string Counter() => hosts.Server.Nft("list", "counter", "inet", "ratewall", "fragments");
            Eventually.True("both fragments are counted", Patience, () => Counter().Contains("packets 2", StringComparison.Ordinal), Counter);
            Assert.Contains("packets 0", Answers(), StringComparison.Ordinal);
        }
        else
        {
            Eventually.True("the fragments are put together to a SYN", Patience, () => !Answers().Contains("packets 0", StringComparison.Ordinal), Answers);
        }
    }

    // RFC 9293 section 3.1, 20 bytes, and the pseudo header of its checksum.
    private static byte[] Syn(ushort sourcePort, ushort destinationPort)
    {
        byte[] segment = new byte[20];
        BinaryPrimitives.WriteUInt16BigEndian(segment, sourcePort);
        BinaryPrimitives.WriteUInt16BigEndian(segment.AsSpan(2), destinationPort);
        BinaryPrimitives.WriteUInt32BigEndian(segment.AsSpan(4), 1000);
        segment[12] = 5 << 4;
        segment[13] = 0x02;
        BinaryPrimitives.WriteUInt16BigEndian(segment.AsSpan(14), 65535);
        byte[] pseudo =
        [
            .. IPAddress.Parse(TwoHosts.Client4).GetAddressBytes(), .. IPAddress.Parse(TwoHosts.Server4).GetAddressBytes(),
            0, 6, 0, (byte)segment.Length, .. segment,
        ];
        BinaryPrimitives.WriteUInt16BigEndian(segment.AsSpan(16), Checksum(pseudo));
        return segment;
    }

    // RFC 791 section 3.1; the kernel fills in the header's own checksum (raw(7)).
    private static byte[] Packet(ReadOnlySpan<byte> payload, int offset, bool more)
    {
        byte[] packet = new byte[20 + payload.Length];
        packet[0] = 0x45;
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(2), (ushort)packet.Length);
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(4), 4711);
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(6), (ushort)((more ? 0x2000 : 0) | (offset / 8)));
        packet[8] = 64;
        packet[9] = 6;
        IPAddress.Parse(TwoHosts.Client4).TryWriteBytes(packet.AsSpan(12), out _);
        IPAddress.Parse(TwoHosts.Server4).TryWriteBytes(packet.AsSpan(16), out _);
        payload.CopyTo(packet.AsSpan(20));
        return packet;
    }

    private static ushort Checksum(ReadOnlySpan<byte> bytes)
    {
        uint sum = 0;
        for (int i = 0; i < bytes.Length; i += 2) sum += BinaryPrimitives.ReadUInt16BigEndian(bytes[i..]);
        while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
        return (ushort)~sum;
    }
}
