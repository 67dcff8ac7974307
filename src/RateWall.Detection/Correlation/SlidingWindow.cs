using System.Buffers;
using System.Runtime.CompilerServices;

namespace RateWall.Detection.Correlation;

/// <summary>One try of a source.</summary>
/// <param name="UnixMilliseconds">When.</param>
/// <param name="User">
/// The hash of the name, or 0 without one. The lowest bit says that this name has logged in from here: then it is no
/// stranger's.
/// </param>
internal readonly record struct Try(long UnixMilliseconds, ulong User)
{
    /// <summary>True when the name never logged in from here.</summary>
    public bool IsStrangers => User != 0 && (User & 1) == 0;
}

/// <summary>
/// The tries of one key, ascending. A try fires when a stretch of the window's length that holds it holds the threshold's
/// number of tries; lines that come late count where they belong. A try forgets those farther from it than the reach: older
/// ones are of no use, and newer ones were made by a clock that has been set back since. Held in place by its row, so it
/// must not be copied.
/// </summary>
internal struct SlidingWindow
{
    private Room<Try> room;
    private int count;

    /// <summary>True when it differs from what the storage holds.</summary>
    public bool Changed { readonly get; set; }

    /// <summary>How many tries are held.</summary>
    public readonly int Count => count;

    /// <summary>The tries held.</summary>
    public readonly ReadOnlySpan<Try> Tries => room.First(count);

    /// <summary>Fills it from the storage.</summary>
    public void Load(IReadOnlyList<WindowMark> saved, RoomPool<Try> pool)
    {
        foreach (WindowMark mark in saved) Insert(new(mark.UnixMilliseconds, mark.Low), 1, pool);
    }

    /// <summary>Adds a try, so many times over, and keeps at most so many: the newest.</summary>
    public void Add(Try made, int times, long reach, int most, RoomPool<Try> pool)
    {
        Changed = true;
        if (count > 0)
        {
            ReadOnlySpan<Try> held = Tries;
            if (held[0].UnixMilliseconds <= made.UnixMilliseconds - reach || held[^1].UnixMilliseconds >= made.UnixMilliseconds + reach)
                Keep(made.UnixMilliseconds - reach, made.UnixMilliseconds + reach);
        }

        Insert(made, times, pool);
        if (count > most) DropOldest(count - most);
    }

    /// <summary>Whether a stretch that holds <paramref name="stamp"/> holds so many tries: the fullest, the earliest of equals.</summary>
    public readonly bool Reaches(long stamp, long length, long threshold, out int found, out long since)
    {
        (found, since) = (0, stamp);
        if (count < threshold) return false;
        ReadOnlySpan<Try> held = Tries;
        // Nearly always the try is the newest: then the last so many must lie close enough to it.
        if (stamp >= held[^1].UnixMilliseconds && stamp - held[count - (int)threshold].UnixMilliseconds >= length) return false;
        int low = 0;
        for (int high = 0; high < held.Length && held[high].UnixMilliseconds - stamp < length; high++)
        {
            while (held[high].UnixMilliseconds - held[low].UnixMilliseconds >= length) low++;
            if (held[high].UnixMilliseconds < stamp || held[low].UnixMilliseconds > stamp) continue;
            if (high - low + 1 > found) (found, since) = (high - low + 1, held[low].UnixMilliseconds);
        }

        return found >= threshold;
    }

    /// <summary>Whether a stretch that holds <paramref name="stamp"/> holds so many different strangers' names.</summary>
    public readonly bool ReachesNames(long stamp, long length, int threshold, out int found, out long since)
    {
        (found, since) = (0, stamp);
        if (count < threshold) return false;
        ReadOnlySpan<Try> held = Tries;
        int end = count;
        while (end > 0 && held[end - 1].UnixMilliseconds - stamp >= length) end--;
        int low = end;
        while (low > 0 && stamp - held[low - 1].UnixMilliseconds < length) low--;
        for (; end - low >= threshold && held[low].UnixMilliseconds <= stamp; low++)
        {
            int high = end;
            while (held[high - 1].UnixMilliseconds - held[low].UnixMilliseconds >= length) high--;
            if (high - low < threshold) continue;
            int names = CountNames(held[low..high]);
            if (names > found) (found, since) = (names, held[low].UnixMilliseconds);
            // What begins later and ends no later holds no more.
            if (high == end) break;
        }

        return found >= threshold;
    }

    /// <summary>True when a try of this name lies less than so long from a time.</summary>
    public readonly bool Holds(ulong user, long stamp, long within)
    {
        ReadOnlySpan<Try> held = Tries;
        for (int i = held.Length - 1; i >= 0 && stamp - held[i].UnixMilliseconds < within; i--)
            if (held[i].User == user && held[i].UnixMilliseconds - stamp < within) return true;
        return false;
    }

    /// <summary>Drops the tries of a user up to a time, whichever way they count.</summary>
    public void Settle(ulong user, long upTo)
    {
        Span<Try> held = room.Items[..count];
        int kept = 0;
        foreach (Try one in held)
            if (one.UnixMilliseconds > upTo || (one.User | 1) != (user | 1)) held[kept++] = one;
        Changed |= kept != count;
        count = kept;
    }

    /// <summary>Starts anew.</summary>
    public void Reset()
    {
        Changed = true;
        count = 0;
    }

    /// <summary>Drops the tries at or before <paramref name="stamp"/>.</summary>
    public void Forget(long stamp)
    {
        int before = count;
        Keep(stamp, long.MaxValue);
        Changed |= count != before;
    }

    [SkipLocalsInit]
    private static int CountNames(ReadOnlySpan<Try> tries)
    {
        const int few = 256;
        ulong[]? rented = tries.Length > few ? ArrayPool<ulong>.Shared.Rent(tries.Length) : null;
        Span<ulong> names = rented ?? stackalloc ulong[few];
        int filled = 0;
        foreach (Try one in tries)
            if (one.IsStrangers) names[filled++] = one.User;
        names = names[..filled];
        names.Sort();
        int different = filled > 0 ? 1 : 0;
        for (int i = 1; i < filled; i++)
            if (names[i] != names[i - 1]) different++;
        if (rented is not null) ArrayPool<ulong>.Shared.Return(rented);
        return different;
    }

    // Those after the one and before the other time.
    private void Keep(long after, long before)
    {
        ReadOnlySpan<Try> held = Tries;
        int end = held.Length, start = 0;
        while (end > 0 && held[end - 1].UnixMilliseconds >= before) end--;
        while (start < end && held[start].UnixMilliseconds <= after) start++;
        count = end;
        DropOldest(start);
    }

    private void DropOldest(int drop)
    {
        if (drop == 0) return;
        Tries[drop..].CopyTo(room.Items);
        count -= drop;
    }

    private void Insert(Try made, int times, RoomPool<Try> pool)
    {
        MakeRoom(times, pool);
        Span<Try> tries = room.Items;
        int at = count;
        while (at > 0 && tries[at - 1].UnixMilliseconds > made.UnixMilliseconds) at--;
        if (at < count) tries[at..count].CopyTo(tries[(at + times)..]);
        tries.Slice(at, times).Fill(made);
        count += times;
    }

    private void MakeRoom(int more, RoomPool<Try> pool)
    {
        if (count + more <= room.Length) return;
        Room<Try> wider = pool.Rent(count + more);
        Tries.CopyTo(wider.Items);
        pool.Return(room);
        room = wider;
    }
}
