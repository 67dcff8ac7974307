using RateWall.Detection;
using RateWall.Netfilter;

namespace RateWall.Wall;

/// <summary>
/// Changes of many elements, sent in batches. A set that is full takes nothing new: then what is new to it is left out, and
/// everything else goes in all the same.
/// </summary>
internal sealed class RoomyBatch(NftablesClient kernel)
{
    /// <summary>Changes in one batch: between 1k and 100k the kernel takes them at the same rate, below the lock is held less.</summary>
    private const int BatchSize = 1000;

    private readonly List<Group> waiting = [];
    private readonly HashSet<AddressPrefix> refused = [];
    private int changes;

    /// <summary>Targets that found no room.</summary>
    public IReadOnlySet<AddressPrefix> Refused => refused;

    /// <summary>Adds the changes of one target, which stay together; none is nothing to do.</summary>
    public void Add(AddressPrefix target, ElementChange[] its)
    {
        if (its.Length == 0) return;
        waiting.Add(new(target, its));
        changes += its.Length;
        if (changes >= BatchSize) Flush();
    }

    /// <summary>Sends what waits.</summary>
    /// <exception cref="NetfilterException">The kernel refused for another reason than a full set.</exception>
    public void Flush()
    {
        while (waiting.Count > 0 && FirstWithoutRoom() is { } full)
        {
            // The kernel names the first change it refuses, so everything before that fits.
            if (full > 0) Commit(waiting.Take(full));
            Group first = waiting[full];
            waiting.RemoveRange(0, full);
            waiting.RemoveAll(g =>
            {
                bool hasNoRoom = g == first || (g.IsNew && g.Set == first.Set);
                if (hasNoRoom) refused.Add(g.Target);
                return hasNoRoom;
            });
        }

        waiting.Clear();
        changes = 0;
    }

    // All at once; where a set is full, the place of the first target that found no room in it.
    private int? FirstWithoutRoom()
    {
        try
        {
            Commit(waiting);
            return null;
        }
        catch (NetfilterException e) when (e is { IsSetFull: true, ChangeIndex: not null })
        {
            int behind = e.ChangeIndex.Value, group = 0;
            while (behind >= waiting[group].Changes.Length) behind -= waiting[group++].Changes.Length;
            return group;
        }
    }

    private void Commit(IEnumerable<Group> groups) => kernel.Commit(WallTable.Name, [.. groups.SelectMany(g => g.Changes)]);

    private sealed record Group(AddressPrefix Target, ElementChange[] Changes)
    {
        public string Set => Changes[0].Set;

        /// <summary>A lone addition; a renewal has its place in the set already.</summary>
        public bool IsNew => Changes.Length == 1;
    }
}
