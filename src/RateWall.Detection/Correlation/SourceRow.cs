namespace RateWall.Detection.Correlation;

/// <summary>
/// What is held of one key, in the 64 bytes of a cache line. One look finds all that is known of nearly every key of an
/// attack, whatever service it is about: on a busy log the memory this touches is what correlating costs.
/// </summary>
internal struct SourceRow : IHashedRow
{
    /// <summary>The key's address.</summary>
    public SourceAddress Address;

    /// <summary>The key's first window; only when <see cref="WindowNumber"/> is not 0.</summary>
    public SlidingWindow Window;

    /// <summary>Which of all windows the first one is, counted from 1; 0: there is none.</summary>
    public int WindowNumber;

    /// <summary>The key's last other window, plus 1; 0: none.</summary>
    public int OtherWindow;

    /// <summary>The key's first trust, plus 1; 0: none.</summary>
    public int Trust;

    /// <summary>A bit for each family that the storage knows no success of: nearly every key of an attack has nothing else.</summary>
    public ushort NeverIn;

    /// <summary>The key's prefix length.</summary>
    public byte Length;

    /// <summary>Whom it is about.</summary>
    public readonly AddressPrefix Key => AddressPrefix.OfKnown(Address, Length);

    /// <inheritdoc/>
    public readonly int Hash(ulong seed) => Address.MixedWith(seed);

    /// <summary>True when it is the key's.</summary>
    public readonly bool IsOf(in AddressPrefix key) => Address == key.Address && Length == key.Length;

    /// <summary>The bit of a family, 0 for those that find no room.</summary>
    public static ushort BitOf(int family) => family < 16 ? (ushort)(1 << family) : (ushort)0;
}

/// <summary>The keys that were seen.</summary>
internal sealed class SourceRows : RowTable<SourceRow>
{
    /// <summary>The hash of a key: of its address alone, because two keys hardly ever differ in their length only.</summary>
    public int HashOf(SourceAddress address) => address.MixedWith(Seed);

    /// <summary>The row that is probably of a key of this hash, or -1; its memory is asked for, and not looked at.</summary>
    public int Guess(int hash)
    {
        int at = hash, row = Next(hash, ref at);
        if (row >= 0) Ask(row);
        return row;
    }

    /// <summary>The number of the key's row, or -1.</summary>
    public int Find(AddressPrefix key)
    {
        int hash = HashOf(key.Address);
        return Find(key, hash, out _);
    }

    /// <summary>The same, of a key whose hash is known.</summary>
    /// <param name="key">The key.</param>
    /// <param name="hash">Its hash.</param>
    /// <param name="at">Where the search ended.</param>
    public int Find(in AddressPrefix key, int hash, out int at)
    {
        at = hash;
        for (int row; (row = Next(hash, ref at)) >= 0;)
            if (this[row].IsOf(key)) return row;
        return -1;
    }

    /// <summary>The number of the key's row, made where it is missing.</summary>
    public int FindOrAdd(in AddressPrefix key, int hash)
    {
        int row = Find(key, hash, out int at);
        if (row >= 0) return row;
        row = Add(hash, at);
        ref SourceRow added = ref this[row];
        added.Address = key.Address;
        added.Length = key.Length;
        return row;
    }
}
