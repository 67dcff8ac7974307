using RateWall.Detection;
using RateWall.Netfilter;

namespace RateWall.Wall;

/// <content>Giving a wall back the bans that it lost.</content>
public sealed partial class KernelBans
{
    /// <summary>
    /// Puts many bans into sets that have lost them: as <see cref="Put"/>, but single keys are only added, without asking for
    /// each whether it is there. One that is there keeps its counter.
    /// </summary>
    /// <returns>Those that found no room.</returns>
    internal IReadOnlyCollection<AddressPrefix> Restore(IReadOnlyList<BanElement> bans)
    {
        DateTimeOffset now = time.GetUtcNow();
        var changes = new RoomyBatch(kernel);
        foreach (BanElement ban in bans)
        {
            if (ban.Until <= now || !IsHostKey(ban.Target)) continue;
            changes.Add(ban.Target, [new(ElementOperation.Add, SetOf(ban.Target), Ending(Bare(ban.Target), ban.Until, now))]);
        }

        changes.Flush();
        Put([.. bans.Where(b => !IsHostKey(b.Target))]);
        return changes.Refused;
    }

    /// <summary>
    /// Of bans that ought to stand, those that do not, or not until their deadline. Asks for each single key, and at one service
    /// for each of its ports.
    /// </summary>
    internal IEnumerable<BanElement> Missing(IReadOnlyList<BanElement> bans)
    {
        DateTimeOffset now = time.GetUtcNow();
        var networks = new Dictionary<bool, Dictionary<AddressPrefix, DateTimeOffset?>>();
        foreach (BanElement ban in bans)
        {
            // What runs out right now is no loss.
            if (ban.Until is { } until && until - now < Tolerance) continue;
            // At a service that the wall no longer knows there is nothing to close.
            if (ban.Ports is { Count: 0 }) continue;
            BanElement? standing = ban.Ports is { } ports ? FindAt(ban.Target, ports) : IsHostKey(ban.Target) ? Find(ban.Target) : DisjointPrefixes.Covering(NetworksOf(ban.Target.IsIPv4), ban.Target);
            bool stands = standing is not null && (IsSame(standing.Until, ban.Until) || DisjointPrefixes.Later(standing.Until, ban.Until) == standing.Until);
            if (!stands) yield return ban;
        }

        Dictionary<AddressPrefix, DateTimeOffset?> NetworksOf(bool ipv4)
        {
            if (!networks.TryGetValue(ipv4, out Dictionary<AddressPrefix, DateTimeOffset?>? read)) networks.Add(ipv4, read = BannedNetworks(ipv4));
            return read;
        }
    }
}
