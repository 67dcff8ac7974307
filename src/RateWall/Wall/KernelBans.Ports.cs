using RateWall.Detection;
using RateWall.Netfilter;

namespace RateWall.Wall;

/// <content>Bans at one service alone: an element for each of its ports.</content>
public sealed partial class KernelBans
{
    /// <summary>Removes the ban of a target at these ports; ports where it is not banned are skipped.</summary>
    /// <returns>How many of the ports it was banned at.</returns>
    public int RemoveAt(AddressPrefix target, IReadOnlyList<int> ports)
    {
        ArgumentNullException.ThrowIfNull(ports);
        string set = PortSetOf(target);
        // A wall that an earlier version put up has no such set.
        if (!IsHostKey(target) || !kernel.ListSets(WallTable.Name).Any(s => s.Name == set)) return 0;
        SetElement[] present = [.. ports.Distinct().Select(p => AtPort(target, p)).Where(e => kernel.GetElement(WallTable.Name, set, e.Key) is not null)];
        // As in Remove: the addition keeps the deletion from failing when a ban runs out in between.
        kernel.Commit(WallTable.Name, [.. present.SelectMany(e => (ElementChange[])[new(ElementOperation.Add, set, e), new(ElementOperation.Delete, set, e)])]);
        return present.Length;
    }

    /// <summary>The ban of exactly this target at these ports, with the deadline that comes first; null when it is free at one of them.</summary>
    public BanElement? FindAt(AddressPrefix target, IReadOnlyList<int> ports)
    {
        ArgumentNullException.ThrowIfNull(ports);
        if (!IsHostKey(target) || ports.Count == 0) return null;
        DateTimeOffset? first = null;
        foreach (int port in ports)
        {
            if (kernel.GetElement(WallTable.Name, PortSetOf(target), AtPort(target, port).Key) is not { } element) return null;
            // The clock is read after the kernel: where this program stood still in between, no ban seems to end too early.
            first = Earlier(first, DeadlineOf(element, time.GetUtcNow()));
        }

        return new(target, first) { Ports = ports };
    }

    /// <summary>True for what can be banned at one service alone: the sets hold keys, not networks.</summary>
    public static bool CanBeBannedAtOneService(AddressPrefix target) => IsHostKey(target);

    // A ban at several ports of which one finds no room stands at the others, and counts as one that found none.
    private void PutAtPorts(int[] indexes, IReadOnlyList<BanElement> bans, bool shorten, BanElement?[] outcome)
    {
        if (Array.Exists(indexes, i => !IsHostKey(bans[i].Target))) throw new ArgumentException("a network cannot be banned at one service", nameof(bans));
        DateTimeOffset now = time.GetUtcNow();
        // As in PutHosts: an element may be asked for twice, also by bans at services that share no port but in an older policy.
        var latest = new Dictionary<(AddressPrefix Target, int Port), DateTimeOffset?>();
        foreach (int i in indexes)
        {
            foreach (int port in bans[i].Ports!)
            {
                (AddressPrefix, int) element = (bans[i].Target, port);
                latest[element] = latest.TryGetValue(element, out DateTimeOffset? until) && !shorten
                    ? DisjointPrefixes.Later(until, bans[i].Until)
                    : bans[i].Until;
            }
        }

        var changes = new RoomyBatch(kernel);
        foreach (((AddressPrefix target, int port), DateTimeOffset? until) in latest.ToArray())
        {
            string set = PortSetOf(target);
            SetElement bare = AtPort(target, port);
            latest[(target, port)] = AddRenewal(
                changes, set, target, kernel.GetElement(WallTable.Name, set, bare.Key), Ending(bare, until, now), until, now, shorten);
        }

        changes.Flush();
        foreach (int i in indexes)
        {
            BanElement ban = bans[i];
            if (changes.Refused.Contains(ban.Target)) continue;
            // At a service that the wall no longer knows there is nothing to close.
            outcome[i] = ban.Ports!.Count == 0 ? ban : ban with { Until = ban.Ports.Select(p => latest[(ban.Target, p)]).Aggregate(Earlier) };
        }
    }

    private static DateTimeOffset? Earlier(DateTimeOffset? one, DateTimeOffset? other) =>
        one is null ? other : other is null || one < other ? one : other;

    private static string PortSetOf(AddressPrefix target) => WallTable.Set(WallTable.BanPort, target.IsIPv4);

    private static SetElement AtPort(AddressPrefix target, int port) =>
        new() { Key = (byte[])[.. target.Address.ToNetworkOrder(), .. PortKey.Padded(port)] };
}
