using RateWall.Detection;
using RateWall.Netfilter;
using RateWall.Output;
using RateWall.Policy;
using RateWall.Storage;
using RateWall.Wall;

namespace RateWall.Commands;

/// <summary>What the history says is in force, and the kernel does not have.</summary>
/// <param name="Bans">Bans that are missing or end too early, looked up one by one.</param>
/// <param name="MoreBans">How many are missing where there are too many to look up.</param>
/// <param name="AtOneService">Bans at one service alone that are missing at one of its ports, or end too early there.</param>
/// <param name="Trusted">Trusted sources that are missing.</param>
internal sealed record LostElements(IReadOnlyList<BanElement> Bans, long MoreBans, IReadOnlyList<StoredBan> AtOneService, long Trusted)
{
    /// <summary>How many elements are missing.</summary>
    public Restored Count => new(Bans.Count + MoreBans + AtOneService.Count, Trusted);

    /// <summary>For `plan`: what is to come back.</summary>
    public IEnumerable<string> Lines()
    {
        foreach (BanElement ban in Bans) yield return $"+ban {ban.Target} until {HumanTime.Rfc3339(ban.Until)}";
        foreach (StoredBan ban in AtOneService) yield return $"+ban {ban.Target} at {ban.Scope} until {HumanTime.Rfc3339(ban.Until)}";
        if (MoreBans > 0) yield return $"+{HumanCount.Of(MoreBans, "ban")} of the history";
        if (Trusted > 0) yield return $"+{HumanCount.Of(Trusted, "trusted source")} of the history";
    }
}

/// <summary>How many elements went back into the kernel.</summary>
internal readonly record struct Restored(long Bans, long Trusted)
{
    /// <summary>True when any did.</summary>
    public bool Any => Bans + Trusted > 0;

    /// <summary>"2 bans and 1 trusted source".</summary>
    public override string ToString() => string.Join(
        " and ",
        ((IEnumerable<(long Count, string Noun)>)[(Bans, "ban"), (Trusted, "trusted source")]).Where(p => p.Count > 0).Select(p => HumanCount.Of(p.Count, p.Noun)));
}

/// <summary>
/// Gives a wall back what the history says is in force: bans with what remains of them, and trusted sources. The history is
/// streamed: a million bans are never in memory at once. Writers hold the wall lock.
/// </summary>
internal sealed class Restoration(StateDatabase state, KernelWall wall, EffectivePolicy policy, TimeProvider time)
{
    /// <summary>So many bans are given to the kernel at a time.</summary>
    private const int Chunk = 1000;

    /// <summary>So many bans are looked up one by one, at some 15 us each. Of more only the number is compared.</summary>
    private const int LookedUp = 10_000;

    private readonly HashSet<AddressPrefix> connected = [];
    private ConnectedSources? sources;
    private IReadOnlyList<StoredBan> atOneService = [];

    /// <summary>Ends the connections of those whose bans were put back; null: they stay.</summary>
    public BannedConnections? Connections { get; init; }

    /// <summary>Bans that found no room in the kernel; they wait for it as pending ones.</summary>
    public long BansWithoutRoom { get; private set; }

    /// <summary>Trusted sources that found no room in the kernel.</summary>
    public long TrustWithoutRoom { get; private set; }

    /// <summary>Gives back everything, to sets that have lost it; what is there already stays.</summary>
    public Restored All()
    {
        long bans = PutAllBans() + PutAtOneService(AtOneService(time.GetUtcNow()));
        return new(bans, PutTrust());
    }

    /// <summary>
    /// Ends what sources still hold whose bans were put back: while the bans were gone they may have connected. Connections are
    /// few beside bans, so each ban was looked up among them.
    /// </summary>
    public EndedConnections EndConnections()
    {
        if (Connections is null) return new(0, null);
        EndedConnections everywhere = Connections.EndEverywhere(connected), there = Connections.End(atOneService);
        return new(everywhere.Ended + there.Ended, everywhere.Problem ?? there.Problem);
    }

    /// <summary>Looks for what is missing. It asks for single elements and for numbers of elements: never for a whole set of bans.</summary>
    public LostElements Missing()
    {
        DateTimeOffset now = time.GetUtcNow();
        IReadOnlyList<SetDescription> sets = wall.Sets();
        var lost = new List<BanElement>();
        long more = 0;
        if (state.CountRowsInForce(now, LookedUp + 1) > LookedUp)
            more = MissingBans(sets, now, ipv4: true) + MissingBans(sets, now, ipv4: false);
        else
            InChunks(now, settled: true, chunk => lost.AddRange(wall.Bans.Missing(chunk)));
        // A wall of an earlier version knows no bans of one service.
        HashSet<string> known = [.. sets.Select(s => s.Name)];
        StoredBan[] free =
        [
            .. AtOneService(now).Where(b => b.State == BanState.Active && known.Contains(WallTable.Set(WallTable.BanPort, b.Target.IsIPv4))
                && wall.Bans.Missing([BanElements.Of(b, policy)]).Any()),
        ];
        return new(lost, more, free, Trusted(now).GroupBy(t => WallTable.Trusted(t.Family, t.Key.IsIPv4), StringComparer.Ordinal).Sum(g => MissingFrom(sets, g.Key, g.LongCount())));
    }

    /// <summary>Puts back what <see cref="Missing"/> found.</summary>
    public Restored PutBack(LostElements lost)
    {
        if (lost.MoreBans > 0) PutAllBans();
        else PutSingly(lost.Bans);
        PutAtOneService(lost.AtOneService);
        if (lost.Trusted > 0) PutTrust();
        return lost.Count;
    }

    private long PutAllBans()
    {
        long standing = 0;
        var outside = new List<AddressPrefix>();
        InChunks(time.GetUtcNow(), settled: false, chunk =>
        {
            IReadOnlyCollection<AddressPrefix> refused = wall.Bans.Restore(chunk);
            outside.AddRange(refused);
            standing += chunk.Count - refused.Count;
            NoteConnected(chunk, refused);
        });
        Defer(outside);
        return standing;
    }

    private void PutSingly(IReadOnlyList<BanElement> bans)
    {
        List<AddressPrefix> outside = [.. bans.Zip(wall.Bans.Put(bans)).Where(p => p.Second is null).Select(p => p.First.Target)];
        Defer(outside);
        NoteConnected(bans, outside);
    }

    // Each once, with its latest deadline; they are few.
    private IReadOnlyList<StoredBan> AtOneService(DateTimeOffset now) =>
        [.. state.InForceAtOneService(now).GroupBy(b => (b.Target, b.Scope)).Select(g => g.MaxBy(b => b.Until)!)];

    private long PutAtOneService(IReadOnlyList<StoredBan> bans)
    {
        IReadOnlyList<BanElement?> standing = wall.Bans.Put([.. bans.Select(b => BanElements.Of(b, policy))]);
        atOneService = [.. bans.Where((_, i) => standing[i] is not null)];
        return atOneService.Count;
    }

    // To be called when the kernel has them.
    private void NoteConnected(IReadOnlyList<BanElement> bans, IReadOnlyCollection<AddressPrefix> outside)
    {
        if (Connections is null || bans.Count == 0) return;
        sources ??= Connections.Sources();
        connected.UnionWith(bans.Select(b => b.Target).Where(sources.Touch).Except(outside));
    }

    // A ban that finds no room waits as those of `correlate` do: every run tries it again.
    private void Defer(List<AddressPrefix> outside)
    {
        BansWithoutRoom += outside.Count;
        if (outside.Count > 0) state.Defer(outside, time.GetUtcNow());
    }

    private long PutTrust()
    {
        TrustedKey[] trusted = [.. Trusted(time.GetUtcNow())];
        int outside = wall.Bans.Trust(trusted);
        TrustWithoutRoom += outside;
        return trusted.Length - outside;
    }

    // Only families that the wall knows: a service may have been switched off since.
    private IEnumerable<TrustedKey> Trusted(DateTimeOffset now)
    {
        HashSet<string> known = [.. wall.Sets().Select(s => s.Name)];
        return state.SuccessesSince(now - policy.Trust.For)
            .Where(s => known.Contains(WallTable.Trusted(s.Family, s.Key.IsIPv4)))
            .Select(s => new TrustedKey(s.Key, s.Family, policy.Trust.Until(s.UnixMilliseconds, now)));
    }

    private void InChunks(DateTimeOffset now, bool settled, Action<IReadOnlyList<BanElement>> take)
    {
        var chunk = new List<BanElement>(Chunk);
        state.EachInForce(now, settled, (target, scope, until) =>
        {
            if (scope != StoredBan.AllPorts) return;
            chunk.Add(new(target, until));
            if (chunk.Count == Chunk) Hand(chunk, take);
        });
        Hand(chunk, take);
    }

    private static void Hand(List<BanElement> chunk, Action<IReadOnlyList<BanElement>> take)
    {
        if (chunk.Count == 0) return;
        take(chunk);
        bool more = chunk.Count == Chunk;
        chunk.Clear();
        // A batch lives long enough to leave the youngest generation, and by itself the next one is left to grow by 10 MB.
        if (more) GC.Collect(1);
    }

    private long MissingBans(IReadOnlyList<SetDescription> sets, DateTimeOffset now, bool ipv4) =>
        MissingFrom(sets, WallTable.Set(WallTable.Ban, ipv4), state.CountKeysInForce(now, ipv4));

    // Elements that have run out may still be counted for a moment, and kernels before 6.15 do not count: then it shows later,
    // or when the whole set is gone.
    private static long MissingFrom(IReadOnlyList<SetDescription> sets, string name, long wanted)
    {
        SetDescription? set = sets.FirstOrDefault(s => s.Name == name);
        if (set is not { Count: { } present }) return 0;
        return Math.Max(0, Math.Min(wanted, set.Size ?? long.MaxValue) - present);
    }
}
