using System.Buffers;
using System.Diagnostics.CodeAnalysis;
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
/// ones are of no use, and newer ones were made by a clock that has been set back since. Nearly all sources of an attack try
/// once, so one try needs no room of the pool. Held in place by its row, so it must not be copied.
/// </summary>
internal struct SlidingWindow
{
    private Try only;
    private Room room;
    private int count;

    /// <summary>The number of what the window counts, of whoever holds it; it fits here for nothing.</summary>
    public ushort Slot { readonly get; set; }

    /// <summary>True when it differs from what the storage holds.</summary>
    public bool Changed { readonly get; set; }

    /// <summary>How many tries are held.</summary>
    public readonly int Count => count;

    /// <summary>The tries held.</summary>
    [UnscopedRef]
    public Span<Try> Tries(RoomPool<Try> pool) => (room.Exists ? pool.Items(room) : new Span<Try>(ref only))[..count];

    /// <summary>Fills it from the storage.</summary>
    public void Load(IReadOnlyList<WindowMark> saved, RoomPool<Try> pool)
    {
        foreach (WindowMark mark in saved) Insert(new(mark.UnixMilliseconds, mark.Low), 1, pool);
    }

    /// <summary>Asks for the tries that are looked at next: the first and the last.</summary>
    public readonly void Ask(RoomPool<Try> pool)
    {
        if (!room.Exists) return;
        Try[] page = pool.PageOf(room);
        MemoryAhead.Ask(ref page[room.Offset]);
        if (count > 4) MemoryAhead.Ask(ref page[room.Offset + count - 1]);
    }

    /// <summary>Adds a try, so many times over, and keeps at most so many: the newest.</summary>
    public void Add(Try made, int times, long reach, int most, RoomPool<Try> pool)
    {
        Changed = true;
        if (!room.Exists)
        {
            if (only.UnixMilliseconds <= made.UnixMilliseconds - reach || only.UnixMilliseconds >= made.UnixMilliseconds + reach) count = 0;
        }
        else if (count > 0)
        {
            Try[] page = pool.PageOf(room);
            if (page[room.Offset].UnixMilliseconds <= made.UnixMilliseconds - reach || page[room.Offset + count - 1].UnixMilliseconds >= made.UnixMilliseconds + reach)
                Keep(made.UnixMilliseconds - reach, made.UnixMilliseconds + reach, pool);
        }

        Insert(made, times, pool);
        if (count > most) DropOldest(count - most, pool);
    }

    /// <summary>Whether a stretch that holds <paramref name="stamp"/> holds so many tries: the fullest, the earliest of equals.</summary>
    public readonly bool Reaches(long stamp, long length, long threshold, RoomPool<Try> pool, out int found, out long since)
    {
        (found, since) = (0, stamp);
        if (count < threshold) return false;
        if (!room.Exists)
        {
            found = only.UnixMilliseconds == stamp ? count : 0;
            return found >= threshold;
        }

        Try[] page = pool.PageOf(room);
        int low = room.Offset, end = room.Offset + count;
        // Nearly always the try is the newest: then the last so many must lie close enough to it.
        if (stamp >= page[end - 1].UnixMilliseconds && stamp - page[end - (int)threshold].UnixMilliseconds >= length) return false;
        for (int high = low; high < end && page[high].UnixMilliseconds - stamp < length; high++)
        {
            while (page[high].UnixMilliseconds - page[low].UnixMilliseconds >= length) low++;
            if (page[high].UnixMilliseconds < stamp || page[low].UnixMilliseconds > stamp) continue;
            if (high - low + 1 > found) (found, since) = (high - low + 1, page[low].UnixMilliseconds);
        }

        return found >= threshold;
    }

    /// <summary>Whether a stretch that holds <paramref name="stamp"/> holds so many different strangers' names.</summary>
    public readonly bool ReachesNames(long stamp, long length, int threshold, RoomPool<Try> pool, out int found, out long since)
    {
        (found, since) = (0, stamp);
        if (count < threshold) return false;
        if (!room.Exists)
        {
            if (only.UnixMilliseconds <= stamp && stamp - only.UnixMilliseconds < length && only.IsStrangers) (found, since) = (count, only.UnixMilliseconds);
            return found >= threshold;
        }

        Try[] page = pool.PageOf(room);
        int end = room.Offset + count;
        while (end > room.Offset && page[end - 1].UnixMilliseconds - stamp >= length) end--;
        int low = end;
        while (low > room.Offset && stamp - page[low - 1].UnixMilliseconds < length) low--;
        for (; end - low >= threshold && page[low].UnixMilliseconds <= stamp; low++)
        {
            int high = end;
            while (page[high - 1].UnixMilliseconds - page[low].UnixMilliseconds >= length) high--;
            if (high - low < threshold) continue;
            int names = CountNames(page.AsSpan(low, high - low));
            if (names > found) (found, since) = (names, page[low].UnixMilliseconds);
            // What begins later and ends no later holds no more.
            if (high == end) break;
        }

        return found >= threshold;
    }

    /// <summary>True when a try of this name lies less than so long from a time.</summary>
    public readonly bool Holds(ulong user, long stamp, long within, RoomPool<Try> pool)
    {
        if (!room.Exists) return count > 0 && only.User == user && Math.Abs(stamp - only.UnixMilliseconds) < within;
        Try[] page = pool.PageOf(room);
        for (int i = room.Offset + count - 1; i >= room.Offset && stamp - page[i].UnixMilliseconds < within; i--)
            if (page[i].User == user && page[i].UnixMilliseconds - stamp < within) return true;
        return false;
    }

    /// <summary>Drops the tries of a user up to a time, whichever way they count.</summary>
    public void Settle(ulong user, long upTo, RoomPool<Try> pool)
    {
        if (!room.Exists)
        {
            if (count == 0 || only.UnixMilliseconds > upTo || (only.User | 1) != (user | 1)) return;
            Reset();
            return;
        }

        Try[] page = pool.PageOf(room);
        int kept = 0;
        for (int i = room.Offset; i < room.Offset + count; i++)
            if (page[i].UnixMilliseconds > upTo || (page[i].User | 1) != (user | 1)) page[room.Offset + kept++] = page[i];
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
    public void Forget(long stamp, RoomPool<Try> pool)
    {
        int before = count;
        Keep(stamp, long.MaxValue, pool);
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
    private void Keep(long after, long before, RoomPool<Try> pool)
    {
        Span<Try> held = Tries(pool);
        int end = held.Length, start = 0;
        while (end > 0 && held[end - 1].UnixMilliseconds >= before) end--;
        while (start < end && held[start].UnixMilliseconds <= after) start++;
        count = end;
        DropOldest(start, pool);
    }

    private void DropOldest(int drop, RoomPool<Try> pool)
    {
        if (drop == 0) return;
        Span<Try> held = Tries(pool);
        held[drop..].CopyTo(held);
        count -= drop;
    }

    private void Insert(Try made, int times, RoomPool<Try> pool)
    {
        if (count + times == 1 && !room.Exists)
        {
            (only, count) = (made, 1);
            return;
        }

        MakeRoom(times, pool);
        Try[] page = pool.PageOf(room);
        int at = room.Offset + count;
        for (; at > room.Offset && page[at - 1].UnixMilliseconds > made.UnixMilliseconds; at--) page[at - 1 + times] = page[at - 1];
        for (int i = 0; i < times; i++) page[at + i] = made;
        count += times;
    }

    private void MakeRoom(int more, RoomPool<Try> pool)
    {
        if (count + more <= room.Length) return;
        Room wider = pool.Rent(count + more);
        if (room.Exists) Array.Copy(pool.PageOf(room), room.Offset, pool.PageOf(wider), wider.Offset, count);
        else if (count > 0) pool.PageOf(wider)[wider.Offset] = only;
        pool.Return(room);
        room = wider;
    }
}
