using RateWall.Detection;
using RateWall.Policy;
using RateWall.Storage;
using RateWall.Wall;

namespace RateWall.Commands;

/// <summary>Which connections a ban ends: those to the protected ports, or to the ports of the one service it is for.</summary>
internal sealed class BannedConnections(EffectivePolicy policy, Exemptions exemptions, TimeProvider time)
{
    /// <inheritdoc cref="HeldConnections.End"/>
    public EndedConnections End(IReadOnlyCollection<StoredBan> bans)
    {
        int ended = 0;
        string? problem = null;
        foreach (IGrouping<string, StoredBan> scope in bans.GroupBy(b => b.Scope, StringComparer.Ordinal))
        {
            EndedConnections outcome = HeldConnections.End([.. scope.Select(b => b.Target)], PortsOf(scope.Key), exemptions, time);
            ended += outcome.Ended;
            problem ??= outcome.Problem;
        }

        return new(ended, problem);
    }

    /// <summary>Who holds connections that a ban from everything would end.</summary>
    public ConnectedSources Sources() => HeldConnections.Sources(PortsOf(StoredBan.AllPorts), time);

    /// <summary>Ends those of sources banned from everything.</summary>
    public EndedConnections EndEverywhere(IReadOnlyCollection<AddressPrefix> banned) =>
        HeldConnections.End(banned, PortsOf(StoredBan.AllPorts), exemptions, time);

    private int[] PortsOf(string scope) =>
        [.. policy.Enabled.Where(s => scope is StoredBan.AllPorts || s.Name == scope).SelectMany(s => s.Ports)];
}
