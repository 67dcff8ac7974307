using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using static RateWall.Netfilter.KernelHeaders;

namespace RateWall.Netfilter;

/// <summary>
/// Answers what libnftables asks as the kernel would if there were one table in it, and keeps the batch it sends. It asks the
/// kernel itself for elements, of sets of that table, and for nothing else.
/// </summary>
/// <param name="near">The end of the pair that libnftables does not have.</param>
/// <param name="kernel">Nobody else may use it before this has ended.</param>
/// <param name="frame">The table.</param>
/// <param name="bare">True: libnftables is to print no element, so sets with a name are shown empty.</param>
internal sealed class KernelStandIn(SocketPair near, NftablesClient kernel, TableFrame frame, bool bare)
{
    /// <summary>libnftables reads into 68 KiB (mnl.c, NFT_NLMSG_MAXSIZE); the kernel's own pieces have half of that at most.</summary>
    private const int PieceLength = 32 * 1024;

    private const string Operation = "nftables";
    private readonly List<byte> piece = [];
    private int preloadAt = -1;
    private IReadOnlyList<byte[]> preload = [];

    /// <summary>How many questions were answered before the batch came.</summary>
    public int Questions { get; private set; }

    /// <summary>
    /// The sets whose elements were asked for, each with a fingerprint of what they were: they are of the moment, not of the frame's
    /// generation.
    /// </summary>
    public Dictionary<string, ulong> Told { get; } = new(StringComparer.Ordinal);

    /// <summary>The batch, once it has come.</summary>
    public RulesBatch? Batch { get; private set; }

    /// <summary>
    /// Puts answers to the batch where libnftables will find them right after it has sent it: behind the answer to its last question.
    /// It waits for none, because the kernel answers inside the sending call.
    /// </summary>
    /// <param name="questions">How many it asks before the batch: the same text over the same frame asks the same.</param>
    /// <param name="answers">Whole NLMSG_ERROR messages.</param>
    public void Preload(int questions, IReadOnlyList<byte[]> answers)
    {
        preloadAt = questions;
        preload = answers;
    }

    /// <summary>Answers until the far end is closed.</summary>
    /// <exception cref="NetfilterException">The kernel refused to tell elements, among others.</exception>
    public void Serve()
    {
        while (near.Receive(Operation) is { } datagram)
        {
            if (RulesBatch.Begins(datagram))
            {
                if (Batch is not null) throw KernelError.Malformed(Operation, "a second batch of libnftables");
                Batch = RulesBatch.Read(datagram, frame.Name);
                continue;
            }

            ReadOnlySpan<byte> rest = datagram;
            while (NetlinkMessage.TryTake(ref rest, out NetlinkMessage request, out _)) Answer(request);
            if (Batch is null) Questions++;
            if (Questions == preloadAt)
            {
                foreach (byte[] answer in preload) near.TrySend(Operation, answer);
                preloadAt = -1;
            }
        }
    }

    private void Answer(in NetlinkMessage request)
    {
        Question question = Question.Read(request);
        bool everything = (request.Flags & NLM_F_DUMP) == NLM_F_DUMP;
        if (question.Kind == NFT_MSG_GETGEN)
        {
            Add(frame.GenerationMessage, request.Sequence, 0);
            End(request, 0);
        }
        else if (question.Kind == NFT_MSG_GETSETELEM && question.IsOf(frame.Name) && everything)
        {
            TellElements(request, question.Name);
        }
        else if (frame.PartsOf(question.Kind) is not { } parts)
        {
            End(request, EOPNOTSUPP);
        }
        else if (everything)
        {
            foreach (FramePart part in parts.Where(p => question.Asks(p, frame.Name))) Add(part.Message, request.Sequence, NLM_F_MULTI);
            Done(request);
        }
        else
        {
            FramePart[] found = [.. parts.Where(p => question.Asks(p, frame.Name)).Take(1)];
            if (found is [FramePart part]) Add(part.Message, request.Sequence, 0);
            End(request, found.Length == 0 ? ENOENT : 0);
        }
    }

    private void TellElements(in NetlinkMessage request, string? name)
    {
        FramePart set = frame.Sets.FirstOrDefault(s => s.Name == name);
        uint sequence = request.Sequence;
        if (set.Message is not null && (!bare || TableFrame.IsAnonymous(set)))
        {
            Told[set.Name] = kernel.DumpElements(frame.Name, set.Name, message => Add(message, sequence, NLM_F_MULTI));
        }

        Done(request);
    }

    /// <summary>
    /// NLMSG_DONE: the end of a list. Each end is a datagram of its own: what libnftables does not like in a message makes it pass
    /// over the rest of that datagram, and with the end in it it would wait for ever.
    /// </summary>
    private void Done(in NetlinkMessage request)
    {
        Span<byte> done = stackalloc byte[NLMSG_HDRLEN + sizeof(int)];
        done.Clear();
        MemoryMarshal.Write(done, (uint)done.Length);
        MemoryMarshal.Write(done[4..], NLMSG_DONE);
        Flush();
        Add(done, request.Sequence, NLM_F_MULTI);
        Flush();
    }

    /// <summary>
    /// NLMSG_ERROR: the end of any other answer, an acknowledgement too. The kernel does not always give one where libnftables reads
    /// until nothing is left; here it would wait for more.
    /// </summary>
    private void End(in NetlinkMessage request, int errno)
    {
        Span<byte> end = stackalloc byte[NLMSG_HDRLEN + sizeof(int) + NLMSG_HDRLEN];
        end.Clear();
        MemoryMarshal.Write(end, (uint)end.Length);
        MemoryMarshal.Write(end[4..], NLMSG_ERROR);
        MemoryMarshal.Write(end[NLMSG_HDRLEN..], -errno);
        request.Whole[..NLMSG_HDRLEN].CopyTo(end[(NLMSG_HDRLEN + sizeof(int))..]);
        Flush();
        Add(end, request.Sequence, NLM_F_CAPPED);
        Flush();
    }

    /// <summary>Adds a message, as an answer to this request and in the frame's generation, which libnftables looks for in each.</summary>
    private void Add(ReadOnlySpan<byte> message, uint sequence, ushort flags)
    {
        if (piece.Count + message.Length > PieceLength) Flush();
        int start = piece.Count;
        piece.AddRange(message);
        for (int end = start + Align(message.Length); piece.Count < end;) piece.Add(0);
        Span<byte> copy = CollectionsMarshal.AsSpan(piece)[start..];
        MemoryMarshal.Write(copy[6..], flags);
        MemoryMarshal.Write(copy[8..], sequence);
        MemoryMarshal.Write(copy[12..], 0u);
        if (MemoryMarshal.Read<ushort>(copy[4..]) >> 8 == NFNL_SUBSYS_NFTABLES)
            BinaryPrimitives.WriteUInt16BigEndian(copy[(NLMSG_HDRLEN + 2)..], (ushort)frame.Generation);
    }

    private void Flush()
    {
        if (piece.Count > 0) near.TrySend(Operation, CollectionsMarshal.AsSpan(piece));
        piece.Clear();
    }

    /// <summary>What a request is about.</summary>
    private readonly record struct Question(ushort Kind, byte Family, string? Table, string? Name)
    {
        // No request has the kind 0, which is NFT_MSG_NEWTABLE.
        public static Question Read(in NetlinkMessage request)
        {
            if (request.Type >> 8 != NFNL_SUBSYS_NFTABLES || request.Body.Length < NFGENMSG_LEN) return default;
            ushort kind = (byte)request.Type;
            ushort nameType = kind switch { NFT_MSG_GETTABLE => NFTA_TABLE_NAME, NFT_MSG_GETCHAIN => NFTA_CHAIN_NAME, _ => 2 };
            string? table = null, name = null;
            AttributeReader attributes = request.Attributes();
            while (attributes.Next())
            {
                if (attributes.Type == NFTA_TABLE_NAME) table = attributes.Text();
                if (attributes.Type == nameType) name = attributes.Text();
            }

            return new(kind, request.Body[0], table, name);
        }

        /// <summary>True when the table, and its family, are named, or left open.</summary>
        public bool IsOf(TableName table) =>
            (Table is null || Table == table.Name) && (Family == (byte)NetfilterFamily.Unspecified || Family == (byte)table.Family);

        public bool Asks(FramePart part, TableName table) => IsOf(table) && (Name is null || Name == part.Name);
    }
}
