using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using static RateWall.Netfilter.KernelHeaders;

namespace RateWall.Netfilter;

/// <summary>A batch that libnftables wrote: which messages it holds, and whether they keep to the one table.</summary>
internal sealed class RulesBatch
{
    /// <summary>What a transaction may be made of, in an operator's words, and where each message says what it is about.</summary>
    private static readonly Dictionary<ushort, (string Verb, ushort Name)> Writes = new()
    {
        [NFT_MSG_NEWTABLE] = ("add table", 0),
        [NFT_MSG_DELTABLE] = ("delete table", 0),
        [NFT_MSG_DESTROYTABLE] = ("delete table", 0),
        [NFT_MSG_NEWCHAIN] = ("add chain", NFTA_CHAIN_NAME),
        [NFT_MSG_DELCHAIN] = ("delete chain", NFTA_CHAIN_NAME),
        [NFT_MSG_DESTROYCHAIN] = ("delete chain", NFTA_CHAIN_NAME),
        [NFT_MSG_NEWRULE] = ("add a rule to chain", NFTA_RULE_CHAIN),
        [NFT_MSG_DELRULE] = ("delete rules of chain", NFTA_RULE_CHAIN),
        [NFT_MSG_DESTROYRULE] = ("delete rules of chain", NFTA_RULE_CHAIN),
        [NFT_MSG_NEWSET] = ("add set", NFTA_SET_NAME),
        [NFT_MSG_DELSET] = ("delete set", NFTA_SET_NAME),
        [NFT_MSG_DESTROYSET] = ("delete set", NFTA_SET_NAME),
        [NFT_MSG_NEWSETELEM] = ("add elements to set", NFTA_SET_ELEM_LIST_SET),
        [NFT_MSG_DELSETELEM] = ("delete elements of set", NFTA_SET_ELEM_LIST_SET),
        [NFT_MSG_DESTROYSETELEM] = ("delete elements of set", NFTA_SET_ELEM_LIST_SET),
        [NFT_MSG_NEWOBJ] = ("add object", NFTA_OBJ_NAME),
        [NFT_MSG_DELOBJ] = ("delete object", NFTA_OBJ_NAME),
        [NFT_MSG_DESTROYOBJ] = ("delete object", NFTA_OBJ_NAME),
        [NFT_MSG_NEWFLOWTABLE] = ("add flow table", NFTA_FLOWTABLE_NAME),
        [NFT_MSG_DELFLOWTABLE] = ("delete flow table", NFTA_FLOWTABLE_NAME),
        [NFT_MSG_DESTROYFLOWTABLE] = ("delete flow table", NFTA_FLOWTABLE_NAME),
    };

    private const int GenerationLength = NLA_HDRLEN + sizeof(uint);
    private readonly byte[] captured;
    private int lastChange = -1;

    private RulesBatch(byte[] captured) => this.captured = captured;

    /// <summary>True when there is nothing to do.</summary>
    public bool IsEmpty => lastChange < 0;

    /// <summary>The first message that is about another table than the one, or about none: its sequence number, and what it would do.</summary>
    public (uint Sequence, string Act)? Foreign { get; private set; }

    /// <summary>True for a datagram that is a batch, not a question.</summary>
    public static bool Begins(ReadOnlySpan<byte> datagram) =>
        datagram.Length >= NLMSG_HDRLEN && MemoryMarshal.Read<ushort>(datagram[4..]) == NFNL_MSG_BATCH_BEGIN;

    /// <summary>Takes over a batch: NFNL_MSG_BATCH_BEGIN, messages, and NFNL_MSG_BATCH_END, which a dry run leaves out.</summary>
    /// <exception cref="NetfilterException">It is none.</exception>
    public static RulesBatch Read(byte[] captured, TableName table)
    {
        var batch = new RulesBatch(captured);
        ReadOnlySpan<byte> rest = captured;
        bool begun = false, ended = false;
        string? fault;
        while (NetlinkMessage.TryTake(ref rest, out NetlinkMessage message, out fault))
        {
            bool sound = message.Body.Length >= NFGENMSG_LEN && !ended && begun == (message.Type != NFNL_MSG_BATCH_BEGIN);
            if (!sound) throw Unknown($"message {message.Type} of {message.Whole.Length} bytes is out of place");
            begun = true;
            if (message.Type == NFNL_MSG_BATCH_END) ended = true;
            if (message.Type is NFNL_MSG_BATCH_BEGIN or NFNL_MSG_BATCH_END)
            {
                if (BinaryPrimitives.ReadUInt16BigEndian(message.Body[2..]) != NFNL_SUBSYS_NFTABLES) throw Unknown("it is for another subsystem than nf_tables");
                continue;
            }

            batch.lastChange = captured.Length - rest.Length - Align(message.Whole.Length);
            if (!IsOf(message, table)) batch.Foreign ??= (message.Sequence, Describe(message));
        }

        return fault is null && begun ? batch : throw Unknown(fault ?? "it has no beginning");
    }

    /// <summary>
    /// The batch as it goes to the kernel: with the generation in which the table was read (NFNL_BATCH_GENID), so that it is
    /// refused when anybody has committed since, and with the last change asking for an acknowledgement, so that silence cannot be
    /// taken for success.
    /// </summary>
    public byte[] For(uint generation)
    {
        if (Foreign is not null || IsEmpty) throw new InvalidOperationException("only what changes the one table is sent");
        const int beginLength = NLMSG_HDRLEN + NFGENMSG_LEN;
        byte[] bytes = new byte[captured.Length + GenerationLength];
        captured.AsSpan(0, beginLength).CopyTo(bytes);
        captured.AsSpan(beginLength).CopyTo(bytes.AsSpan(beginLength + GenerationLength));
        MemoryMarshal.Write(bytes, (uint)(beginLength + GenerationLength));
        var writer = new MessageWriter(bytes.AsSpan(beginLength, GenerationLength));
        writer.U32(NFNL_BATCH_GENID, generation);
        Span<byte> flags = bytes.AsSpan(lastChange + GenerationLength + 6);
        MemoryMarshal.Write(flags, (ushort)(MemoryMarshal.Read<ushort>(flags) | NLM_F_ACK));
        return bytes;
    }

    /// <summary>What a refused message was about: "add set ban4". Several may share a number; then length and kind tell.</summary>
    /// <param name="header">The refused message's header, as the kernel repeats it.</param>
    public string? ActOf(ReadOnlySpan<byte> header)
    {
        ReadOnlySpan<byte> rest = captured;
        while (NetlinkMessage.TryTake(ref rest, out NetlinkMessage message, out _))
        {
            bool same = message.Sequence == MemoryMarshal.Read<uint>(header[8..]) && message.Type == MemoryMarshal.Read<ushort>(header[4..])
                && message.Whole.Length == MemoryMarshal.Read<int>(header);
            if (same && message.Type is not NFNL_MSG_BATCH_BEGIN and not NFNL_MSG_BATCH_END) return Describe(message);
        }

        return null;
    }

    // The kernel takes the last of several attributes of a kind; here all must be right.
    private static bool IsOf(in NetlinkMessage message, TableName table)
    {
        if (message.Type >> 8 != NFNL_SUBSYS_NFTABLES || !Writes.ContainsKey((byte)message.Type) || message.Body[0] != (byte)table.Family) return false;
        byte[] name = Encoding.UTF8.GetBytes(table.Name);
        bool named = false;
        AttributeReader attributes = message.Attributes();
        while (attributes.Next())
        {
            if (attributes.Type != NFTA_TABLE_NAME) continue;
            named = true;
            ReadOnlySpan<byte> payload = attributes.Payload is [.. var text, 0] ? text : attributes.Payload;
            if (!payload.SequenceEqual(name)) return false;
        }

        return named && attributes.Fault is null;
    }

    private static string Describe(in NetlinkMessage message)
    {
        if (message.Type >> 8 != NFNL_SUBSYS_NFTABLES || !Writes.TryGetValue((byte)message.Type, out (string Verb, ushort Name) act))
            return $"message {message.Type}";
        string table = "", name = "";
        AttributeReader attributes = message.Attributes();
        while (attributes.Next())
        {
            if (attributes.Type == NFTA_TABLE_NAME) table = attributes.Text();
            else if (act.Name != 0 && attributes.Type == act.Name) name = attributes.Text();
        }

        var owner = new TableName((NetfilterFamily)message.Body[0], table);
        return act.Name == 0
            ? table.Length == 0 ? $"{act.Verb}s of every name" : $"{act.Verb} {owner}"
            : $"{act.Verb} {(name.Length == 0 ? "of every name" : name)} in {owner}";
    }

    private static NetfilterException Unknown(string fault) => new("nftables", EBADMSG, $"libnftables wrote a batch that cannot be read: {fault}");
}
