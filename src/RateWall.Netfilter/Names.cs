namespace RateWall.Netfilter;

/// <summary>Protocol families of netfilter (linux/netfilter.h, NFPROTO_*).</summary>
public enum NetfilterFamily : byte
{
    /// <summary>NFPROTO_UNSPEC: any.</summary>
    Unspecified = 0,

    /// <summary>NFPROTO_INET: IPv4 and IPv6 together.</summary>
    Inet = 1,

    /// <summary>NFPROTO_IPV4.</summary>
    IPv4 = 2,

    /// <summary>NFPROTO_NETDEV.</summary>
    Netdev = 5,

    /// <summary>NFPROTO_IPV6.</summary>
    IPv6 = 10,
}

/// <summary>A table, by family and name.</summary>
/// <param name="Family">The table's family.</param>
/// <param name="Name">1 to 255 bytes (NFT_NAME_MAXLEN).</param>
public readonly record struct TableName(NetfilterFamily Family, string Name)
{
    /// <summary>As nft writes it: "inet filter".</summary>
    public override string ToString() => Family switch
    {
        NetfilterFamily.Inet => $"inet {Name}",
        NetfilterFamily.IPv4 => $"ip {Name}",
        NetfilterFamily.IPv6 => $"ip6 {Name}",
        NetfilterFamily.Netdev => $"netdev {Name}",
        _ => Name,
    };
}
