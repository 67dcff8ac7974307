using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using RateWall.IntegrationTests.Machine;

namespace RateWall.IntegrationTests.Wall;

/// <summary>
/// A host without listeners that hears packets from any source. It answers a TCP packet that gets as far as TCP with a reset,
/// and what a wall drops not at all: each packet's fate is known when it has been sent.
/// </summary>
internal sealed class TunHost : IDisposable
{
    public static readonly IPAddress Address4 = IPAddress.Parse("192.0.2.1");
    public static readonly IPAddress Address6 = IPAddress.Parse("2001:db8:1::1");
    public const ushort SourcePort = 40000;
    private readonly TunDevice device;
    private readonly byte[] buffer = new byte[2048];

    public TunHost(string? ruleset = null)
    {
        device = new TunDevice(Space, "eth0");
        Space.Ip("link", "set", "eth0", "up");
        Space.AddAddress($"{Address4}/24", "eth0");
        Space.AddAddress($"{Address6}/64", "eth0");
        Space.Ip("route", "add", "default", "dev", "eth0");
        Space.Ip("-6", "route", "add", "default", "dev", "eth0");
        if (ruleset is not null) Space.NftLoad(ruleset);
    }

    public NetworkNamespace Space { get; } = new();

    /// <summary>The host's address in the family of a source.</summary>
    public static IPAddress Near(IPAddress source) => source.AddressFamily == AddressFamily.InterNetwork ? Address4 : Address6;

    /// <summary>Opens a connection: true when the SYN came through.</summary>
    public bool Syn(IPAddress source, int port) => Answers(source, TcpPacket.Syn(source, Near(source), SourcePort, (ushort)port));

    /// <summary>Opens connections one after the other and says which came through, as "+" and "-".</summary>
    public string Syns(IPAddress source, int port, int count) =>
        string.Concat(Enumerable.Range(0, count).Select(_ => Syn(source, port) ? '+' : '-'));

    /// <summary>Sends a packet and says whether it was answered: a SYN by TCP, UDP by ICMP.</summary>
    public bool Answers(IPAddress source, ReadOnlySpan<byte> packet)
    {
        device.Write(packet);
        bool answered = false;
        while (device.TryRead(buffer, out int length)) answered |= IsAnswer(buffer.AsSpan(0, length), source);
        return answered;
    }

    /// <summary>The packets that a named counter of the wall has counted.</summary>
    public long Counter(string name)
    {
        string text = Space.Nft("list", "counter", "inet", "ratewall", name);
        return long.Parse(text.Split("packets ")[1].Split(' ')[0], CultureInfo.InvariantCulture);
    }

    public void Dispose()
    {
        device.Dispose();
        Space.Dispose();
    }

    // What the host says by itself, such as router solicitations, goes to other addresses.
    private static bool IsAnswer(ReadOnlySpan<byte> packet, IPAddress source)
    {
        bool four = packet[0] >> 4 == 4;
        ReadOnlySpan<byte> target = four ? packet.Slice(16, 4) : packet.Slice(24, 16);
        if (!target.SequenceEqual(source.GetAddressBytes())) return false;
        ReadOnlySpan<byte> body = packet[(four ? 20 : 40)..];
        const byte Icmp4 = 1, Icmp6 = 58, Unreachable4 = 3, Unreachable6 = 1;
        return (four ? packet[9] : packet[6]) switch
        {
            // The reset that answers an ACK has no ACK itself (RFC 9293 section 3.5.2).
            TcpPacket.Tcp => BinaryPrimitives.ReadUInt16BigEndian(body[2..]) == SourcePort && (body[13] & TcpPacket.AckFlag) != 0,
            Icmp4 => body[0] == Unreachable4,
            Icmp6 => body[0] == Unreachable6,
            _ => false,
        };
    }
}
