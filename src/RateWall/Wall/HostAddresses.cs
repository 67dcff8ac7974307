using System.Net;
using System.Net.NetworkInformation;
using RateWall.Detection;

namespace RateWall.Wall;

/// <summary>What this host must never ban of itself, and the networks it is on.</summary>
/// <param name="Exempt">Own addresses, loopback, gateways, resolvers.</param>
/// <param name="OnLink">IPv6 networks in which this host has an address.</param>
internal sealed record HostAddresses(IReadOnlyList<Exemption> Exempt, IReadOnlyList<AddressPrefix> OnLink)
{
    private static readonly Exemption[] Loopback =
    [
        new(AddressPrefix.Parse("127.0.0.0/8"), "the loopback network"),
        new(AddressPrefix.Parse("::1"), "the loopback address"),
    ];

    public static HostAddresses Read()
    {
        var exempt = new List<Exemption>(Loopback);
        var onLink = new List<AddressPrefix>();
        foreach (NetworkInterface card in NetworkInterface.GetAllNetworkInterfaces())
        {
            IPInterfaceProperties properties = card.GetIPProperties();
            foreach (UnicastIPAddressInformation own in properties.UnicastAddresses)
            {
                SourceAddress address = SourceAddress.From(own.Address);
                exempt.Add(new(AddressPrefix.Single(address), $"an address of this host ({card.Name})"));
                if (!address.IsIPv4) onLink.Add(AddressPrefix.Of(address, own.PrefixLength));
            }

            foreach (GatewayIPAddressInformation gateway in properties.GatewayAddresses)
                Add(exempt, gateway.Address, $"a gateway of this host ({card.Name})");
            foreach (IPAddress resolver in properties.DnsAddresses)
                Add(exempt, resolver, "a name server of this host (/etc/resolv.conf)");
        }

        return new([.. exempt.Distinct()], [.. onLink.Distinct()]);
    }

    private static void Add(List<Exemption> exempt, IPAddress address, string reason)
    {
        // An unset gateway is listed as the unspecified address.
        if (address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any)) return;
        exempt.Add(new(AddressPrefix.Single(SourceAddress.From(address)), reason));
    }
}
