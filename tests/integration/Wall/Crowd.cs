using System.Buffers.Binary;
using System.Net;

namespace RateWall.IntegrationTests.Wall;

/// <summary>
/// Sources for floods, of one IP version. A flood needs more addresses than documentation networks have: IPv4 comes from
/// 198.18.0.0/15, which is for benchmarks (RFC 2544), and what has to be many /32 networks of IPv6 from 4000::/3, which nobody has.
/// </summary>
internal sealed record Crowd(int IpVersion)
{
    /// <summary>The n-th source, 0 to 65535, of one /16 (IPv6: one /32).</summary>
    public IPAddress Known(int n) => IpVersion == 4 ? Ip4(0xc612_0000, n) : Ip6(0x2001_0db8, n + 0x10_0000);

    /// <summary>The n-th of further sources, all in another /16 (IPv6: /32).</summary>
    public IPAddress Newcomer(int n) => IpVersion == 4 ? Ip4(0xc613_0000, n) : Ip6(0x3fff_0000, n);

    /// <summary>The n-th source in a /16 (IPv6: /32) that nobody else comes from; 0 to 2.</summary>
    public IPAddress Bystander(int n) => IpVersion == 4 ? IPAddress.Parse(((string[])["192.0.2.77", "198.51.100.7", "203.0.113.7"])[n]) : Ip6(0x3fff_0001 + (uint)n, 7);

    /// <summary>The n-th IPv6 source, each in a /32 of its own.</summary>
    public static IPAddress OfItsOwnNetwork(int n) => Ip6(0x4000_0000 + (uint)n, 7);

    private static IPAddress Ip4(uint network, int n)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, network + (uint)n);
        return new(bytes);
    }

    // By /64: the number stands in the lower half of the network.
    private static IPAddress Ip6(uint network, int n)
    {
        Span<byte> bytes = stackalloc byte[16];
        bytes.Clear();
        BinaryPrimitives.WriteUInt32BigEndian(bytes, network);
        BinaryPrimitives.WriteInt32BigEndian(bytes[4..], n);
        bytes[15] = 1;
        return new(bytes);
    }
}
