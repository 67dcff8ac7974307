using System.Runtime.CompilerServices;

namespace RateWall.Detection.Correlation;

/// <summary>A row that is found by a hash.</summary>
internal interface IHashedRow
{
    /// <summary>The hash of what the row is about.</summary>
    /// <param name="seed">The table's <see cref="RowTable{T}.Seed"/>.</param>
    int Hash(ulong seed);
}

/// <summary>
/// Rows in place, counted from 0, that are found by a hash: ask for one after the other by <see cref="Next"/>. The bits that
/// a place of the table has to spare hold a part of the hash: a row that is about something else is hardly ever looked at,
/// for it lies where no cache holds it.
/// </summary>
internal class RowTable<T> : Rows<T>
    where T : struct, IHashedRow
{
    private const int Least = 1024;

    // A row's number plus 1 in the lower bits, as many as the length has, and those of its hash above; 0: free.
    private uint[] places = new uint[Least];
    private int most = Least / 8 * 5;

    /// <summary>What makes the hashes of addresses differ from run to run; here it is near.</summary>
    public ulong Seed { get; } = SourceAddress.Seed;

    /// <summary>The next row that may have this hash, or -1.</summary>
    /// <param name="hash">The hash.</param>
    /// <param name="at">Where the search is: the hash at first.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int Next(int hash, ref int at)
    {
        uint[] all = places;
        int mask = all.Length - 1;
        uint place = all[at++ & mask];
        return place == 0 ? -1 : ((place ^ (uint)hash) & ~(uint)mask) == 0 ? (int)(place & (uint)mask) - 1 : NextFurther(hash, ref at);
    }

    /// <summary>Asks for what <see cref="Next"/> reads first.</summary>
    public void AskForPlace(int hash) => MemoryAhead.Ask(ref places[hash & (places.Length - 1)]);

    /// <summary>Adds an empty row; the answer is its number.</summary>
    /// <param name="hash">The hash of what it will be about.</param>
    /// <param name="at">Where the search for it ended.</param>
    public int Add(int hash, int at)
    {
        // Never nearly full: then the next free place is in the same line of a cache.
        if (Count >= most)
        {
            Widen();
            at = hash + 1;
        }

        int row = Add();
        this[row] = default;
        Place(row, hash, at - 1);
        return row;
    }

    /// <inheritdoc/>
    public override void Clear()
    {
        if (Count == 0) return;
        base.Clear();
        if (places.Length == Least) Array.Clear(places);
        else places = new uint[Least];
        most = Least / 8 * 5;
    }

    private int NextFurther(int hash, ref int at)
    {
        uint[] all = places;
        int mask = all.Length - 1;
        while (true)
        {
            uint place = all[at++ & mask];
            if (place == 0) return -1;
            if (((place ^ (uint)hash) & ~(uint)mask) == 0) return (int)(place & (uint)mask) - 1;
        }
    }

    private void Widen()
    {
        places = new uint[places.Length * 2];
        most = places.Length / 8 * 5;
        for (int row = 0; row < Count; row++)
        {
            int hash = this[row].Hash(Seed);
            Place(row, hash, hash);
        }
    }

    private void Place(int row, int hash, int at)
    {
        uint[] all = places;
        int mask = all.Length - 1;
        while (all[at & mask] != 0) at++;
        all[at & mask] = ((uint)hash & ~(uint)mask) | (uint)(row + 1);
    }
}
