using RateWall.Detection;
using RateWall.Netfilter;

namespace RateWall.Wall;

/// <summary>A lockdown of some ports, as it is to be or stands.</summary>
/// <param name="Until">The absolute deadline.</param>
/// <param name="Trusted">True: sources that logged in lately at a service of the same family get in.</param>
/// <param name="Except">Networks that get in.</param>
public sealed record Lockdown(DateTimeOffset Until, bool Trusted, IReadOnlyList<AddressPrefix> Except);

/// <summary>
/// Ports under siege and in lockdown: set elements whose deadline the kernel holds. Deadlines are absolute, so that
/// repeating is harmless. Callers hold the wall lock.
/// </summary>
public sealed class KernelPorts : IDisposable
{
    /// <summary>Exceptions live so much longer than their lockdown: it never stands without them, whatever the kernel's clock does.</summary>
    private static readonly TimeSpan Outliving = TimeSpan.FromMinutes(1);

    private readonly NftablesClient kernel;
    private readonly TimeProvider time;

    private KernelPorts(NftablesClient kernel, TimeProvider time)
    {
        this.kernel = kernel;
        this.time = time;
    }

    /// <summary>Opens the kernel side.</summary>
    /// <exception cref="NetfilterException">No permission, or no nftables in the kernel.</exception>
    public static KernelPorts Open(TimeProvider time) => new(NftablesClient.Open(time), time);

    /// <summary>True when there is a wall that can take ports.</summary>
    public bool WallPresent => kernel.TableExists(WallTable.Name);

    /// <summary>True when the wall knows ports; one that an earlier version put up does not.</summary>
    public bool WallKnowsPorts => WallPresent && kernel.ListSets(WallTable.Name).Any(s => s.Name == WallTable.Lockdown);

    /// <summary>
    /// Puts ports under siege until a time. An earlier time than the one that stands changes nothing unless
    /// <paramref name="shorten"/>; a time that is past is nothing to do.
    /// </summary>
    /// <param name="ports">All ports of one service, or of several.</param>
    /// <param name="until">The absolute deadline.</param>
    /// <param name="shorten">True: also an earlier time is taken.</param>
    public void Siege(IReadOnlyList<int> ports, DateTimeOffset until, bool shorten = false)
    {
        ArgumentNullException.ThrowIfNull(ports);
        DateTimeOffset now = time.GetUtcNow();
        if (until <= now) return;
        Commit([.. ports.Distinct().SelectMany(p => Timed(WallTable.Siege, p, until, now, shorten))]);
    }

    /// <summary>Ends the siege of ports now.</summary>
    /// <returns>How many of them were under siege.</returns>
    public int EndSiege(IReadOnlyList<int> ports) => End(WallTable.Siege, ports);

    /// <summary>
    /// Locks ports until a time, exactly as said: what stood of a lockdown of these ports is replaced, in one transaction. A
    /// time that is past is nothing to do.
    /// </summary>
    /// <param name="ports">All ports of one service.</param>
    /// <param name="lockdown">Until when, and who gets in.</param>
    public void Lock(IReadOnlyList<int> ports, Lockdown lockdown)
    {
        ArgumentNullException.ThrowIfNull(ports);
        ArgumentNullException.ThrowIfNull(lockdown);
        DateTimeOffset now = time.GetUtcNow();
        if (lockdown.Until <= now) return;
        var changes = new List<ElementChange>();
        int[] each = [.. ports.Distinct()];
        foreach (bool ipv4 in (bool[])[true, false]) changes.AddRange(Exceptions(each, lockdown, ipv4, now));
        foreach (int port in each)
        {
            changes.AddRange(lockdown.Trusted ? Timed(WallTable.LockdownTrusted, port, lockdown.Until, now, shorten: true) : Deletion(WallTable.LockdownTrusted, port));
            changes.AddRange(Timed(WallTable.Lockdown, port, lockdown.Until, now, shorten: true));
        }

        Commit(changes);
    }

    /// <summary>Ends the lockdown of ports now, exceptions and all.</summary>
    /// <returns>How many of them were in lockdown.</returns>
    public int EndLockdown(IReadOnlyList<int> ports)
    {
        ArgumentNullException.ThrowIfNull(ports);
        int ended = End(WallTable.Lockdown, ports);
        End(WallTable.LockdownTrusted, ports);
        var changes = new List<ElementChange>();
        foreach (bool ipv4 in (bool[])[true, false])
        {
            string set = WallTable.Set(WallTable.LockdownExcept, ipv4);
            changes.AddRange(kernel.ListElements(WallTable.Name, set).Where(e => ports.Contains(PortKey.Read(e.Key.Span))).SelectMany(e => Deletion(set, Bare(e))));
        }

        Commit(changes);
        return ended;
    }

    /// <summary>Every port under siege, with its deadline.</summary>
    public IReadOnlyDictionary<int, DateTimeOffset> Sieges() => Deadlines(WallTable.Siege);

    /// <summary>Every port in lockdown, with what stands of it.</summary>
    public IReadOnlyDictionary<int, Lockdown> Lockdowns()
    {
        Dictionary<int, DateTimeOffset> locked = Deadlines(WallTable.Lockdown), trusted = Deadlines(WallTable.LockdownTrusted);
        if (locked.Count == 0) return new Dictionary<int, Lockdown>();
        ILookup<int, AddressPrefix> except = ((bool[])[true, false])
            .SelectMany(ipv4 => kernel.ListElements(WallTable.Name, WallTable.Set(WallTable.LockdownExcept, ipv4)))
            .ToLookup(e => PortKey.Read(e.Key.Span), NetworkOf);
        return locked.ToDictionary(l => l.Key, l => new Lockdown(l.Value, trusted.ContainsKey(l.Key), [.. except[l.Key].Order()]));
    }

    /// <inheritdoc/>
    public void Dispose() => kernel.Dispose();

    private Dictionary<int, DateTimeOffset> Deadlines(string set)
    {
        IReadOnlyList<SetElement> elements = kernel.ListElements(WallTable.Name, set);
        DateTimeOffset now = time.GetUtcNow();
        // Somebody's element without a deadline stands as long as a time can say.
        return elements.ToDictionary(e => PortKey.Read(e.Key.Span), e => KernelBans.DeadlineOf(e, now) ?? DateTimeOffset.MaxValue);
    }

    private ElementChange[] Timed(string set, int port, DateTimeOffset until, DateTimeOffset now, bool shorten)
    {
        var key = new SetElement { Key = PortKey.Alone(port) };
        SetElement? existing = kernel.GetElement(WallTable.Name, set, key.Key);
        return KernelBans.Renewal(set, existing, KernelBans.Ending(key, until, now), until, now, shorten, out _);
    }

    /// <summary>What makes the exceptions of these ports the asked ones: others go, those that stay get the new deadline.</summary>
    private List<ElementChange> Exceptions(int[] ports, Lockdown lockdown, bool ipv4, DateTimeOffset now)
    {
        string set = WallTable.Set(WallTable.LockdownExcept, ipv4);
        DateTimeOffset until = lockdown.Until + Outliving;
        AddressPrefix[] networks = [.. KernelBans.OutermostOnly(lockdown.Except.Where(n => n.IsIPv4 == ipv4))];
        SetElement[] present = [.. kernel.ListElements(WallTable.Name, set).Where(e => ports.Contains(PortKey.Read(e.Key.Span)))];
        var changes = new List<ElementChange>();
        foreach (SetElement gone in present.Where(e => !networks.Contains(NetworkOf(e)))) changes.AddRange(Deletion(set, Bare(gone)));
        foreach (int port in ports)
        {
            foreach (AddressPrefix network in networks)
            {
                SetElement? existing = Array.Find(present, e => PortKey.Read(e.Key.Span) == port && NetworkOf(e) == network);
                changes.AddRange(KernelBans.Renewal(set, existing, KernelBans.Ending(Exception(port, network), until, now), until, now, shorten: true, out _));
            }
        }

        return changes;
    }

    private int End(string set, IReadOnlyList<int> ports)
    {
        ArgumentNullException.ThrowIfNull(ports);
        int[] present = [.. ports.Distinct().Where(p => kernel.GetElement(WallTable.Name, set, PortKey.Alone(p)) is not null)];
        Commit([.. present.SelectMany(p => Deletion(set, p))]);
        return present.Length;
    }

    private ElementChange[] Deletion(string set, int port) =>
        kernel.GetElement(WallTable.Name, set, PortKey.Alone(port)) is null ? [] : Deletion(set, new SetElement { Key = PortKey.Alone(port) });

    // The addition keeps the deletion from failing when the element runs out in between.
    private static ElementChange[] Deletion(string set, SetElement element) =>
        [new(ElementOperation.Add, set, element), new(ElementOperation.Delete, set, element)];

    private void Commit(IReadOnlyList<ElementChange> changes) => kernel.Commit(WallTable.Name, changes);

    private static SetElement Bare(SetElement element) => new() { Key = element.Key, LastKey = element.LastKey };

    private static SetElement Exception(int port, AddressPrefix network) => new()
    {
        Key = (byte[])[.. PortKey.Padded(port), .. network.Address.ToNetworkOrder()],
        LastKey = (byte[])[.. PortKey.Padded(port), .. network.Last.ToNetworkOrder()],
    };

    private static AddressPrefix NetworkOf(SetElement element) =>
        KernelBans.PrefixOf(new() { Key = element.Key[sizeof(uint)..], LastKey = element.LastKey.IsEmpty ? default : element.LastKey[sizeof(uint)..] });
}
