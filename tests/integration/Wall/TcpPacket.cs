using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace RateWall.IntegrationTests.Wall;

/// <summary>IP packets as they stand on the wire, made by hand: honest ones, fragments and oddities.</summary>
internal static class TcpPacket
{
    public const byte HopByHop = 0; // RFC 8200 section 4
    public const byte Tcp = 6;
    public const byte Udp = 17;
    public const byte FragmentHeader = 44;
    public const byte DestinationOptions = 60;
    public const int HeaderBytes = 20;
    public const byte SynFlag = 0x02; // RFC 9293 section 3.1
    public const byte AckFlag = 0x10;
    private const ushort MoreFragments = 0x2000; // RFC 791 section 3.1

    /// <summary>A whole SYN.</summary>
    public static byte[] Syn(IPAddress source, IPAddress target, ushort sourcePort, ushort port) =>
        Whole(source, target, Tcp, Segment(source, target, sourcePort, port));

    /// <summary>A packet with this behind its IP header.</summary>
    public static byte[] Whole(IPAddress source, IPAddress target, byte protocol, ReadOnlySpan<byte> payload) =>
        source.AddressFamily == AddressFamily.InterNetwork
            ? Fragment4(source, target, protocol, payload, offset: 0, more: false)
            : Ip6(source, target, protocol, payload);

    /// <summary>A TCP segment: header, then as many zero bytes as asked for (RFC 9293 section 3.1).</summary>
    public static byte[] Segment(
        IPAddress source, IPAddress target, ushort sourcePort, ushort port, byte flags = SynFlag, int dataBytes = 0)
    {
        byte[] segment = new byte[HeaderBytes + dataBytes];
        BinaryPrimitives.WriteUInt16BigEndian(segment, sourcePort);
        BinaryPrimitives.WriteUInt16BigEndian(segment.AsSpan(2), port);
        BinaryPrimitives.WriteUInt32BigEndian(segment.AsSpan(4), 1000);
        segment[12] = (HeaderBytes / 4) << 4;
        segment[13] = flags;
        BinaryPrimitives.WriteUInt16BigEndian(segment.AsSpan(14), ushort.MaxValue);
        BinaryPrimitives.WriteUInt16BigEndian(segment.AsSpan(16), TransportChecksum(source, target, Tcp, segment));
        return segment;
    }

    /// <summary>A UDP datagram (RFC 768).</summary>
    public static byte[] Datagram(IPAddress source, IPAddress target, ushort sourcePort, ushort port, int dataBytes)
    {
        byte[] datagram = new byte[8 + dataBytes];
        BinaryPrimitives.WriteUInt16BigEndian(datagram, sourcePort);
        BinaryPrimitives.WriteUInt16BigEndian(datagram.AsSpan(2), port);
        BinaryPrimitives.WriteUInt16BigEndian(datagram.AsSpan(4), (ushort)datagram.Length);
        BinaryPrimitives.WriteUInt16BigEndian(datagram.AsSpan(6), TransportChecksum(source, target, Udp, datagram));
        return datagram;
    }

    /// <summary>An IPv4 packet or fragment (RFC 791); a multiple of 4 bytes of options, all "no operation".</summary>
    public static byte[] Fragment4(
        IPAddress source, IPAddress target, byte protocol, ReadOnlySpan<byte> payload, int offset, bool more, int optionBytes = 0)
    {
        int header = 20 + optionBytes;
        byte[] packet = new byte[header + payload.Length];
        packet[0] = (byte)(0x40 | (header / 4));
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(2), (ushort)packet.Length);
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(4), 4711);
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(6), (ushort)((more ? MoreFragments : 0) | (offset / 8)));
        packet[8] = 64;
        packet[9] = protocol;
        source.TryWriteBytes(packet.AsSpan(12), out _);
        target.TryWriteBytes(packet.AsSpan(16), out _);
        packet.AsSpan(20, optionBytes).Fill(1);
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(10), Fold(Sum(packet.AsSpan(0, header))));
        payload.CopyTo(packet.AsSpan(header));
        return packet;
    }

    /// <summary>An IPv6 packet (RFC 8200 section 3).</summary>
    public static byte[] Ip6(IPAddress source, IPAddress target, byte nextHeader, ReadOnlySpan<byte> payload)
    {
        byte[] packet = new byte[40 + payload.Length];
        packet[0] = 0x60;
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(4), (ushort)payload.Length);
        packet[6] = nextHeader;
        packet[7] = 64;
        source.TryWriteBytes(packet.AsSpan(8), out _);
        target.TryWriteBytes(packet.AsSpan(24), out _);
        payload.CopyTo(packet.AsSpan(40));
        return packet;
    }

    /// <summary>An IPv6 fragment header and what follows it (RFC 8200 section 4.5).</summary>
    public static byte[] Fragment6(byte nextHeader, ReadOnlySpan<byte> payload, int offset, bool more)
    {
        byte[] part = new byte[8 + payload.Length];
        part[0] = nextHeader;
        BinaryPrimitives.WriteUInt16BigEndian(part.AsSpan(2), (ushort)(offset | (more ? 1 : 0)));
        BinaryPrimitives.WriteUInt32BigEndian(part.AsSpan(4), 4711);
        payload.CopyTo(part.AsSpan(8));
        return part;
    }

    /// <summary>
    /// A header of hop-by-hop or destination options, and what follows it (RFC 8200 section 4.2). Its one option is RFC 4727's
    /// experimental one, which whoever does not know it skips; of padding the kernel takes 7 bytes only.
    /// </summary>
    /// <param name="bytes">Length of the header: a multiple of 8, 256 at most.</param>
    public static byte[] Options6(byte nextHeader, ReadOnlySpan<byte> payload, int bytes = 8)
    {
        byte[] part = new byte[bytes + payload.Length];
        part[0] = nextHeader;
        part[1] = (byte)((bytes / 8) - 1);
        part[2] = 0x1e;
        part[3] = (byte)(bytes - 4);
        payload.CopyTo(part.AsSpan(bytes));
        return part;
    }

    private static ushort TransportChecksum(IPAddress source, IPAddress target, byte protocol, ReadOnlySpan<byte> body)
    {
        Span<byte> addresses = stackalloc byte[32];
        source.TryWriteBytes(addresses, out int bytes);
        target.TryWriteBytes(addresses[bytes..], out _);
        return Fold(Sum(addresses[..(2 * bytes)]) + protocol + (uint)body.Length + Sum(body));
    }

    private static uint Sum(ReadOnlySpan<byte> bytes)
    {
        uint sum = 0;
        for (int i = 0; i + 1 < bytes.Length; i += 2) sum += BinaryPrimitives.ReadUInt16BigEndian(bytes[i..]);
        return bytes.Length % 2 == 0 ? sum : sum + ((uint)bytes[^1] << 8);
    }

    private static ushort Fold(uint sum)
    {
        while (sum > ushort.MaxValue) sum = (sum & ushort.MaxValue) + (sum >> 16);
        return (ushort)~sum;
    }
}
