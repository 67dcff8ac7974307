namespace RateWall.Detection.Correlation;

/// <summary>A row that is found by a hash.</summary>
internal interface IHashedRow
{
    /// <summary>The hash of what the row is about.</summary>
    int Hash { get; }

    /// <summary>The next row in the same place of the table, or -1. The table's own.</summary>
    int Next { get; set; }
}

/// <summary>Rows in place, counted from 0, that are found by a hash: go from <see cref="First"/> along their Next.</summary>
internal sealed class RowTable<T>
    where T : struct, IHashedRow
{
    private readonly Rows<T> rows = new();
    private int[] heads = NoHeads(1024);

    /// <summary>How many rows there are.</summary>
    public int Count => rows.Count;

    /// <summary>A row.</summary>
    public ref T this[int row] => ref rows[row];

    /// <summary>The first row that may have this hash, or -1.</summary>
    public int First(int hash) => heads[hash & (heads.Length - 1)];

    /// <summary>Asks for what <see cref="First"/> reads.</summary>
    public void Ask(int hash) => MemoryAhead.Ask(ref heads[hash & (heads.Length - 1)]);

    /// <summary>Adds a row; the answer is its number.</summary>
    public int Add(in T added)
    {
        // Half empty: a chain of two is two looks at memory that no cache holds.
        if (rows.Count * 2 >= heads.Length) Widen();
        int row = rows.Add();
        rows[row] = added;
        Chain(row);
        return row;
    }

    /// <summary>Forgets every row.</summary>
    public void Clear()
    {
        if (rows.Count == 0) return;
        rows.Clear();
        heads = NoHeads(1024);
    }

    private void Widen()
    {
        heads = NoHeads(heads.Length * 4);
        for (int row = 0; row < rows.Count; row++) Chain(row);
    }

    private void Chain(int row)
    {
        ref T added = ref rows[row];
        ref int head = ref heads[added.Hash & (heads.Length - 1)];
        added.Next = head;
        head = row;
    }

    private static int[] NoHeads(int length)
    {
        int[] none = new int[length];
        Array.Fill(none, -1);
        return none;
    }
}
