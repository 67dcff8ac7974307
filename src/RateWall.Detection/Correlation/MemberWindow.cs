namespace RateWall.Detection.Correlation;

/// <summary>A member of a group, and when it last did what the group is about.</summary>
internal readonly record struct Member(SourceAddress Address, long UnixMilliseconds);

/// <summary>
/// The members of a group that were seen within a window's length before the newest of them; of each its latest time. So
/// many as fire are held, the newest, so its size is bounded by the threshold. What lies two lengths back says that the clock
/// was set back: what is newer goes. Held in place by its row, so it must not be copied.
/// </summary>
internal struct MemberWindow
{
    private Room room;
    private int count;

    /// <summary>True when it differs from what the storage holds.</summary>
    public bool Changed { readonly get; set; }

    /// <summary>True when there are no members.</summary>
    public readonly bool IsEmpty => count == 0;

    /// <summary>The members, those seen longest ago first.</summary>
    public readonly Span<Member> Members(RoomPool<Member> pool) => pool.Items(room)[..count];

    /// <summary>Fills it from the storage.</summary>
    public void Load(IReadOnlyList<WindowMark> saved, RoomPool<Member> pool)
    {
        foreach (WindowMark mark in saved) Insert(new(mark.Address, mark.UnixMilliseconds), pool);
    }

    /// <summary>Notes a member; the answer is how many the window now holds.</summary>
    public int Add(Member seen, long length, int most, RoomPool<Member> pool)
    {
        Changed = true;
        if (count > 0)
        {
            long newest = pool.PageOf(room)[room.Offset + count - 1].UnixMilliseconds;
            if (seen.UnixMilliseconds <= newest - (2 * length)) count = 0;
            else if (seen.UnixMilliseconds <= newest - length) return count;
        }

        int known = Find(seen.Address, pool);
        if (known >= 0)
        {
            if (pool.PageOf(room)[room.Offset + known].UnixMilliseconds >= seen.UnixMilliseconds) return count;
            RemoveAt(known, pool);
        }

        Insert(seen, pool);
        Member[] page = pool.PageOf(room);
        int old = 0;
        while (count - old > most || page[room.Offset + old].UnixMilliseconds <= page[room.Offset + count - 1].UnixMilliseconds - length) old++;
        if (old == 0) return count;
        count -= old;
        Array.Copy(page, room.Offset + old, page, room.Offset, count);
        return count;
    }

    /// <summary>Takes a member out.</summary>
    public void RemoveAt(int index, RoomPool<Member> pool)
    {
        Changed = true;
        Member[] page = pool.PageOf(room);
        count--;
        Array.Copy(page, room.Offset + index + 1, page, room.Offset + index, count - index);
    }

    /// <summary>Starts anew.</summary>
    public void Reset()
    {
        Changed = true;
        count = 0;
    }

    private readonly int Find(SourceAddress address, RoomPool<Member> pool)
    {
        Member[] page = pool.PageOf(room);
        for (int i = count - 1; i >= 0; i--)
            if (page[room.Offset + i].Address == address) return i;
        return -1;
    }

    private void Insert(Member seen, RoomPool<Member> pool)
    {
        if (count == room.Length)
        {
            Room wider = pool.Rent(count + 1);
            Members(pool).CopyTo(pool.Items(wider));
            pool.Return(room);
            room = wider;
        }

        Member[] page = pool.PageOf(room);
        int at = room.Offset + count;
        for (; at > room.Offset && page[at - 1].UnixMilliseconds > seen.UnixMilliseconds; at--) page[at] = page[at - 1];
        page[at] = seen;
        count++;
    }
}
