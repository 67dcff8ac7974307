namespace RateWall.Detection.Correlation;

/// <summary>
/// The times of one key's tries, ascending. A try fires when a stretch of the window's length that holds it holds the
/// threshold's number of tries; lines that come late count where they belong, up to one window's length behind the newest.
/// </summary>
internal sealed class SlidingWindow
{
    private long[] stamps = [];
    private int count;

    /// <summary>True when it differs from what the storage holds.</summary>
    public bool Changed { get; set; }

    /// <summary>The times held.</summary>
    public ReadOnlySpan<long> Stamps => stamps.AsSpan(0, count);

    /// <summary>Fills it from the storage.</summary>
    public void Load(IReadOnlyList<long> saved)
    {
        if (saved.Count == 0) return;
        stamps = [.. saved];
        Array.Sort(stamps);
        count = stamps.Length;
    }

    /// <summary>Adds a time, so many times over.</summary>
    public void Add(long stamp, int times, long length)
    {
        Changed = true;
        if (count > 0 && stamp <= stamps[count - 1] - (2 * length)) return;
        int at = count;
        while (at > 0 && stamps[at - 1] > stamp) at--;
        MakeRoom(times);
        Array.Copy(stamps, at, stamps, at + times, count - at);
        stamps.AsSpan(at, times).Fill(stamp);
        count += times;
        Prune(stamps[count - 1] - (2 * length));
    }

    /// <summary>The fullest stretch that holds <paramref name="stamp"/>, the earliest of equals: how many, and since when.</summary>
    public (int Count, long Since) Fullest(long stamp, long length)
    {
        (int Count, long Since) best = (0, stamp);
        int low = 0;
        for (int high = 0; high < count && stamps[high] - stamp < length; high++)
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
        int drop = 0;
        while (drop < count && stamps[drop] <= upTo) drop++;
        if (drop == 0) return;
        Array.Copy(stamps, drop, stamps, 0, count - drop);
        count -= drop;
    }

    private void MakeRoom(int more)
    {
        if (count + more <= stamps.Length) return;
        Array.Resize(ref stamps, Math.Max(count + more, Math.Max(2, stamps.Length * 2)));
    }
}
