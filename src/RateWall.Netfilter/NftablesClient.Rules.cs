using static RateWall.Netfilter.KernelHeaders;

namespace RateWall.Netfilter;

/// <summary>A message of a batch that the kernel refused.</summary>
/// <param name="Message">The kernel's NLMSG_ERROR, whole.</param>
/// <param name="Answer">What it says.</param>
internal readonly record struct RefusedMessage(byte[] Message, Acknowledgement Answer)
{
    /// <summary>The header of the message that was refused; empty when the kernel did not repeat it.</summary>
    public ReadOnlySpan<byte> Header => Message.Length >= NLMSG_HDRLEN + sizeof(int) + NLMSG_HDRLEN ? Message.AsSpan(NLMSG_HDRLEN + sizeof(int), NLMSG_HDRLEN) : default;
}

/// <content>Sending batches that libnftables wrote.</content>
public sealed partial class NftablesClient
{
    /// <summary>A batch may be refused message by message; an operator wants to see the first.</summary>
    private const int RefusalsKept = 20;

    /// <summary>Runs something as every request is run: again, as long as its failure passes by itself.</summary>
    internal T Retry<T>(Func<T> once) => retry.Execute(once);

    /// <summary>Sends a batch.</summary>
    /// <returns>What the kernel refused; empty: it has all been done, or, without an end, found right.</returns>
    /// <exception cref="NetfilterException">Somebody committed after that generation, among others; nothing was done.</exception>
    internal IReadOnlyList<RefusedMessage> Send(string operation, RulesBatch batch, uint generation)
    {
        exchange.Begin();
        socket.Send(operation, batch.For(generation));
        var refused = new List<RefusedMessage>();
        bool acknowledged = false, overrun = false;
        while (socket.TryReceive(operation, out ReadOnlySpan<byte> datagram, out bool lost))
        {
            overrun |= lost;
            string? fault;
            while (NetlinkMessage.TryTake(ref datagram, out NetlinkMessage message, out fault))
            {
                if (message.Type != NLMSG_ERROR) continue;
                Acknowledgement answer = NetlinkExchange.ReadAcknowledgement(operation, message);
                if (answer.Errno == 0) acknowledged = true;
                else if (refused.Count < RefusalsKept) refused.Add(new(message.Whole.ToArray(), answer));
            }

            if (fault is not null) throw KernelError.Malformed(operation, fault);
        }

        exchange.End();
        shapesGeneration = null;
        if (refused.Find(r => KernelError.IsTransient(r.Answer.Errno)) is { Message: not null } passing)
            throw KernelError.Refused(operation, passing.Answer.Errno, passing.Answer.Text);
        if (refused.Count == 0 && !acknowledged) throw Unanswered(operation, generation, overrun);
        return refused;
    }

    /// <summary>An answer was lost. Where the generation has not moved, nothing was committed, and asking again is right.</summary>
    private NetfilterException Unanswered(string operation, uint generation, bool overrun) => ReadGeneration() == generation
        ? KernelError.Refused(operation, ENOBUFS)
        : new NetfilterException(operation, EIO, overrun
            ? "the kernel's answer was lost (ENOBUFS): it may or may not have been committed"
            : "the kernel gave no answer: it may or may not have been committed");
}
