using System.Buffers.Binary;
using System.Runtime.InteropServices;
using static RateWall.Netfilter.KernelHeaders;

namespace RateWall.Netfilter;

/// <summary>
/// Changes as one nfnetlink batch, and the way back from the kernel's complaint to the change it is about. Consecutive changes
/// of the same kind and set share a message. Only the last of them asks for an acknowledgement: with it the kernel has been
/// through all of them, and its silence cannot be taken for success.
/// </summary>
internal sealed class ElementBatch
{
    /// <summary>An attribute's length has 16 bits, and the list of elements is one attribute; one element never needs 1 KiB.</summary>
    private const int ListLimit = 60_000;

    private const int ElementLimit = 1024;

    /// <summary>Some ten million addresses; the kernel takes one datagram of less than 2 GiB.</summary>
    private const int LengthLimit = 1 << 30;

    private readonly List<int> messageStarts = [];
    private readonly List<int> elementStarts = [];
    private readonly List<int> elementChanges = [];
    private byte[] buffer;
    private int length;

    private ElementBatch(int changes) => buffer = GC.AllocateUninitializedArray<byte>(4096 + (Math.Min(changes, 1_000_000) * 64));

    /// <summary>The whole batch, begin to end.</summary>
    public ReadOnlySpan<byte> Bytes => buffer.AsSpan(0, length);

    /// <summary>The sequence number of the first message, NFNL_MSG_BATCH_BEGIN.</summary>
    public uint FirstSequence { get; private init; }

    /// <summary>The sequence number of the message that asks for an acknowledgement.</summary>
    public uint LastSequence => FirstSequence + (uint)messageStarts.Count - 1;

    /// <summary>The most sequence numbers a batch of so many changes uses: begin, end, one message a change.</summary>
    public static int SequencesFor(int changes) => changes + 2;

    /// <summary>Writes a batch.</summary>
    /// <param name="table">The table of all the sets.</param>
    /// <param name="changes">At least one.</param>
    /// <param name="shapes">The kernel's word on each set the changes name.</param>
    /// <param name="generation">The generation the shapes were read in (NFNL_BATCH_GENID).</param>
    /// <param name="firstSequence">The first of <see cref="SequencesFor"/> sequence numbers.</param>
    /// <param name="packed">False: a message for every change, so that every complaint names its change even on kernels that tell no offset.</param>
    /// <exception cref="NetfilterException">A change does not fit its set; nothing was sent.</exception>
    public static ElementBatch Write(
        TableName table, IReadOnlyList<ElementChange> changes, IReadOnlyDictionary<string, SetShape> shapes, uint generation,
        uint firstSequence, bool packed)
    {
        var batch = new ElementBatch(changes.Count) { FirstSequence = firstSequence };
        batch.Frame(NFNL_MSG_BATCH_BEGIN, generation);
        for (int i = 0; i < changes.Count;) i = batch.Message(table, changes, i, shapes[changes[i].Set], packed);
        batch.Frame(NFNL_MSG_BATCH_END, null);
        batch.messageStarts.RemoveAt(batch.messageStarts.Count - 1); // the end frame answers nothing
        return batch;
    }

    /// <summary>Names another generation, in which the sets were found to be of the same kinds.</summary>
    public void MoveTo(uint generation) =>
        BinaryPrimitives.WriteUInt32BigEndian(buffer.AsSpan(NLMSG_HDRLEN + NFGENMSG_LEN + NLA_HDRLEN), generation);

    /// <summary>The change an answer is about.</summary>
    /// <param name="sequence">The sequence number the answer repeats.</param>
    /// <param name="offset">NLMSGERR_ATTR_OFFS, or null when the kernel told none.</param>
    /// <returns>Its index, or null when the answer is about the batch, or about a message of several changes and no offset.</returns>
    public int? ChangeAt(uint sequence, uint? offset)
    {
        uint message = unchecked(sequence - FirstSequence);
        if (message == 0 || message >= (uint)messageStarts.Count) return null;
        int start = messageStarts[(int)message];
        int end = (int)message + 1 < messageStarts.Count ? messageStarts[(int)message + 1] : length;
        int first = FirstAtOrAfter(start);
        int afterLast = FirstAtOrAfter(end);
        if (elementChanges[first] == elementChanges[afterLast - 1]) return elementChanges[first];
        if (offset is not { } o || o >= (uint)(end - start)) return null;

        int element = FirstAtOrAfter(start + (int)o + 1) - 1;
        return element < first ? null : elementChanges[element]; // before the first element it is about the set or the table
    }

    /// <summary>True when the answer's message holds more than one change.</summary>
    public bool IsPacked => elementChanges.Count > 0 && messageStarts.Count - 1 <= elementChanges[^1];

    private int FirstAtOrAfter(int position)
    {
        int index = elementStarts.BinarySearch(position);
        return index < 0 ? ~index : index;
    }

    private void Frame(ushort type, uint? generation)
    {
        var writer = new MessageWriter(Room(64));
        int message = writer.BeginMessage(type, NLM_F_REQUEST, NextSequence(), NetfilterFamily.Unspecified, NFNL_SUBSYS_NFTABLES);
        if (generation is { } id) writer.U32(NFNL_BATCH_GENID, id);
        writer.EndMessage(message);
        length += writer.Length;
    }

    private int Message(TableName table, IReadOnlyList<ElementChange> changes, int index, SetShape shape, bool packed)
    {
        ElementChange head = changes[index];
        (ushort type, ushort flags) = head.Operation == ElementOperation.Add
            ? (NFT_MSG_NEWSETELEM, (ushort)(NLM_F_REQUEST | NLM_F_CREATE))
            : (NFT_MSG_DELSETELEM, NLM_F_REQUEST);
        int start = length;
        uint sequence = NextSequence();
        var writer = new MessageWriter(Room(ElementLimit));
        writer.BeginMessage(NfTables(type), flags, sequence, table.Family);
        writer.Text(NFTA_SET_ELEM_LIST_TABLE, table.Name);
        writer.Text(NFTA_SET_ELEM_LIST_SET, head.Set);
        int list = length + writer.Length;
        writer.Open(NFTA_SET_ELEM_LIST_ELEMENTS);
        length += writer.Length;

        // Items are numbered from 1, as nft numbers them; the kernel does not look.
        ushort item = 1;
        do
        {
            Change(changes[index], shape, ref item, index);
            index++;
        }
        while (packed && index < changes.Count && length - list < ListLimit
            && changes[index].Operation == head.Operation && changes[index].Set == head.Set);

        MemoryMarshal.Write(buffer.AsSpan(list), (ushort)(length - list));
        MemoryMarshal.Write(buffer.AsSpan(start), (uint)(length - start));
        if (index == changes.Count) MemoryMarshal.Write(buffer.AsSpan(start + 6), (ushort)(flags | NLM_F_ACK));
        return index;
    }

    private void Change(in ElementChange change, SetShape shape, ref ushort item, int index)
    {
        SetElement element = change.Element;
        ReadOnlySpan<byte> key = element.Key.Span;
        ReadOnlySpan<byte> last = element.LastKey.IsEmpty ? key : element.LastKey.Span;
        if (Objection(shape, key, last) is { } objection)
            throw new NetfilterException(Phrase(change, shape), EINVAL, objection) { ChangeIndex = index };

        SetElement? details = change.Operation == ElementOperation.Add ? element : null;
        Element(item++, index, 0, key, shape.Form == ElementForm.Range ? last : default, details);
        if (shape.Form != ElementForm.Interval || KeyArithmetic.IsAllOnes(last)) return;

        Span<byte> end = stackalloc byte[NFT_DATA_VALUE_MAXLEN];
        end = end[..last.Length];
        KeyArithmetic.Successor(last, end);
        Element(item++, index, NFT_SET_ELEM_INTERVAL_END, end, default, null);
    }

    private void Element(ushort item, int change, uint flags, scoped ReadOnlySpan<byte> key, scoped ReadOnlySpan<byte> keyEnd, SetElement? details)
    {
        elementStarts.Add(length);
        elementChanges.Add(change);
        var writer = new MessageWriter(Room(ElementLimit));
        int nest = writer.Open(item);
        if (flags != 0) writer.U32(NFTA_SET_ELEM_FLAGS, flags);
        if (details?.Timeout is { } timeout) writer.U64(NFTA_SET_ELEM_TIMEOUT, Milliseconds.FromTimeSpan(timeout));
        if (details?.Expires is { } expires) writer.U64(NFTA_SET_ELEM_EXPIRATION, Milliseconds.FromTimeSpan(expires));
        WriteKey(ref writer, NFTA_SET_ELEM_KEY, key);
        if (!keyEnd.IsEmpty) WriteKey(ref writer, NFTA_SET_ELEM_KEY_END, keyEnd);
        if (details is { Packets: not null } or { Bytes: not null }) WriteCounter(ref writer, details.Packets ?? 0, details.Bytes ?? 0);
        writer.Close(nest);
        length += writer.Length;
    }

    public static void WriteKey(ref MessageWriter writer, ushort type, scoped ReadOnlySpan<byte> key)
    {
        int nest = writer.Open(type);
        writer.Bytes(NFTA_DATA_VALUE, key);
        writer.Close(nest);
    }

    private static void WriteCounter(ref MessageWriter writer, ulong packets, ulong bytes)
    {
        int expression = writer.Open(NFTA_SET_ELEM_EXPR);
        writer.Text(NFTA_EXPR_NAME, "counter");
        int counter = writer.Open(NFTA_EXPR_DATA);
        writer.U64(NFTA_COUNTER_BYTES, bytes);
        writer.U64(NFTA_COUNTER_PACKETS, packets);
        writer.Close(counter);
        writer.Close(expression);
    }

    private static string? Objection(SetShape shape, ReadOnlySpan<byte> key, ReadOnlySpan<byte> last)
    {
        if (key.Length != shape.KeyLength) return $"the key has {key.Length} bytes, the set's keys have {shape.KeyLength}";
        if (last.Length != key.Length) return $"the last key has {last.Length} bytes, the first {key.Length}";
        return shape.Form switch
        {
            ElementForm.Single when !last.SequenceEqual(key) => "the set takes single keys, not intervals",
            ElementForm.Interval when last.SequenceCompareTo(key) < 0 => "the interval ends before it begins",
            _ => null,
        };
    }

    /// <summary>A change as a phrase: "add 192.0.2.1 to ban4".</summary>
    public static string Phrase(in ElementChange change, SetShape? shape)
    {
        string key = shape?.Display(change.Element.Key.Span) ?? Convert.ToHexStringLower(change.Element.Key.Span);
        if (!change.Element.LastKey.IsEmpty && !change.Element.LastKey.Span.SequenceEqual(change.Element.Key.Span))
            key += "-" + (shape?.Display(change.Element.LastKey.Span) ?? Convert.ToHexStringLower(change.Element.LastKey.Span));
        return change.Operation == ElementOperation.Add ? $"add {key} to {change.Set}" : $"delete {key} from {change.Set}";
    }

    private uint NextSequence()
    {
        messageStarts.Add(length);
        return FirstSequence + (uint)messageStarts.Count - 1;
    }

    private Span<byte> Room(int wanted)
    {
        if (length > LengthLimit) throw new NetfilterException("write a batch", EMSGSIZE, $"it is longer than {LengthLimit} bytes: use several");
        if (buffer.Length - length < wanted) Array.Resize(ref buffer, buffer.Length + Math.Max(buffer.Length / 2, wanted));
        return buffer.AsSpan(length);
    }
}
