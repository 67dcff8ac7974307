using System.Text.RegularExpressions;
using RateWall.Detection;
using RateWall.Netfilter;

namespace RateWall.Wall;

/// <content>The wall before this one, and the way back to it.</content>
public sealed partial class KernelWall
{
    /// <summary>Elements given back in one batch: fastest between a thousand and ten thousand.</summary>
    private const int ElementsPerBatch = 4000;

    /// <summary>
    /// What is needed to put this wall back after <paramref name="next"/> has taken its place; null when there is no wall. Sets
    /// that live on in the next wall are not read: their elements, counters and deadlines stay in the kernel.
    /// </summary>
    public PriorWall? Remember(Ruleset next)
    {
        if (!Present) return null;
        AppliedWall? applied = AppliedWall.Read(stateDirectory);
        bool crowded = IsCrowded;
        // A wall that cannot be listed comes back as it was applied, or not at all.
        if (crowded && applied is null)
            throw new NetfilterException("remember the wall", 0, $"it holds too many elements to be listed, and {stateDirectory} does not know it; run 'ratewall apply' without --confirm");
        string listing = crowded ? applied!.Text : Rules.Run($"list table {WallTable.Nft}\n", NftListing.Terse, chains: ExpectedChains());
        return new(
            listing,
            !crowded && (applied is null || applied.Listing != Listing()),
            applied?.Text,
            applied is null ? [] : [.. applied.Allow.Select(n => n.ToString())],
            applied?.Listing,
            [.. bans.Networks(WallTable.Set(WallTable.Allow, ipv4: true)).Concat(bans.Networks(WallTable.Set(WallTable.Allow, ipv4: false))).Select(p => p.ToString())],
            [.. bans.Networks(WallTable.ByHost6).Select(p => p.ToString())],
            Dropped(listing, next, already: []));
    }

    /// <summary>The same when a third wall takes the place of one that was never confirmed: what that one still kept is read now.</summary>
    public PriorWall? RememberFurther(PriorWall? prior, Ruleset next) => prior is null || !Present
        ? prior
        : prior with { Dropped = [.. prior.Dropped, .. Dropped(prior.Listing, next, prior.Dropped.Select(d => d.Name))] };

    /// <summary>
    /// Puts a wall back as it was, in one transaction: rules, sets and counters as the kernel had listed them, and its allow
    /// list. What both walls have in common was never gone; of the rest, elements come back with what remains of their
    /// deadlines, and counters with what they had counted. What a bucket still held the kernel does not tell: it comes back
    /// full.
    /// </summary>
    /// <param name="prior">The wall before; null: there was none, and there will be none.</param>
    /// <param name="restore">Gives a wall that was lost in between the bans that are still in force.</param>
    /// <exception cref="NetfilterException">The kernel refused; nothing has changed then, and it may be tried again.</exception>
    public void PutBack(PriorWall? prior, Action? restore = null)
    {
        if (prior is null)
        {
            Remove();
            return;
        }

        bool lost = !Present;
        // An interface that went meanwhile must not keep the wall from coming back.
        Ruleset ruleset = Fitting(RulesetRenderer.Describe(prior.Listing));
        string outdated = lost ? "" : Outdated(new AppliedWall(Standing(), [], Listing: null), ruleset);
        AddressPrefix[] allow = [.. prior.Allow.Select(AddressPrefix.Parse)];
        Rules.Run(outdated + Transaction(ruleset, mayShrink: true) + AllowElements(allow, ipv4: true) + AllowElements(allow, ipv4: false), chains: ExpectedChains(ruleset.Text));
        if (lost) bans.Align(WallTable.ByHost6, [.. prior.ByHost.Select(AddressPrefix.Parse)], ipv4: false);
        foreach (PriorSet set in prior.Dropped) GiveBack(set);
        if (lost) restore?.Invoke();
        // Sets made anew stand further behind in the listing than before; a wall that was as applied is so still.
        if (prior.AppliedText is not { } text)
        {
            AppliedWall.Forget(stateDirectory);
            return;
        }

        var applied = new AppliedWall(text, [.. prior.AppliedAllow.Select(AddressPrefix.Parse)], prior.Drifted ? prior.AppliedListing : ListingOrStandIn(ruleset));
        if (prior.Drifted) applied.Write(stateDirectory);
        else Record(applied);
    }

    private string Standing() => IsCrowded ? AppliedWall.Read(stateDirectory)?.Text ?? "" : Listing();

    private List<PriorSet> Dropped(string listing, Ruleset next, IEnumerable<string> already)
    {
        DateTimeOffset now = time.GetUtcNow();
        HashSet<string> ours = [.. RulesetRenderer.Describe(listing).Sets.Keys];
        // An element that lost its meter would let its source through unlimited; without the element it gets a fresh one.
        ours.ExceptWith(MeteredSet().Matches(listing).Select(m => m.Groups["name"].Value));
        ours.ExceptWith(already);
        var dropped = new List<PriorSet>();
        foreach (SetDescription set in kernel.ListSets(WallTable.Name))
        {
            if (!ours.Contains(set.Name) || (next.Sets.TryGetValue(set.Name, out DeclaredSet? wanted) && IsAlike(set, wanted))) continue;
            dropped.Add(new(set.Name, [.. kernel.ListElements(WallTable.Name, set.Name).Select(e => Remembered(e, now))]));
        }

        return dropped;
    }

    private static PriorElement Remembered(SetElement element, DateTimeOffset now) => new(
        element.Key.ToArray(),
        element.LastKey.IsEmpty ? null : element.LastKey.ToArray(),
        element.Timeout,
        element.Expires is { } left ? now + left : null,
        element.Packets,
        element.Bytes);

    private void GiveBack(PriorSet set)
    {
        DateTimeOffset now = time.GetUtcNow();
        IEnumerable<ElementChange> changes = set.Elements.Where(e => e.Until is not { } until || until > now).Select(e => new ElementChange(
            ElementOperation.Add, set.Name, new()
            {
                Key = e.Key,
                LastKey = e.LastKey ?? default(ReadOnlyMemory<byte>),
                Timeout = e.Timeout,
                Expires = e.Until - now,
                Packets = e.Packets,
                Bytes = e.Bytes,
            }));
        foreach (ElementChange[] batch in changes.Chunk(ElementsPerBatch)) kernel.Commit(WallTable.Name, batch);
    }

    private static string AllowElements(AddressPrefix[] allow, bool ipv4)
    {
        string set = $"{WallTable.Nft} {WallTable.Set(WallTable.Allow, ipv4)}";
        string[] elements = [.. allow.Where(p => p.IsIPv4 == ipv4).Select(p => p.ToString())];
        return $"\nflush set {set}\n" + (elements.Length == 0 ? "" : $"add element {set} {{ {string.Join(", ", elements)} }}\n");
    }

    [GeneratedRegex(@"\b(add|update) @(?<name>\w+) \{[^}]*\b(limit|ct count)\b", RegexOptions.ExplicitCapture, Timeout.Infinite)]
    private static partial Regex MeteredSet();
}
