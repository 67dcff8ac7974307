using RateWall.Detection;

namespace RateWall.Storage;

/// <summary>An operator's word that what a network did up to a time no longer counts.</summary>
/// <param name="Target">Whom it is for.</param>
/// <param name="At">Tries at or before this time are forgiven.</param>
public sealed record Pardon(AddressPrefix Target, DateTimeOffset At);

/// <summary>The pardons in force.</summary>
public sealed class Pardons
{
    private readonly Dictionary<AddressPrefix, long> byTarget = [];
    private readonly HashSet<byte> lengthsIPv4 = [];
    private readonly HashSet<byte> lengthsIPv6 = [];

    /// <param name="pardons">All of them, in any order; the latest of a target counts.</param>
    public Pardons(IEnumerable<Pardon> pardons)
    {
        ArgumentNullException.ThrowIfNull(pardons);
        foreach (Pardon pardon in pardons)
        {
            long at = pardon.At.ToUnixTimeMilliseconds();
            if (!byTarget.TryGetValue(pardon.Target, out long known) || at > known) byTarget[pardon.Target] = at;
            (pardon.Target.IsIPv4 ? lengthsIPv4 : lengthsIPv6).Add(pardon.Target.Length);
        }
    }

    /// <summary>None.</summary>
    public static Pardons None { get; } = new([]);

    /// <summary>True when nobody is pardoned: the usual case, tested before anything is looked up.</summary>
    public bool IsEmpty => byTarget.Count == 0;

    /// <summary>The time up to which a key is forgiven, in ms since 1970; <see cref="long.MinValue"/> when it is not.</summary>
    public long ForgivenUpTo(AddressPrefix key)
    {
        long latest = long.MinValue;
        if (IsEmpty) return latest;
        foreach (byte length in key.IsIPv4 ? lengthsIPv4 : lengthsIPv6)
        {
            if (length > key.Length) continue;
            if (byTarget.TryGetValue(AddressPrefix.Of(key.Address, length), out long at) && at > latest) latest = at;
        }

        return latest;
    }
}
