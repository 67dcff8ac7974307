using System.Runtime.InteropServices;
using static RateWall.Netfilter.KernelHeaders;

namespace RateWall.Netfilter;

/// <summary>Reads one message of an answer.</summary>
internal delegate void AnswerReader(in NetlinkMessage message);

/// <summary>A request not yet numbered; flags and sequence number are filled in when it is sent.</summary>
internal readonly record struct MessageBytes(byte[] Buffer, int Length);

/// <summary>Questions and their answers on a netlink socket, one after the other. Not thread-safe.</summary>
internal sealed class NetlinkExchange(NetlinkSocket socket)
{
    private bool unread;

    /// <summary>Asks for one thing, or for something to be done; the kernel's acknowledgement marks the end.</summary>
    public Acknowledgement Ask(string operation, MessageBytes request, ushort answerType, AnswerReader reader)
    {
        uint sequence = Send(operation, request, NLM_F_REQUEST | NLM_F_ACK);
        while (socket.TryReceive(operation, out ReadOnlySpan<byte> datagram, out bool overrun))
        {
            if (overrun) throw KernelError.Refused(operation, ENOBUFS);
            while (Take(operation, ref datagram, sequence, out NetlinkMessage message))
            {
                if (message.Type == NLMSG_ERROR) return End(operation, message);
                if (message.Type == answerType) reader(message);
            }
        }

        throw new NetfilterException(operation, EIO, "the kernel gave no answer");
    }

    /// <summary>Asks for everything of a kind. An inconsistent dump counts as interrupted and is begun again.</summary>
    public void Dump(string operation, MessageBytes request, ushort answerType, AnswerReader reader)
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
                    Acknowledgement end = End(operation, message);
                    if (end.Errno != 0) throw KernelError.Refused(operation, end.Errno, end.Text);
                    if (torn) throw Torn(operation);
                    return;
                }

                if (message.Type == NLMSG_OVERRUN) throw KernelError.Refused(operation, ENOBUFS);
                if (message.Type == answerType) reader(message);
            }
        }

        throw new NetfilterException(operation, EIO, "the kernel's answer has no end");
    }

    /// <summary>Asks for several things in one datagram; what is not there (ENOENT) is passed over.</summary>
    public void AskEach(string operation, IReadOnlyList<MessageBytes> requests, ushort answerType, AnswerReader reader)
    {
        if (requests.Count == 0) return;
        uint first = socket.Reserve(requests.Count);
        var datagram = new List<byte>();
        for (int i = 0; i < requests.Count; i++)
        {
            Number(requests[i], NLM_F_REQUEST, first + (uint)i);
            datagram.AddRange(requests[i].Buffer.AsSpan(0, requests[i].Length));
        }

        Begin();
        socket.Send(operation, CollectionsMarshal.AsSpan(datagram));
        int answered = 0;
        while (answered < requests.Count && socket.TryReceive(operation, out ReadOnlySpan<byte> received, out bool overrun))
        {
            if (overrun) throw KernelError.Refused(operation, ENOBUFS);
            string? fault;
            while (NetlinkMessage.TryTake(ref received, out NetlinkMessage message, out fault))
            {
                if (unchecked(message.Sequence - first) >= (uint)requests.Count) continue;
                if (message.Type != NLMSG_ERROR && message.Type != answerType) continue;
                answered++;
                if (message.Type == answerType)
                {
                    reader(message);
                    continue;
                }

                Acknowledgement answer = ReadAcknowledgement(operation, message);
                if (answer.Errno != ENOENT) throw KernelError.Refused(operation, answer.Errno, answer.Text);
            }

            if (fault is not null) throw KernelError.Malformed(operation, fault);
        }

        if (answered < requests.Count) throw new NetfilterException(operation, EIO, $"the kernel answered {answered} of {requests.Count} questions");
        End();
    }

    /// <summary>A dump that somebody's change cut through.</summary>
    public static NetfilterException Torn(string operation) => new(operation, EINTR, "it changed while it was read, again and again");

    /// <summary>Nothing of an earlier exchange that ended with an exception may be taken for an answer to this one.</summary>
    public void Begin()
    {
        if (unread) socket.Drain();
        unread = true;
    }

    /// <summary>Everything the kernel had to say has been read.</summary>
    public void End() => unread = false;

    public static Acknowledgement ReadAcknowledgement(string operation, in NetlinkMessage message)
    {
        Acknowledgement acknowledgement = Acknowledgement.Read(message, out string? fault);
        return fault is null ? acknowledgement : throw KernelError.Malformed(operation, fault);
    }

    private Acknowledgement End(string operation, in NetlinkMessage message)
    {
        End();
        return ReadAcknowledgement(operation, message);
    }

    private uint Send(string operation, MessageBytes request, ushort flags)
    {
        uint sequence = socket.Reserve(1);
        Number(request, flags, sequence);
        Begin();
        socket.Send(operation, request.Buffer.AsSpan(0, request.Length));
        return sequence;
    }

    private static void Number(MessageBytes request, ushort flags, uint sequence)
    {
        Span<byte> header = request.Buffer;
        MemoryMarshal.Write(header[6..], flags);
        MemoryMarshal.Write(header[8..], sequence);
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
