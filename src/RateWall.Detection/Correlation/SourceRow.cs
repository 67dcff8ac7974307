namespace RateWall.Detection.Correlation;

/// <summary>
/// What is held of one key, in half a cache line. One look finds all of it, whatever service it is about: on a busy log the
/// memory this touches is what correlating costs.
/// </summary>
internal struct SourceRow : IHashedRow
{
    /// <summary>The key's address.</summary>
    public SourceAddress Address;

    /// <summary>The key's first window, plus 1; 0: none.</summary>
    public int Window;

    /// <summary>The key's first trust, plus 1; 0: none.</summary>
    public int Trust;

    /// <summary>A bit for each family that the storage knows no success of: nearly every key of an attack has nothing else.</summary>
    public ushort NeverIn;

    /// <summary>The key's prefix length.</summary>
    public byte Length;

    /// <summary>Whom it is about.</summary>
    public readonly AddressPrefix Key => AddressPrefix.Of(Address, Length);

    /// <inheritdoc/>
    public readonly int Hash => HashOf(Address, Length);

    /// <inheritdoc/>
    public int Next { readonly get; set; }

    /// <summary>The bit of a family, 0 for those that find no room.</summary>
    public static ushort BitOf(int family) => family < 16 ? (ushort)(1 << family) : (ushort)0;

    /// <summary>The hash of a key.</summary>
    public static int HashOf(SourceAddress address, int length) => address.Mixed + length;
}

/// <summary>The keys that were seen.</summary>
internal sealed class SourceRows
{
    private readonly RowTable<SourceRow> table = new();

    /// <summary>How many keys there are.</summary>
    public int Count => table.Count;

    /// <summary>A key's row.</summary>
    public ref SourceRow this[int row] => ref table[row];

    /// <summary>Asks for what <see cref="Find"/> reads first.</summary>
    public void Ask(AddressPrefix key) => table.Ask(SourceRow.HashOf(key.Address, key.Length));

    /// <summary>The number of the key's row, or -1.</summary>
    public int Find(AddressPrefix key)
    {
        SourceAddress address = key.Address;
        int row = table.First(SourceRow.HashOf(address, key.Length));
        while (row >= 0)
        {
            ref SourceRow known = ref table[row];
            if (known.Address == address && known.Length == key.Length) break;
            row = known.Next;
        }

        return row;
    }

    /// <summary>The number of the key's row, made where it is missing.</summary>
    public int FindOrAdd(AddressPrefix key)
    {
        int known = Find(key);
        return known >= 0 ? known : table.Add(new() { Address = key.Address, Length = key.Length });
    }

    /// <summary>Forgets every key.</summary>
    public void Clear() => table.Clear();
}
