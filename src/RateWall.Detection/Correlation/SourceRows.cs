namespace RateWall.Detection.Correlation;

/// <summary>
/// The keys that were seen. One look finds all that is held of a key, whatever service it is about: on a busy log the
/// memory this touches is what correlating costs.
/// </summary>
internal sealed class SourceRows
{
    private readonly Rows<SourceRow> rows = new();
    private int[] heads = NoHeads(1024);

    /// <summary>How many keys there are.</summary>
    public int Count => rows.Count;

    /// <summary>A key's row.</summary>
    public ref SourceRow this[int row] => ref rows[row];

    /// <summary>The number of the key's row, or -1.</summary>
    public int Find(AddressPrefix key)
    {
        SourceAddress address = key.Address;
        int row = heads[Hash(address, key.Length) & (heads.Length - 1)];
        while (row >= 0)
        {
            ref SourceRow known = ref rows[row];
            if (known.Address == address && known.Length == key.Length) break;
            row = known.Next;
        }

        return row;
    }

    /// <summary>The number of the key's row, made where it is missing.</summary>
    public int FindOrAdd(AddressPrefix key)
    {
        int known = Find(key);
        if (known >= 0) return known;
        // Half empty: a chain of two is two looks at memory that no cache holds.
        if (rows.Count * 2 >= heads.Length) Widen();
        int row = rows.Add();
        rows[row].Address = key.Address;
        rows[row].Length = key.Length;
        Chain(row);
        return row;
    }

    /// <summary>Forgets every key.</summary>
    public void Clear()
    {
        rows.Clear();
        heads = NoHeads(1024);
    }

    private void Widen()
    {
        heads = NoHeads(heads.Length * 2);
        for (int row = 0; row < rows.Count; row++) Chain(row);
    }

    private void Chain(int row)
    {
        ref int head = ref heads[Hash(rows[row].Address, rows[row].Length) & (heads.Length - 1)];
        rows[row].Next = head;
        head = row;
    }

    private static int[] NoHeads(int length)
    {
        int[] none = new int[length];
        Array.Fill(none, -1);
        return none;
    }

    private static int Hash(SourceAddress address, int length) => address.Mixed + length;
}
