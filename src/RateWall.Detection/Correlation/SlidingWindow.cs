namespace RateWall.Detection.Correlation;

/// <summary>
/// The times of one key's tries, ascending. A try fires when a stretch of the window's length that holds it holds the
/// threshold's number of tries; lines that come late count where they belong, up to one window's length behind the newest.
/// Held in place by its row, so it must not be copied.
/// </summary>
internal struct SlidingWindow
{
    private StampRoom room;
    private int count;

    /// <summary>True when it differs from what the storage holds.</summary>
    public bool Changed { readonly get; set; }

    /// <summary>How many times are held.</summary>
    public readonly int Count => count;

    /// <summary>The times held.</summary>
    public readonly ReadOnlySpan<long> Stamps => room.Page.AsSpan(room.Offset, count);

    /// <summary>Fills it from the storage.</summary>
    public void Load(IReadOnlyList<long> saved, StampPool pool)
    {
        if (saved.Count == 0) return;
        MakeRoom(saved.Count, pool);
        for (int i = 0; i < saved.Count; i++) room.Stamps[i] = saved[i];
        count = saved.Count;
        room.Stamps[..count].Sort();
    }

    /// <summary>Adds a time, so many times over.</summary>
    public void Add(long stamp, int times, long length, StampPool pool)
    {
        Changed = true;
        ReadOnlySpan<long> held = Stamps;
        if (count > 0 && stamp <= held[^1] - (2 * length)) return;
        int at = count;
        while (at > 0 && held[at - 1] > stamp) at--;
        MakeRoom(times, pool);
        Span<long> stamps = room.Stamps;
        if (at < count) stamps[at..count].CopyTo(stamps[(at + times)..]);
        stamps.Slice(at, times).Fill(stamp);
        count += times;
        Prune(stamps[count - 1] - (2 * length));
    }

    /// <summary>The fullest stretch that holds <paramref name="stamp"/>, the earliest of equals: how many, and since when.</summary>
    public readonly (int Count, long Since) Fullest(long stamp, long length)
    {
        ReadOnlySpan<long> stamps = Stamps;
        (int Count, long Since) best = (0, stamp);
        int low = 0;
        for (int high = 0; high < stamps.Length && stamps[high] - stamp < length; high++)
        {
            while (stamps[high] - stamps[low] >= length) low++;
            if (stamps[high] < stamp || stamps[low] > stamp) continue;
            if (high - low + 1 > best.Count) best = (high - low + 1, stamps[low]);
        }

        return best;
    }

    /// <summary>Starts anew.</summary>
    public void Reset()
    {
        Changed = true;
        count = 0;
    }

    /// <summary>Drops the times at or before <paramref name="stamp"/>.</summary>
    public void Forget(long stamp)
    {
        int before = count;
        Prune(stamp);
        Changed |= count != before;
    }

    private void Prune(long upTo)
    {
        ReadOnlySpan<long> held = Stamps;
        int drop = 0;
        while (drop < held.Length && held[drop] <= upTo) drop++;
        if (drop == 0) return;
        held[drop..].CopyTo(room.Stamps);
        count -= drop;
    }

    private void MakeRoom(int more, StampPool pool)
    {
        if (count + more <= room.Length) return;
        StampRoom wider = pool.Rent(count + more);
        Stamps.CopyTo(wider.Stamps);
        pool.Return(room);
        room = wider;
    }
}
