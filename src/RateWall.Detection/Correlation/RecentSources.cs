namespace RateWall.Detection.Correlation;

/// <summary>
/// The sources that were seen last, of each its latest time: at most so many, those seen longest ago make room. Every step
/// takes the same time, however many there are: every failing try of a service comes by here.
/// </summary>
internal sealed class RecentSources
{
    private const int None = -1;

    private readonly Node[] nodes;
    private readonly int[] heads;
    private int used;
    private int spare = None;
    private int oldest = None;
    private int newest = None;

    /// <param name="most">How many are held, at least 1.</param>
    public RecentSources(int most)
    {
        nodes = new Node[most];
        heads = new int[(int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)most * 2)];
        Array.Fill(heads, None);
    }

    /// <summary>How many are held.</summary>
    public int Count { get; private set; }

    /// <summary>The latest time; only when there are any.</summary>
    public long Newest => nodes[newest].Stamp;

    /// <summary>The sources with their latest times, those seen longest ago first.</summary>
    public IEnumerable<Member> All
    {
        get
        {
            for (int node = oldest; node != None; node = nodes[node].Newer) yield return new(nodes[node].Address, nodes[node].Stamp);
        }
    }

    /// <summary>Notes a source; an earlier time than is known of it changes nothing.</summary>
    /// <param name="address">Its address.</param>
    /// <param name="hash">A hash of that.</param>
    /// <param name="stamp">When.</param>
    public void Add(SourceAddress address, int hash, long stamp)
    {
        int node = Find(address, hash);
        if (node != None)
        {
            if (nodes[node].Stamp >= stamp) return;
            Unlink(node);
            nodes[node].Stamp = stamp;
            Link(node);
            return;
        }

        if (Count == nodes.Length)
        {
            if (stamp < nodes[oldest].Stamp) return;
            RemoveOldest();
        }

        node = spare != None ? spare : used++;
        if (node == spare) spare = nodes[node].InBucket;
        ref int head = ref Bucket(hash);
        nodes[node] = new() { Address = address, Stamp = stamp, Hash = hash, InBucket = head };
        head = node;
        Count++;
        Link(node);
    }

    /// <summary>Drops those whose latest time is at or before a time.</summary>
    public void DropUpTo(long stamp)
    {
        while (oldest != None && nodes[oldest].Stamp <= stamp) RemoveOldest();
    }

    /// <summary>Drops them all.</summary>
    public void Clear() => DropUpTo(long.MaxValue);

    private void RemoveOldest()
    {
        int node = oldest;
        Unlink(node);
        ref int link = ref Bucket(nodes[node].Hash);
        while (link != node) link = ref nodes[link].InBucket;
        link = nodes[node].InBucket;
        nodes[node].InBucket = spare;
        spare = node;
        Count--;
    }

    private int Find(SourceAddress address, int hash)
    {
        int node = Bucket(hash);
        while (node != None && nodes[node].Address != address) node = nodes[node].InBucket;
        return node;
    }

    private ref int Bucket(int hash) => ref heads[hash & (heads.Length - 1)];

    // Where its time belongs: nearly always at the new end.
    private void Link(int node)
    {
        int older = newest;
        while (older != None && nodes[older].Stamp > nodes[node].Stamp) older = nodes[older].Older;
        int newer = older == None ? oldest : nodes[older].Newer;
        nodes[node].Older = older;
        nodes[node].Newer = newer;
        if (older == None) oldest = node;
        else nodes[older].Newer = node;
        if (newer == None) newest = node;
        else nodes[newer].Older = node;
    }

    private void Unlink(int node)
    {
        (int older, int newer) = (nodes[node].Older, nodes[node].Newer);
        if (older == None) oldest = newer;
        else nodes[older].Newer = newer;
        if (newer == None) newest = older;
        else nodes[newer].Older = older;
    }

    private struct Node
    {
        public SourceAddress Address;
        public long Stamp;
        public int Older;
        public int Newer;
        public int InBucket;
        public int Hash;
    }
}
