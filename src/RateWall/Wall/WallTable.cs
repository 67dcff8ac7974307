using RateWall.Netfilter;

namespace RateWall.Wall;

/// <summary>The names by which the program and the templates in native-rules know the same things.</summary>
internal static class WallTable
{
    /// <summary>The only table that is ever read or written.</summary>
    public static readonly TableName Name = new(NetfilterFamily.Inet, "ratewall");

    /// <summary>As nft writes it.</summary>
    public const string Nft = "inet ratewall";

    public const string Allow = "allow";
    public const string Ban = "ban";
    public const string BanNet = "bannet";
    public const string BanPort = "banport";
    public const string Siege = "siege";
    public const string Lockdown = "lockdown";
    public const string LockdownTrusted = "lockdown_trusted";
    public const string LockdownExcept = "lockdown_except";

    /// <summary>The chain in front of everything, on named interfaces.</summary>
    public const string Ingress = "ingress";

    public const string ByHost6 = "byhost6";

    /// <summary>The set of a kind for an address family: "ban4", "ban6".</summary>
    public static string Set(string kind, bool ipv4) => ipv4 ? kind + "4" : kind + "6";

    /// <summary>The set of trusted sources of a service family.</summary>
    public static string Trusted(string family, bool ipv4) => $"trusted{(ipv4 ? '4' : '6')}_{family}";
}
