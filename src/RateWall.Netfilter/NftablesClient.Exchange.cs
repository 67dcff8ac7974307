using System.Runtime.InteropServices;
using System.Text;
using static RateWall.Netfilter.KernelHeaders;

namespace RateWall.Netfilter;

/// <content>Questions and their answers on the socket.</content>
public sealed partial class NftablesClient
{
    private delegate void RequestWriter(ref MessageWriter writer);

    /// <summary>A request not yet numbered; flags and sequence number are filled in when it is sent.</summary>
    private readonly record struct MessageBytes(byte[] Buffer, int Length);

    /// <summary>
    /// A request about a table. The table's name is attribute 1 in every enum of nf_tables.h (NFTA_TABLE_NAME,
    /// NFTA_CHAIN_TABLE, NFTA_SET_TABLE, NFTA_SET_ELEM_LIST_TABLE, NFTA_OBJ_TABLE); without a name none is written.
    /// </summary>
    private static MessageBytes Request(ushort operation, TableName table, RequestWriter? more = null)
    {
        byte[] buffer = new byte[1024];
        var writer = new MessageWriter(buffer);
        int message = writer.BeginMessage(NfTables(operation), NLM_F_REQUEST, 0, table.Family);
        if (table.Name is { } name)
        {
            MustBeName(name);
            writer.Text(NFTA_TABLE_NAME, name);
        }

        more?.Invoke(ref writer);
        writer.EndMessage(message);
        return writer.Overflowed
            ? throw new NetfilterException("write a request to nf_tables", EMSGSIZE, $"it is longer than {buffer.Length} bytes")
            : new(buffer, writer.Length);
    }

    private static void MustBeName(string name)
    {
        int length = Encoding.UTF8.GetByteCount(name);
        if (length is 0 or >= NFT_NAME_MAXLEN || name.Contains('\0', StringComparison.Ordinal))
            throw new NetfilterException("name a table or a set", EINVAL, $"a name has 1 to {NFT_NAME_MAXLEN - 1} bytes and no NUL, this one has {length}");
    }

    /// <summary>Asks for one thing; the kernel's acknowledgement after the answer marks its end.</summary>
    private Acknowledgement Ask(string operation, MessageBytes request, ushort answerType, AnswerReader reader)
    {
        uint sequence = Send(operation, request, NLM_F_REQUEST | NLM_F_ACK);
        while (socket.TryReceive(operation, out ReadOnlySpan<byte> datagram, out bool overrun))
        {
            if (overrun) throw KernelError.Refused(operation, ENOBUFS);
            while (Take(operation, ref datagram, sequence, out NetlinkMessage message))
            {
                if (message.Type == NLMSG_ERROR) return End(operation, message);
                if (message.Type == NfTables(answerType)) reader(message);
            }
        }

        throw new NetfilterException(operation, EIO, "the kernel gave no answer");
    }

    /// <summary>Asks for everything of a kind. An inconsistent dump counts as interrupted and is begun again.</summary>
    private void Dump(string operation, MessageBytes request, ushort answerType, AnswerReader reader)
    {
        uint sequence = Send(operation, request, NLM_F_REQUEST | NLM_F_DUMP);
        bool torn = false;
        while (socket.TryReceive(operation, out ReadOnlySpan<byte> datagram, out bool overrun))
        {
            if (overrun) throw KernelError.Refused(operation, ENOBUFS);
            while (Take(operation, ref datagram, sequence, out NetlinkMessage message))
            {
                torn |= (message.Flags & NLM_F_DUMP_INTR) != 0;
                if (message.Type is NLMSG_ERROR or NLMSG_DONE)
                {
                    MustSucceed(operation, End(operation, message));
                    if (torn) throw Torn(operation);
                    return;
                }

                if (message.Type == NLMSG_OVERRUN) throw KernelError.Refused(operation, ENOBUFS);
                if (message.Type == NfTables(answerType)) reader(message);
            }
        }

        throw new NetfilterException(operation, EIO, "the kernel's answer has no end");
    }

    private static NetfilterException Torn(string operation) => new(operation, EINTR, "it changed while it was read, again and again");

    private uint Send(string operation, MessageBytes request, ushort flags)
    {
        uint sequence = socket.Reserve(1);
        Span<byte> header = request.Buffer;
        MemoryMarshal.Write(header[6..], flags);
        MemoryMarshal.Write(header[8..], sequence);
        Begin();
        socket.Send(operation, request.Buffer.AsSpan(0, request.Length));
        return sequence;
    }

    /// <summary>Nothing of an earlier exchange that ended with an exception may be taken for an answer to this one.</summary>
    private void Begin()
    {
        if (unread) socket.Drain();
        unread = true;
    }

    private Acknowledgement End(string operation, in NetlinkMessage message)
    {
        unread = false;
        return ReadAcknowledgement(operation, message);
    }

    private static Acknowledgement ReadAcknowledgement(string operation, in NetlinkMessage message)
    {
        Acknowledgement acknowledgement = Acknowledgement.Read(message, out string? fault);
        return fault is null ? acknowledgement : throw KernelError.Malformed(operation, fault);
    }

    /// <summary>The next message that answers the request; others are stale and skipped.</summary>
    private static bool Take(string operation, ref ReadOnlySpan<byte> datagram, uint sequence, out NetlinkMessage message)
    {
        string? fault;
        while (NetlinkMessage.TryTake(ref datagram, out message, out fault))
        {
            if (message.Sequence == sequence && message.Type != NLMSG_NOOP) return true;
        }

        return fault is null ? false : throw KernelError.Malformed(operation, fault);
    }
}
