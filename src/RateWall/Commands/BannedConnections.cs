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

    private int[] PortsOf(string scope) =>
        [.. policy.Enabled.Where(s => scope is StoredBan.AllPorts || s.Name == scope).SelectMany(s => s.Ports)];
}
