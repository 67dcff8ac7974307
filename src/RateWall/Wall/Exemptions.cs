using RateWall.Detection;
using RateWall.Policy;

namespace RateWall.Wall;

/// <summary>Why an address must never be banned.</summary>
/// <param name="Network">The exempt address or network.</param>
/// <param name="Reason">For people: "an address of this host (eth0)", "on the allow list", "your ssh client".</param>
public sealed record Exemption(AddressPrefix Network, string Reason);

/// <summary>Who can never be banned: own addresses, the allow list, the current ssh client, gateways and resolvers.</summary>
public sealed class Exemptions
{
    /// <param name="exempt">The exemptions.</param>
    /// <param name="keys">Makes keys on this host's networks.</param>
    public Exemptions(IReadOnlyList<Exemption> exempt, SourceKeys keys)
    {
        All = exempt;
        Keys = keys;
    }

    /// <summary>All of them.</summary>
    public IReadOnlyList<Exemption> All { get; }

    /// <summary>The key function of this host.</summary>
    public SourceKeys Keys { get; }

    /// <summary>Reads this host's addresses, routes, resolvers, the ssh session this process runs in, and the allow list.</summary>
    public static Exemptions Read(EffectivePolicy policy)
    {
        Exemptions host = OfHost(policy);
        return SshSession.FindClient() is { } client
            ? new([.. host.All, new(AddressPrefix.Single(client), "the client of your ssh session")], host.Keys)
            : host;
    }

    /// <summary>The same as the timer sees it, which knows of no session.</summary>
    public static Exemptions OfHost(EffectivePolicy policy)
    {
        ArgumentNullException.ThrowIfNull(policy);
        HostAddresses host = HostAddresses.Read();
        var exempt = new List<Exemption>(policy.Allow.Select(p => new Exemption(p, "on the allow list")));
        exempt.AddRange(host.Exempt);
        return new(exempt, new SourceKeys(host.OnLink));
    }

    /// <summary>The exemption a target overlaps, or null when it may be banned.</summary>
    public Exemption? Find(AddressPrefix target)
    {
        foreach (Exemption exemption in All)
            if (exemption.Network.Overlaps(target)) return exemption;
        return null;
    }
}
