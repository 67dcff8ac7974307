using System.Globalization;
using System.Text;
using RateWall.Detection;
using RateWall.Netfilter;
using RateWall.Policy;

namespace RateWall.Wall;

/// <summary>What `apply` found and did.</summary>
/// <param name="Changed">False when everything was as it should be and nothing was sent.</param>
/// <param name="Created">True when there was no wall before, or one that an interrupted `apply` left without its bans.</param>
public sealed record ApplyOutcome(bool Changed, bool Created);

/// <summary>What <see cref="KernelWall.Mend"/> found wrong and put right.</summary>
/// <param name="Gone">The table was not there.</param>
/// <param name="Unfinished">An `apply` had been killed before its end.</param>
/// <param name="Rules">Lines of the kernel's listing that were missing or not ours; -1: some, in a wall too full to list.</param>
/// <param name="Allowed">True when the allow list was not the applied one.</param>
/// <param name="Hooks">Interfaces (`early.ingress`) that had come since the `apply` and were not hooked.</param>
public sealed record WallDamage(bool Gone, bool Unfinished, int Rules, bool Allowed, IReadOnlyList<string> Hooks)
{
    /// <summary>True when anything was wrong.</summary>
    public bool Any => Gone || Unfinished || Rules != 0 || Allowed || Hooks.Count > 0;
}

/// <summary>How the kernel differs from the policy.</summary>
/// <param name="Present">True when the table is there.</param>
/// <param name="Lines">A unified difference; empty when there is none.</param>
public sealed record WallDifference(bool Present, IReadOnlyList<string> Lines)
{
    /// <summary>True when something differs.</summary>
    public bool Any => Lines.Count > 0;
}

/// <summary>
/// The table inet ratewall as a whole: puts it up, compares it, takes it down. Reads and writes no other table.
/// Writers hold the wall lock.
/// </summary>
public sealed partial class KernelWall : IDisposable
{
    private const long Crowd = 100_000;
    private const NftListing Bare = NftListing.Stateless | NftListing.Terse;

    private readonly NftablesClient kernel;
    private readonly KernelBans bans;
    private readonly string stateDirectory;
    private readonly TimeProvider time;
    private LibNftables? library;
    private string? mendedListing;

    private KernelWall(NftablesClient kernel, KernelBans bans, string stateDirectory, TimeProvider time)
    {
        this.time = time;
        this.kernel = kernel;
        this.bans = bans;
        this.stateDirectory = stateDirectory;
    }

    /// <summary>The elements of this wall.</summary>
    public KernelBans Bans => bans;

    /// <summary>True when the table is there.</summary>
    public bool Present => kernel.TableExists(WallTable.Name);

    /// <summary>
    /// True when nobody has committed anything to this kernel's ruleset since a whole check found the wall sound, and no interface
    /// that it hooks into has gone or come; then nothing of it can have been changed.
    /// </summary>
    public bool IsKnownSound => SoundRuleset.Read(stateDirectory) is { } sound && sound == SoundRuleset.Of(kernel.GetGeneration(), sound.InterfaceNames);

    /// <summary>
    /// Sets that the last transaction made anew and whose elements, which mean the same in the new ones, were too many to move:
    /// what was in them is the history's to give back.
    /// </summary>
    public IReadOnlyList<string> Emptied { get; private set; } = [];

    // Loaded when it is needed: a run that finds nothing to mend does without.
    private LibNftables Rules => library ??= MakeRoom();

    /// <summary>Opens the kernel side.</summary>
    /// <param name="stateDirectory">Where what was applied is recorded.</param>
    /// <param name="time">The clock of deadlines.</param>
    /// <exception cref="NetfilterException">No permission, or no nftables in the kernel. Members that read or write rules
    /// throw it also where libnftables is missing.</exception>
    public static KernelWall Open(string stateDirectory, TimeProvider time) =>
        new(NftablesClient.Open(time), KernelBans.Open(time), stateDirectory, time);

    /// <summary>
    /// Makes the kernel hold what the policy asks for, in one transaction that keeps live elements, counters and deadlines.
    /// When it does already, nothing is sent.
    /// </summary>
    /// <param name="policy">What the operator wants.</param>
    /// <param name="ruleset">The policy as rules.</param>
    /// <param name="keys">The key function of this host.</param>
    /// <param name="restore">Gives a new wall the bans that are still in force. Until it has, the wall counts as unknown, so
    /// that an `apply` that was killed in between is made good by the next one.</param>
    /// <exception cref="NetfilterException">The kernel refused; nothing has changed then.</exception>
    public ApplyOutcome Apply(EffectivePolicy policy, Ruleset ruleset, SourceKeys keys, Action? restore = null)
    {
        AppliedWall? before = AppliedWall.Read(stateDirectory);
        bool created = !Present || before?.Listing is null;
        bool same = !created && FrameDifference(ruleset).Count == 0;
        // What is wanted is written down before anything is sent: whoever finds this undone finishes it.
        AppliedWall wanted = new(ruleset.Text, policy.Allow, same ? before!.Listing : null);
        if (!same || !policy.Allow.SequenceEqual(before!.Allow)) wanted.Write(stateDirectory);
        if (!same) Send(ruleset, before);
        bool moved = AlignNetworks(policy.Allow, keys);
        // Listed before the bans come back: a crowded wall is not listed.
        string? listing = same ? null : ListingOrStandIn(ruleset);
        if (created) restore?.Invoke();
        if (listing is not null) Record(wanted with { Listing = listing });
        return new(!same || moved, created);
    }

    /// <summary>
    /// Puts the applied wall back where somebody else has changed it or taken it away: rules, sets, allow list. Bans and
    /// trusted sources are the history's to give back. Null when no wall is wanted here.
    /// </summary>
    /// <param name="keys">The key function of this host.</param>
    /// <exception cref="NetfilterException">The kernel refused.</exception>
    public WallDamage? Mend(SourceKeys keys)
    {
        if (AppliedWall.Read(stateDirectory) is not { } applied) return null;
        bool gone = !Present;
        bool unfinished = applied.Listing is null;
        int changed = gone || unfinished
            ? 0
            : ChangedLines(applied.Listing!);
        IReadOnlyList<string> hooks = gone || unfinished ? [] : MissingHooks(applied.Text, applied.Listing!);
        bool frame = gone || unfinished || changed != 0 || hooks.Count > 0;
        // Until the bans are back the wall is not whole: a kill in between is made good by the next run.
        if (frame)
        {
            Ruleset ruleset = RulesetRenderer.Describe(applied.Text);
            (applied with { Listing = null }).Write(stateDirectory);
            RunRules(ruleset, before: null);
            // The same text makes the same listing; only the order may differ, and the frame's mark stands for that.
            mendedListing = IsCrowded && applied.Listing is not null && hooks.Count == 0 ? applied.Listing : ListingOrStandIn(ruleset);
        }

        bool allowed = AlignAllow(applied.Allow) && !gone;
        bans.AlignByHost(keys);
        return new(gone, unfinished, changed, allowed, hooks);
    }

    /// <summary>After <see cref="Mend"/>, and when the bans are back: records that the wall stands as it should.</summary>
    public void MarkMended()
    {
        if (AppliedWall.Read(stateDirectory) is { } applied && mendedListing is not null) Record(applied with { Listing = mendedListing });
        mendedListing = null;
    }

    /// <summary>Records that the ruleset of a generation was looked at as a whole and found sound.</summary>
    public void MarkSound(uint generation) =>
        SoundRuleset.Of(generation, AppliedWall.Read(stateDirectory) is { } applied ? IngressHooks.In(applied.Text) : []).Write(stateDirectory);

    /// <summary>The generation of the kernel's ruleset: it moves with every commit of anybody.</summary>
    public uint Generation() => kernel.GetGeneration();

    /// <summary>Lets the kernel validate what <see cref="Apply"/> would send; nothing changes.</summary>
    /// <exception cref="NetfilterException">The kernel would refuse it.</exception>
    public void Check(Ruleset ruleset) => RunRules(ruleset, AppliedWall.Read(stateDirectory), checkOnly: true);

    /// <summary>How the kernel differs from what the policy asks for.</summary>
    /// <param name="policy">What the operator wants.</param>
    /// <param name="ruleset">The policy as rules.</param>
    /// <param name="keys">The key function of this host; null: the networks whose hosts count one by one are not compared.</param>
    public WallDifference Compare(EffectivePolicy policy, Ruleset ruleset, SourceKeys? keys = null)
    {
        if (!Present) return new(Present: false, Output.TextDifference.Between("kernel", "", "policy", ruleset.Text));
        return new(Present: true, [.. FrameDifference(ruleset), .. NetworkDifferences(policy, keys)]);
    }

    /// <summary>Takes the table away, bans and all, in one transaction. False when there was none.</summary>
    public bool Remove()
    {
        bool present = Present;
        HashSet<string> expected = ExpectedChains();
        // First, or a run of `correlate` after a kill in between would put it up again.
        AppliedWall.Forget(stateDirectory);
        if (present) Rules.Run($"delete table {WallTable.Nft}\n", chains: expected);
        return present;
    }

    /// <summary>Ends every ban in one transaction, also those that no history knows.</summary>
    public void ClearBans()
    {
        string[] kinds = [WallTable.Ban, WallTable.BanNet, WallTable.BanPort];
        // A wall that an earlier version put up may not have all of them.
        IEnumerable<string> sets = kinds.SelectMany(k => new[] { WallTable.Set(k, ipv4: true), WallTable.Set(k, ipv4: false) })
            .Intersect(kernel.ListSets(WallTable.Name).Select(s => s.Name), StringComparer.Ordinal);
        Rules.Run(string.Concat(sets.Select(s => $"flush set {WallTable.Nft} {s}\n")), chains: ExpectedChains());
    }

    /// <summary>The table's named counters, by name.</summary>
    public IReadOnlyDictionary<string, NamedCounter> Counters() =>
        kernel.ListCounters(WallTable.Name).ToDictionary(c => c.Name, StringComparer.Ordinal);

    /// <summary>The table's named sets.</summary>
    public IReadOnlyList<SetDescription> Sets() => kernel.ListSets(WallTable.Name);

    /// <inheritdoc/>
    public void Dispose()
    {
        bans.Dispose();
        kernel.Dispose();
    }

    private LibNftables MakeRoom()
    {
        // The library takes several MB for a while: what was read of policy and rule files and is garbage makes room for it.
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        return new(kernel, WallTable.Name);
    }

    private void Record(AppliedWall applied)
    {
        applied.Write(stateDirectory);
        FrameMark.Write(stateDirectory, kernel.DescribeFrame(WallTable.Name, ExpectedChains(applied.Text)));
    }

    /// <summary>With so many elements nothing is done that could read them all, which takes minutes and gigabytes.</summary>
    private bool IsCrowded => Sets().Sum(s => (long)(s.Count ?? 0)) > Crowd;

    private string ListingOrStandIn(Ruleset ruleset) => IsCrowded ? AppliedWall.Unlisted(Fitting(ruleset).Text) : Listing();

    private int ChangedLines(string applied) => ListingDifference(applied) is { } lines ? lines.Skip(2).Count(l => l[0] is '+' or '-') : -1;

    // Null: it is another one, and nobody can tell where.
    private IReadOnlyList<string>? ListingDifference(string applied)
    {
        string frame = kernel.DescribeFrame(WallTable.Name, ExpectedChains());
        if (FrameMark.IsAt(stateDirectory, frame)) return [];
        return IsCrowded || !AppliedWall.IsListed(applied)
            ? FrameMark.Difference(stateDirectory, frame)
            : Output.TextDifference.Between("kernel", Listing(), "applied", applied);
    }

    private string Listing() => Rules.Run($"list table {WallTable.Nft}\n", Bare, chains: ExpectedChains());

    // The kernel refuses as a whole: then the wall that was there is still the one that is wanted.
    private void Send(Ruleset ruleset, AppliedWall? before)
    {
        try
        {
            RunRules(ruleset, before);
        }
        catch (NetfilterException)
        {
            if (before is null) AppliedWall.Forget(stateDirectory);
            else before.Write(stateDirectory);
            throw;
        }
    }

    private List<string> FrameDifference(Ruleset ruleset)
    {
        if (AppliedWall.Read(stateDirectory) is not { Listing: { } listing } applied)
            return [$"there is a table {WallTable.Nft}, but {stateDirectory} does not know who put it there; 'ratewall apply' renews it"];
        return
        [
            .. Output.TextDifference.Between("applied", applied.Text, "policy", ruleset.Text),
            .. ListingDifference(listing) ?? [$"the table {WallTable.Nft} was changed, and is too full to be listed; 'ratewall apply' renews it"],
            .. MissingHooks(ruleset.Text, listing).Select(i => $"+hook into {i}"),
        ];
    }

    private IEnumerable<string> NetworkDifferences(EffectivePolicy policy, SourceKeys? keys) =>
    [
        .. NetworkDifference(WallTable.Set(WallTable.Allow, ipv4: true), policy.Allow.Where(p => p.IsIPv4)),
        .. NetworkDifference(WallTable.Set(WallTable.Allow, ipv4: false), policy.Allow.Where(p => !p.IsIPv4)),
        .. keys is null ? [] : NetworkDifference(WallTable.ByHost6, keys.ByHost),
    ];

    private IEnumerable<string> NetworkDifference(string set, IEnumerable<AddressPrefix> networks)
    {
        AddressPrefix[] wanted = [.. KernelBans.OutermostOnly(networks)];
        IReadOnlyList<AddressPrefix> present = bans.Networks(set);
        return [.. present.Except(wanted).Select(p => $"-{set} {p}"), .. wanted.Except(present).Select(p => $"+{set} {p}")];
    }

    private bool AlignNetworks(IReadOnlyList<AddressPrefix> allow, SourceKeys keys) => AlignAllow(allow) | bans.AlignByHost(keys);

    private bool AlignAllow(IReadOnlyList<AddressPrefix> allow) =>
        bans.Align(WallTable.Set(WallTable.Allow, ipv4: true), allow, ipv4: true)
        | bans.Align(WallTable.Set(WallTable.Allow, ipv4: false), allow, ipv4: false);

    /// <summary>
    /// Rules are flushed and written anew; sets, elements and counters that the new text declares alike stay as they are. A
    /// set that it declares with another key or kind goes and comes anew in the same batch, with its elements. What it no
    /// longer declares goes.
    /// </summary>
    /// <param name="ruleset">The wall that is to be.</param>
    /// <param name="mayShrink">True: a set that holds more than it is to hold takes no more until enough have run out.</param>
    private string Transaction(Ruleset ruleset, bool mayShrink = false)
    {
        if (!Present) return ruleset.Text;
        var text = new StringBuilder();
        var carried = new List<(SetDescription Present, DeclaredSet Wanted)>();
        text.Append("flush table ").Append(WallTable.Nft).Append('\n');
        // Declaring the ingress chain again would only add interfaces to those it has.
        Delete(text, "chain", kernel.ListChains(WallTable.Name, ExpectedChains(ruleset.Text)).Where(c => c == WallTable.Ingress || !ruleset.Chains.Contains(c)));
        foreach (SetDescription present in kernel.ListSets(WallTable.Name))
        {
            DeclaredSet? wanted = ruleset.Sets.GetValueOrDefault(present.Name);
            if (wanted is not null && IsAlike(present, wanted))
            {
                if (!mayShrink) MustHold(wanted, present.Count ?? 0);
                continue;
            }

            if (wanted is not null) carried.Add((present, wanted));
            Delete(text, "set", [present.Name]);
        }

        Delete(text, "counter", kernel.ListCounters(WallTable.Name).Select(c => c.Name).Where(c => !ruleset.Counters.Contains(c)));
        text.Append(ruleset.Text);
        Emptied = Carry(text, carried.Where(c => CarriedElements.CanMove(c.Present, c.Wanted)));
        return text.ToString();
    }

    /// <summary>Gives the sets whose elements are too many to move.</summary>
    private List<string> Carry(StringBuilder text, IEnumerable<(SetDescription Present, DeclaredSet Wanted)> sets)
    {
        var emptied = new List<string>();
        int together = 0;
        foreach ((SetDescription present, DeclaredSet wanted) in sets)
        {
            // Where the kernel does not tell their number (before Linux 6.15), it is known when they have been read.
            IReadOnlyList<SetElement>? elements = present.Count > CarriedElements.Most ? null : kernel.ListElements(WallTable.Name, present.Name);
            if (elements is null || elements.Count > CarriedElements.Most || together + elements.Count > CarriedElements.MostTogether)
            {
                emptied.Add(present.Name);
                continue;
            }

            MustHold(wanted, (uint)elements.Count);
            together += elements.Count;
            CarriedElements.Append(text, wanted, elements);
        }

        return emptied;
    }

    // What makes two declarations one set for the kernel (nf_tables_api.c, nft_set_is_same); size and timeout may differ.
    private static bool IsAlike(SetDescription present, DeclaredSet wanted)
    {
        const uint known = (uint)(SetFeatures.Interval | SetFeatures.Timeout | SetFeatures.Dynamic);
        return present.KeyType == wanted.Key.Number && present.KeyLength == wanted.Key.Length
            && (present.Flags & known) == (uint)wanted.Features && present.Counted == wanted.Counted;
    }

    // The kernel would take the smaller size, and then refuse every new element.
    private static void MustHold(DeclaredSet wanted, uint count)
    {
        if (wanted.Size >= count || wanted.Size is null) return;
        throw new NetfilterException(
            "apply", 0,
            string.Create(CultureInfo.InvariantCulture, $"set {wanted.Name} holds {count} elements and cannot shrink to {wanted.Size}; wait until they run out, or leave its size"));
    }

    private static void Delete(StringBuilder text, string kind, IEnumerable<string> names)
    {
        foreach (string name in names) text.Append("delete ").Append(kind).Append(' ').Append(WallTable.Nft).Append(' ').Append(name).Append('\n');
    }
}
