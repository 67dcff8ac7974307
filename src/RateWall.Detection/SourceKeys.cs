using System.Runtime.CompilerServices;

namespace RateWall.Detection;

/// <summary>
/// The one function that says under which key a source is counted and banned, for the kernel, the windows and the
/// storage alike. IPv4 counts by address. IPv6 counts by /64, the smallest network a customer gets (RFC 6177, RFC 7421),
/// except where a /64 holds many parties: link-local, NAT64 (RFC 6052) and networks this host itself is on.
/// </summary>
public sealed class SourceKeys
{
    /// <summary>Networks in which IPv6 hosts always count one by one: link-local and the NAT64 well-known prefix.</summary>
    public static IReadOnlyList<AddressPrefix> AlwaysByHost { get; } =
    [
        AddressPrefix.Of(new(0xFE80_0000_0000_0000, 0), 10), AddressPrefix.Of(new(0x0064_FF9B_0000_0000, 0), 96),
        AddressPrefix.Of(new(0x0064_FF9B_0001_0000, 0), 48),
    ];

    private readonly AddressPrefix[] byHost;

    /// <param name="onLink">IPv6 networks this host has an address in, link-local left out or not.</param>
    public SourceKeys(IEnumerable<AddressPrefix> onLink)
    {
        ArgumentNullException.ThrowIfNull(onLink);
        byHost = [.. AlwaysByHost];
        foreach (AddressPrefix network in onLink)
        {
            if (network.IsIPv4 || Array.IndexOf(byHost, network) >= 0) continue;
            Array.Resize(ref byHost, byHost.Length + 1);
            byHost[^1] = network;
        }
    }

    /// <summary>Keys of a host that is on no IPv6 network: what pure computations and tests use.</summary>
    public static SourceKeys Default { get; } = new([]);

    /// <summary>The IPv6 networks whose hosts count one by one (/128).</summary>
    public IReadOnlyList<AddressPrefix> ByHost => byHost;

    /// <summary>The key of a source: /32 for IPv4; /64 for IPv6, or /128 inside <see cref="ByHost"/>.</summary>
    // Nearly all are IPv4, and what a call hands back in memory is waited for when it is copied on.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public AddressPrefix KeyOf(SourceAddress source) => source.IsIPv4 ? AddressPrefix.OfIPv4(source) : KeyOfIPv6(source);

    private AddressPrefix KeyOfIPv6(SourceAddress source)
    {
        foreach (AddressPrefix network in byHost)
            if (network.Contains(source)) return AddressPrefix.Of(source, 128);
        return AddressPrefix.Of(source, 64);
    }
}
