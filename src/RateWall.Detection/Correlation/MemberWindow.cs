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
    private Room<Member> room;
    private int count;

    /// <summary>True when it differs from what the storage holds.</summary>
    public bool Changed { readonly get; set; }

    /// <summary>The members, those seen longest ago first.</summary>
    public readonly ReadOnlySpan<Member> Members => room.First(count);

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
            long newest = Members[^1].UnixMilliseconds;
            if (seen.UnixMilliseconds <= newest - (2 * length)) count = 0;
            else if (seen.UnixMilliseconds <= newest - length) return count;
        }

        int known = Find(seen.Address);
        if (known >= 0)
        {
            if (Members[known].UnixMilliseconds >= seen.UnixMilliseconds) return count;
            RemoveAt(known);
        }

        Insert(seen, pool);
        while (count > most || Members[0].UnixMilliseconds <= Members[^1].UnixMilliseconds - length) RemoveAt(0);
        return count;
    }

    /// <summary>Takes a member out.</summary>
    public void RemoveAt(int index)
    {
        Changed = true;
        Members[(index + 1)..].CopyTo(room.Items[index..]);
        count--;
    }

    /// <summary>Starts anew.</summary>
    public void Reset()
    {
        Changed = true;
        count = 0;
    }

    private readonly int Find(SourceAddress address)
    {
        ReadOnlySpan<Member> held = Members;
        for (int i = held.Length - 1; i >= 0; i--)
            if (held[i].Address == address) return i;
        return -1;
    }

    private void Insert(Member seen, RoomPool<Member> pool)
    {
        if (count == room.Length)
        {
            Room<Member> wider = pool.Rent(count + 1);
            Members.CopyTo(wider.Items);
            pool.Return(room);
            room = wider;
        }

        Span<Member> items = room.Items;
        int at = count;
        while (at > 0 && items[at - 1].UnixMilliseconds > seen.UnixMilliseconds) at--;
        if (at < count) items[at..count].CopyTo(items[(at + 1)..]);
        items[at] = seen;
        count++;
    }
}
