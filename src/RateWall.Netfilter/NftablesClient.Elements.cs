using static RateWall.Netfilter.KernelHeaders;

namespace RateWall.Netfilter;

/// <content>Reading set elements.</content>
public sealed partial class NftablesClient
{
    private readonly Dictionary<(TableName Table, string Set), SetShape> shapes = [];
    private uint? shapesGeneration;

    /// <summary>One element by key, or null when it is not there; for an interval set, the interval that holds the key.</summary>
    /// <exception cref="NetfilterException">There is no such set, or the key has not the length of its keys, among others.</exception>
    public SetElement? GetElement(TableName table, string set, ReadOnlyMemory<byte> key) => retry.Execute(() =>
    {
        SetShape shape = Describe(table, set, AgreeOnGeneration());
        string operation = $"get {shape.Display(key.Span)} of {set} in {table}";
        if (key.Length != shape.KeyLength)
            throw new NetfilterException(operation, EINVAL, $"the key has {key.Length} bytes, the set's keys have {shape.KeyLength}");

        if (Fetch(operation, table, shape, key.Span, 0) is not { } found) return null;
        ReadOnlyMemory<byte> lastKey = shape.Form switch
        {
            ElementForm.Interval => FindLastKey(operation, table, shape, found.Key, key.Span),
            ElementForm.Range => found.KeyEnd.Length > 0 ? found.KeyEnd : found.Key,
            _ => default,
        };
        return found.ToSetElement(lastKey, shape.Description.Timeout);
    });

    /// <summary>All elements. The kernel's dump is quadratic in the size: for small sets only.</summary>
    /// <remarks>Intervals come in ascending order, other elements in the kernel's.</remarks>
    /// <exception cref="NetfilterException">There is no such set, or it never stood still while it was read, among others.</exception>
    public IReadOnlyList<SetElement> ListElements(TableName table, string set) => retry.Execute<IReadOnlyList<SetElement>>(() =>
    {
        string operation = $"list the elements of {set} in {table}";
        return ReadElements(operation, table, Describe(table, set, AgreeOnGeneration()));
    });

    /// <summary>Passes on a set's elements in the kernel's own messages, piece by piece.</summary>
    /// <returns>A fingerprint of their keys; deadlines and counters, which move by themselves, are not in it.</returns>
    /// <exception cref="NetfilterException">They changed meanwhile, which passes by itself, among others.</exception>
    internal ulong DumpElements(TableName table, string set, Action<ReadOnlySpan<byte>>? reader = null)
    {
        string operation = $"list the elements of {set} in {table}";
        var hash = new Fingerprint();
        MessageBytes request = Request(NFT_MSG_GETSETELEM, table, (ref MessageWriter writer) => writer.Text(NFTA_SET_ELEM_LIST_SET, set));
        Dump(operation, request, NFT_MSG_NEWSETELEM, (in NetlinkMessage message) =>
        {
            AttributeReader attributes = message.Attributes();
            KernelElement.AddKeys(ref attributes, ref hash);
            MustBeWhole(operation, attributes);
            reader?.Invoke(message.Whole);
        });
        return hash.Value;
    }

    private List<SetElement> ReadElements(string operation, TableName table, SetShape shape)
    {
        var elements = new List<KernelElement>();
        MessageBytes request = Request(
            NFT_MSG_GETSETELEM, table, (ref MessageWriter writer) => writer.Text(NFTA_SET_ELEM_LIST_SET, shape.Description.Name));
        Dump(operation, request, NFT_MSG_NEWSETELEM, (in NetlinkMessage message) =>
        {
            AttributeReader attributes = message.Attributes();
            KernelElement.ReadList(ref attributes, shape.KeyLength, elements);
            MustBeWhole(operation, attributes);
        });

        if (HasDuplicates(elements)) throw NetlinkExchange.Torn(operation);
        TimeSpan? setTimeout = shape.Description.Timeout;
        return shape.Form switch
        {
            ElementForm.Interval => Intervals.Join(elements, setTimeout),
            ElementForm.Range => elements.ConvertAll(e => e.ToSetElement(e.KeyEnd.Length > 0 ? e.KeyEnd : e.Key, setTimeout)),
            _ => elements.ConvertAll(e => e.ToSetElement(default, setTimeout)),
        };
    }

    /// <summary>A hash that is being resized gives elements twice and leaves others out, without NLM_F_DUMP_INTR.</summary>
    private static bool HasDuplicates(List<KernelElement> elements)
    {
        var seen = new HashSet<KernelElement>(elements.Count, KeyComparer.Instance);
        return !elements.TrueForAll(seen.Add);
    }

    /// <summary>
    /// The last key of the interval that holds a key. Asked for an end, the kernel gives the nearest one beyond the key, which
    /// is it, or one exactly at the key, which is the neighbour's before. Then the key is the interval's first, and what
    /// stands at its successor tells; the beginning must be asked for first there, for the kernel's search passes by an end
    /// that shares its place with a beginning (__nft_rbtree_get).
    /// </summary>
    private byte[] FindLastKey(string operation, TableName table, SetShape shape, byte[] first, ReadOnlySpan<byte> key)
    {
        if (KeyArithmetic.IsAllOnes(key)) return key.ToArray();
        KernelElement? end = Fetch(operation, table, shape, key, NFT_SET_ELEM_INTERVAL_END);
        if (end is { } same && same.Key.AsSpan().SequenceEqual(key))
        {
            Span<byte> next = stackalloc byte[NFT_DATA_VALUE_MAXLEN];
            next = next[..key.Length];
            KeyArithmetic.Successor(key, next);
            if (Fetch(operation, table, shape, next, 0) is { } neighbour && next.SequenceEqual(neighbour.Key)) return key.ToArray();
            end = Fetch(operation, table, shape, next, NFT_SET_ELEM_INTERVAL_END);
        }

        if (end is { IsEnd: true } found) return KeyArithmetic.Predecessor(found.Key);

        // No end: it reaches to the last key of all, or its writer let the next beginning stand for it.
        byte[] ones = KeyArithmetic.AllOnes(key.Length);
        if (Fetch(operation, table, shape, ones, 0) is { } last && last.Key.AsSpan().SequenceEqual(first)) return ones;
        return ReadElements(operation, table, shape).Find(e => e.Key.Span.SequenceEqual(first))?.LastKey.ToArray() ?? throw NetlinkExchange.Torn(operation);
    }

    private KernelElement? Fetch(string operation, TableName table, SetShape shape, ReadOnlySpan<byte> key, uint flags)
    {
        byte[] wanted = key.ToArray();
        int listOffset = 0;
        MessageBytes request = Request(NFT_MSG_GETSETELEM, table, (ref MessageWriter writer) =>
        {
            writer.Text(NFTA_SET_ELEM_LIST_SET, shape.Description.Name);
            listOffset = writer.Open(NFTA_SET_ELEM_LIST_ELEMENTS);
            int element = writer.Open(NFTA_LIST_ELEM);
            if (flags != 0) writer.U32(NFTA_SET_ELEM_FLAGS, flags);
            ElementBatch.WriteKey(ref writer, NFTA_SET_ELEM_KEY, wanted);
            writer.Close(element);
            writer.Close(listOffset);
        });

        var found = new List<KernelElement>(1);
        Acknowledgement answer = Ask(operation, request, NFT_MSG_NEWSETELEM, (in NetlinkMessage message) =>
        {
            AttributeReader attributes = message.Attributes();
            KernelElement.ReadList(ref attributes, shape.KeyLength, found);
            MustBeWhole(operation, attributes);
        });

        // ENOENT before the list of elements is about the table or the set.
        if (answer.Errno == ENOENT && (answer.Offset is null || answer.Offset >= (uint)listOffset)) return null;
        MustSucceed(operation, answer);
        return found.Count > 0 ? found[0] : null;
    }

    /// <summary>The ruleset's generation now. What was known of sets in an earlier one is forgotten.</summary>
    private uint AgreeOnGeneration()
    {
        uint generation = ReadGeneration();
        if (shapesGeneration == generation) return generation;
        shapes.Clear();
        shapesGeneration = generation;
        return generation;
    }

    /// <summary>What the kernel says of a set, asked once a generation.</summary>
    private SetShape Describe(TableName table, string set, uint generation)
    {
        if (shapesGeneration == generation && shapes.TryGetValue((table, set), out SetShape? known)) return known;
        MustBeName(set);
        string operation = $"describe {set} in {table}";
        SetShape? described = null;
        MessageBytes request = Request(NFT_MSG_GETSET, table, (ref MessageWriter writer) => writer.Text(NFTA_SET_NAME, set));
        Acknowledgement answer = Ask(operation, request, NFT_MSG_NEWSET, (in NetlinkMessage message) =>
        {
            AttributeReader attributes = message.Attributes();
            described = SetShape.Read(ref attributes, out _);
            MustBeWhole(operation, attributes);
        });
        MustSucceed(operation, answer);
        SetShape shape = described ?? throw KernelError.Malformed(operation, "no NFT_MSG_NEWSET");
        shapes[(table, set)] = shape;
        return shape;
    }

    /// <summary>Elements are the same when key and kind are.</summary>
    private sealed class KeyComparer : IEqualityComparer<KernelElement>
    {
        public static readonly KeyComparer Instance = new();

        public bool Equals(KernelElement x, KernelElement y) =>
            x.IsEnd == y.IsEnd && x.Key.AsSpan().SequenceEqual(y.Key) && x.KeyEnd.AsSpan().SequenceEqual(y.KeyEnd);

        public int GetHashCode(KernelElement element)
        {
            var hash = new HashCode();
            hash.AddBytes(element.Key);
            hash.AddBytes(element.KeyEnd);
            hash.Add(element.IsEnd);
            return hash.ToHashCode();
        }
    }
}
