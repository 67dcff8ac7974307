using RateWall.Detection;

namespace RateWall.Wall;

/// <summary>
/// Keeps networks with deadlines disjoint, because the kernel refuses nested intervals: a wider one swallows the inner
/// ones and takes the latest deadline; a narrower one inside a wider that ends earlier extends the wider.
/// </summary>
internal static class DisjointPrefixes
{
    /// <summary>Adds networks, in order, to disjoint ones.</summary>
    /// <param name="existing">What stands; must be disjoint.</param>
    /// <param name="additions">What is asked for, in any order and nesting. A null deadline means for ever.</param>
    /// <param name="exact">True: an addition equal to an existing network sets its deadline, also to an earlier one.</param>
    /// <param name="outcome">For each addition, the network that now covers it, with its deadline.</param>
    /// <returns>The disjoint networks that are to stand.</returns>
    public static Dictionary<AddressPrefix, DateTimeOffset?> Add(
        IReadOnlyDictionary<AddressPrefix, DateTimeOffset?> existing, IReadOnlyList<BanElement> additions, bool exact,
        out BanElement[] outcome)
    {
        var standing = existing.ToDictionary();
        foreach (BanElement addition in additions) Add(standing, addition, exact);
        outcome = [.. additions.Select(a => Covering(standing, a.Target)!)];
        return standing;
    }

    /// <summary>The network that covers a target, or null.</summary>
    public static BanElement? Covering(IReadOnlyDictionary<AddressPrefix, DateTimeOffset?> standing, AddressPrefix target)
    {
        for (int length = target.Length; length >= 0; length--)
        {
            AddressPrefix candidate = AddressPrefix.Of(target.Address, length);
            if (standing.TryGetValue(candidate, out DateTimeOffset? until)) return new(candidate, until);
        }

        return null;
    }

    /// <summary>The later of two deadlines; null is for ever.</summary>
    public static DateTimeOffset? Later(DateTimeOffset? one, DateTimeOffset? other) =>
        one is null || other is null ? null : one > other ? one : other;

    private static void Add(Dictionary<AddressPrefix, DateTimeOffset?> standing, BanElement addition, bool exact)
    {
        if (Covering(standing, addition.Target) is { } wider)
        {
            bool same = wider.Target == addition.Target;
            standing[wider.Target] = exact && same ? addition.Until : Later(wider.Until, addition.Until);
            return;
        }

        DateTimeOffset? until = addition.Until;
        foreach (AddressPrefix inner in standing.Keys.Where(addition.Target.Contains).ToArray())
        {
            until = Later(until, standing[inner]);
            standing.Remove(inner);
        }

        standing[addition.Target] = until;
    }
}
