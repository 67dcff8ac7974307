using RateWall.Detection;
using RateWall.Netfilter;

namespace RateWall.Wall;

/// <summary>The ban sets of the wall: the only place that turns a ban into a set element. Callers hold the wall lock.</summary>
public sealed partial class KernelBans : IDisposable
{
    /// <summary>Deadlines closer than this are the same deadline: the kernel keeps milliseconds, and time passes on the way.</summary>
    private static readonly TimeSpan Tolerance = TimeSpan.FromMilliseconds(50);

    private readonly NftablesClient kernel;
    private readonly TimeProvider time;

    private KernelBans(NftablesClient kernel, TimeProvider time)
    {
        this.kernel = kernel;
        this.time = time;
    }

    /// <summary>Opens the kernel side.</summary>
    /// <exception cref="NetfilterException">No permission, or no nftables in the kernel.</exception>
    public static KernelBans Open(TimeProvider time) => new(NftablesClient.Open(time), time);

    /// <summary>True when the wall is there to take bans.</summary>
    public bool WallPresent => kernel.TableExists(WallTable.Name);

    /// <summary>
    /// Puts bans into the kernel, each with what remains until its deadline; a ban whose deadline is past is left out.
    /// Repeating it is harmless; a later deadline for the same target moves it, an earlier one does not shorten it unless
    /// <paramref name="shorten"/>. Networks are kept disjoint: the wider takes the latest deadline.
    /// </summary>
    /// <returns>
    /// What now stands in the kernel for each asked ban, in order; null for those left out, because their deadline is past or
    /// because the set is full: one that finds no room keeps no other out.
    /// </returns>
    public IReadOnlyList<BanElement?> Put(IReadOnlyList<BanElement> bans, bool shorten = false)
    {
        ArgumentNullException.ThrowIfNull(bans);
        DateTimeOffset now = time.GetUtcNow();
        var outcome = new BanElement?[bans.Count];
        int[] alive = [.. Enumerable.Range(0, bans.Count).Where(i => bans[i].Until is not { } until || until > now)];
        PutAtPorts([.. alive.Where(i => bans[i].Ports is not null)], bans, shorten, outcome);
        int[] everywhere = [.. alive.Where(i => bans[i].Ports is null)];
        PutHosts([.. everywhere.Where(i => IsHostKey(bans[i].Target))], bans, shorten, outcome);
        int[] networks = [.. everywhere.Where(i => !IsHostKey(bans[i].Target))];
        PutNetworks([.. networks.Where(i => bans[i].Target.IsIPv4)], bans, shorten, outcome);
        PutNetworks([.. networks.Where(i => !bans[i].Target.IsIPv4)], bans, shorten, outcome);
        return outcome;
    }

    /// <summary>Removes bans by exact target. Those that are not there are skipped.</summary>
    /// <returns>How many were there.</returns>
    public int Remove(IReadOnlyList<AddressPrefix> targets)
    {
        ArgumentNullException.ThrowIfNull(targets);
        int removed = 0;
        foreach (AddressPrefix target in targets.Distinct())
        {
            if (Element(target) is not { } element) continue;
            // Adding what is there changes nothing; it makes the deletion succeed when the ban expires in between.
            kernel.Commit(WallTable.Name,
            [
                new(ElementOperation.Add, SetOf(target), Bare(element)),
                new(ElementOperation.Delete, SetOf(target), Bare(element)),
            ]);
            removed++;
        }

        return removed;
    }

    /// <summary>The ban with exactly this target, with its remaining time, or null.</summary>
    public BanElement? Find(AddressPrefix target) => Element(target) is { } element ? Read(element, target) : null;

    /// <summary>The ban that covers an address or a network: its own or a wider one; null when none does.</summary>
    public BanElement? FindCovering(AddressPrefix target)
    {
        if (Find(target) is { } own) return own;
        if (!target.IsIPv4 && target.Length > 64 && Find(AddressPrefix.Of(target.Address, 64)) is { } key) return key;
        return DisjointPrefixes.Covering(BannedNetworks(target.IsIPv4), target);
    }

    /// <summary>
    /// Renews trust: puts keys into the trusted set of a family until a time. An earlier time changes nothing. A family that
    /// the wall does not know, because the policy is newer than the last `apply`, is passed over: `apply` makes its set and
    /// fills it.
    /// </summary>
    /// <returns>How many found no room, because their set is full; the others are in.</returns>
    public int Trust(IReadOnlyList<TrustedKey> keys)
    {
        ArgumentNullException.ThrowIfNull(keys);
        DateTimeOffset now = time.GetUtcNow();
        var changes = new RoomyBatch(kernel);
        HashSet<string> sets = [.. kernel.ListSets(WallTable.Name).Select(s => s.Name)];
        foreach ((AddressPrefix key, string family, DateTimeOffset until) in keys)
        {
            string set = WallTable.Trusted(family, key.IsIPv4);
            if (until <= now || !sets.Contains(set)) continue;
            SetElement? existing = kernel.GetElement(WallTable.Name, set, key.Address.ToNetworkOrder());
            AddRenewal(changes, set, key, existing, Ending(Bare(key), until, now), until, now, shorten: false);
        }

        changes.Flush();
        return changes.Refused.Count;
    }

    /// <summary>
    /// Tells the kernel in which IPv6 networks hosts count one by one. At boot the wall stands before the network is up, so
    /// what this host is on becomes known only later.
    /// </summary>
    public bool AlignByHost(SourceKeys keys)
    {
        ArgumentNullException.ThrowIfNull(keys);
        return Align(WallTable.ByHost6, keys.ByHost, ipv4: false);
    }

    /// <summary>Makes a set of networks without deadlines hold exactly these; tells whether it had to be changed.</summary>
    internal bool Align(string set, IReadOnlyCollection<AddressPrefix> wanted, bool ipv4)
    {
        HashSet<AddressPrefix> present = [.. Networks(set)];
        HashSet<AddressPrefix> target = [.. OutermostOnly(wanted.Where(p => p.IsIPv4 == ipv4))];
        var changes = new List<ElementChange>();
        changes.AddRange(present.Except(target).Select(p => new ElementChange(ElementOperation.Delete, set, Bare(p, interval: true))));
        changes.AddRange(target.Except(present).Select(p => new ElementChange(ElementOperation.Add, set, Bare(p, interval: true))));
        if (changes.Count == 0) return false;
        kernel.Commit(WallTable.Name, changes);
        return true;
    }

    /// <summary>The networks in a small interval set.</summary>
    internal IReadOnlyList<AddressPrefix> Networks(string set) => [.. kernel.ListElements(WallTable.Name, set).Select(PrefixOf)];

    /// <summary>Networks that lie in no other of the list: the kernel refuses nested ones.</summary>
    internal static IEnumerable<AddressPrefix> OutermostOnly(IEnumerable<AddressPrefix> prefixes)
    {
        // In this order a network stands before all that lie in it, and nothing else stands between.
        AddressPrefix? outermost = null;
        foreach (AddressPrefix prefix in prefixes.OrderBy(p => p.IsIPv4).ThenBy(p => p.Address.Value).ThenBy(p => p.Length))
        {
            if (outermost is { } outer && outer.Contains(prefix)) continue;
            outermost = prefix;
            yield return prefix;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => kernel.Dispose();

    private void PutHosts(int[] indexes, IReadOnlyList<BanElement> bans, bool shorten, BanElement?[] outcome)
    {
        DateTimeOffset now = time.GetUtcNow();
        // One target may be asked for twice; the kernel would see the second as a change of the first in one batch.
        var latest = new Dictionary<AddressPrefix, DateTimeOffset?>();
        foreach (int i in indexes)
            latest[bans[i].Target] = latest.TryGetValue(bans[i].Target, out DateTimeOffset? until) && !shorten
                ? DisjointPrefixes.Later(until, bans[i].Until)
                : bans[i].Until;

        var changes = new RoomyBatch(kernel);
        foreach ((AddressPrefix target, DateTimeOffset? until) in latest.ToArray())
        {
            SetElement wanted = Ending(Bare(target), until, now);
            latest[target] = AddRenewal(changes, SetOf(target), target, Element(target), wanted, until, now, shorten);
        }

        changes.Flush();
        foreach (int i in indexes)
            if (!changes.Refused.Contains(bans[i].Target)) outcome[i] = new(bans[i].Target, latest[bans[i].Target]);
    }

    private void PutNetworks(int[] indexes, IReadOnlyList<BanElement> bans, bool shorten, BanElement?[] outcome)
    {
        if (indexes.Length == 0) return;
        DateTimeOffset now = time.GetUtcNow();
        bool ipv4 = bans[indexes[0]].Target.IsIPv4;
        string set = WallTable.Set(WallTable.BanNet, ipv4);
        var elements = kernel.ListElements(WallTable.Name, set).ToDictionary(PrefixOf);
        var existing = elements.ToDictionary(e => e.Key, e => DeadlineOf(e.Value, now));
        Dictionary<AddressPrefix, DateTimeOffset?> standing =
            DisjointPrefixes.Add(existing, [.. indexes.Select(i => bans[i])], shorten, out BanElement[] covering);

        // One batch: between two, the networks that a wider one takes in would be free.
        var changes = new List<ElementChange>();
        foreach (AddressPrefix gone in existing.Keys.Except(standing.Keys))
        {
            // As in Remove: the addition keeps the deletion from failing when the ban has just run out.
            changes.Add(new(ElementOperation.Add, set, Bare(gone)));
            changes.Add(new(ElementOperation.Delete, set, Bare(gone)));
        }

        foreach ((AddressPrefix network, DateTimeOffset? until) in standing)
        {
            SetElement wanted = Ending(Bare(network), until, now);
            changes.AddRange(Renewal(set, elements.GetValueOrDefault(network), wanted, until, now, shorten, out _));
        }

        if (changes.Count > 0) kernel.Commit(WallTable.Name, changes);
        for (int n = 0; n < indexes.Length; n++) outcome[indexes[n]] = covering[n];
    }

    private static DateTimeOffset? AddRenewal(
        RoomyBatch changes, string set, AddressPrefix target, SetElement? existing, SetElement wanted, DateTimeOffset? until,
        DateTimeOffset now, bool shorten)
    {
        changes.Add(target, Renewal(set, existing, wanted, until, now, shorten, out DateTimeOffset? standing));
        return standing;
    }

    /// <summary>
    /// Adds an element, or moves the deadline of the one that is there. Add, delete, add in one batch works whether or not
    /// it expires meanwhile, and keeps its counter.
    /// </summary>
    internal static ElementChange[] Renewal(
        string set, SetElement? existing, SetElement wanted, DateTimeOffset? until, DateTimeOffset now, bool shorten,
        out DateTimeOffset? standing)
    {
        standing = until;
        if (existing is null) return [new(ElementOperation.Add, set, wanted)];
        DateTimeOffset? deadline = DeadlineOf(existing, now);
        if (IsSame(deadline, until) || (!shorten && DisjointPrefixes.Later(deadline, until) == deadline))
        {
            standing = deadline;
            return [];
        }

        SetElement bare = Bare(wanted);
        return
        [
            new(ElementOperation.Add, set, bare),
            new(ElementOperation.Delete, set, bare),
            new(ElementOperation.Add, set, wanted with { Packets = existing.Packets, Bytes = existing.Bytes }),
        ];
    }

    private SetElement? Element(AddressPrefix target)
    {
        SetElement? element = kernel.GetElement(WallTable.Name, SetOf(target), target.Address.ToNetworkOrder());
        // Asked for an address, an interval set answers with the interval that holds it.
        return element is not null && !IsHostKey(target) && PrefixOf(element) != target ? null : element;
    }

    private Dictionary<AddressPrefix, DateTimeOffset?> BannedNetworks(bool ipv4)
    {
        IReadOnlyList<SetElement> elements = kernel.ListElements(WallTable.Name, WallTable.Set(WallTable.BanNet, ipv4));
        DateTimeOffset now = time.GetUtcNow();
        return elements.ToDictionary(PrefixOf, e => DeadlineOf(e, now));
    }

    private BanElement Read(SetElement element, AddressPrefix target) => new(target, DeadlineOf(element, time.GetUtcNow()));

    /// <summary>Keys live in the hash sets: one IPv4 address, one IPv6 address, or one IPv6 /64.</summary>
    private static bool IsHostKey(AddressPrefix target) => target.IsSingle || (!target.IsIPv4 && target.Length == 64);

    private static string SetOf(AddressPrefix target) =>
        WallTable.Set(IsHostKey(target) ? WallTable.Ban : WallTable.BanNet, target.IsIPv4);

    private static SetElement Bare(SetElement element) => new() { Key = element.Key, LastKey = element.LastKey };

    private static SetElement Bare(AddressPrefix target) => Bare(target, interval: !IsHostKey(target));

    private static SetElement Bare(AddressPrefix target, bool interval) => new()
    {
        Key = target.Address.ToNetworkOrder(),
        LastKey = interval ? target.Last.ToNetworkOrder() : default,
    };

    /// <summary>
    /// The element with a deadline: what is left to the millisecond, out of a timeout in whole seconds, as people write them.
    /// </summary>
    internal static SetElement Ending(SetElement element, DateTimeOffset? until, DateTimeOffset now) => until is not { } deadline
        ? element
        : element with { Timeout = TimeSpan.FromSeconds(Math.Ceiling((deadline - now).TotalSeconds)), Expires = deadline - now };

    internal static AddressPrefix PrefixOf(SetElement element)
    {
        SourceAddress first = SourceAddress.FromNetworkOrder(element.Key.Span);
        SourceAddress last = element.LastKey.IsEmpty ? first : SourceAddress.FromNetworkOrder(element.LastKey.Span);
        int hostBits = 128 - (int)UInt128.LeadingZeroCount(first.Value ^ last.Value);
        return AddressPrefix.Of(first, (first.IsIPv4 ? 32 : 128) - hostBits);
    }

    internal static DateTimeOffset? DeadlineOf(SetElement element, DateTimeOffset now) =>
        element.Expires is { } left ? now + left : null;

    private static bool IsSame(DateTimeOffset? one, DateTimeOffset? other) =>
        one is null || other is null ? one == other : (one.Value - other.Value).Duration() <= Tolerance;
}
