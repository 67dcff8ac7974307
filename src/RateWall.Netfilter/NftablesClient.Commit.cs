using static RateWall.Netfilter.KernelHeaders;

namespace RateWall.Netfilter;

/// <content>Changing set elements.</content>
public sealed partial class NftablesClient
{
    /// <summary>Writing more changes than this takes long enough for somebody else's commit to be likely meanwhile.</summary>
    private const int QuicklyWritten = 256;

    /// <summary>Commits the changes, in order, as one batch: all of them or none.</summary>
    /// <remarks>
    /// The batch names the generation in which the sets' kinds were read, so that a set declared anew by somebody else meanwhile
    /// is never written in the wrong form: the kernel then answers ERESTART, and the batch is made again. A thousand to ten
    /// thousand changes a call are fastest; an empty list does nothing.
    /// </remarks>
    /// <exception cref="NetfilterException">The kernel refused; <see cref="NetfilterException.ChangeIndex"/> says which.</exception>
    public void Commit(TableName table, IReadOnlyList<ElementChange> changes)
    {
        if (changes.Count == 0) return;
        retry.Execute(() =>
        {
            // An old kernel tells no offset inside a message. With a message for every change the answer names it anyway, and
            // asking again is safe because the refused batch changed nothing.
            if (!TryCommit(table, changes, packed: true)) TryCommit(table, changes, packed: false);
        });
    }

    /// <returns>False when the kernel refused a message of several changes and did not say which.</returns>
    private bool TryCommit(TableName table, IReadOnlyList<ElementChange> changes, bool packed)
    {
        // What is known is known of a generation. No need to ask whether it is still that one: the kernel compares.
        uint generation = shapesGeneration ?? AgreeOnGeneration();
        Dictionary<string, SetShape> known = DescribeAll(table, changes, generation);
        uint firstSequence = socket.Reserve(ElementBatch.SequencesFor(changes.Count));
        ElementBatch batch = ElementBatch.Write(table, changes, known, generation, firstSequence, packed);

        if (changes.Count > QuicklyWritten) generation = CatchUp(table, batch, known, generation);

        string operation = changes.Count == 1
            ? $"{ElementBatch.Phrase(changes[0], known[changes[0].Set])} in {table}"
            : $"commit {changes.Count} changes in {table}";
        exchange.Begin();
        socket.Send(operation, batch.Bytes);
        (uint Sequence, Acknowledgement Answer)? refusal = ReadVerdict(operation, batch, generation);
        if (refusal is not { } refused)
        {
            Committed(changes, generation);
            return true;
        }

        if (refused.Answer.Errno == ERESTART) shapesGeneration = null;
        int? index = batch.ChangeAt(refused.Sequence, refused.Answer.Offset);
        if (index is null && packed && batch.IsPacked && refused.Sequence != batch.FirstSequence) return false;
        if (index is { } i) operation = $"{ElementBatch.Phrase(changes[i], known[changes[i].Set])} in {table}";
        throw KernelError.Refused(operation, refused.Answer.Errno, refused.Answer.Text, index);
    }

    /// <summary>Reads all the kernel has to say of a batch. The first refusal counts; the kernel went on to look for more.</summary>
    private (uint Sequence, Acknowledgement Answer)? ReadVerdict(string operation, ElementBatch batch, uint generation)
    {
        (uint, Acknowledgement)? refusal = null;
        bool acknowledged = false, overrun = false;
        while (socket.TryReceive(operation, out ReadOnlySpan<byte> datagram, out bool lost))
        {
            overrun |= lost;
            string? fault;
            while (NetlinkMessage.TryTake(ref datagram, out NetlinkMessage message, out fault))
            {
                uint index = unchecked(message.Sequence - batch.FirstSequence);
                if (message.Type != NLMSG_ERROR || index > unchecked(batch.LastSequence - batch.FirstSequence)) continue;
                Acknowledgement answer = NetlinkExchange.ReadAcknowledgement(operation, message);
                if (answer.Errno != 0) refusal ??= (message.Sequence, answer);
                else acknowledged |= message.Sequence == batch.LastSequence;
            }

            if (fault is not null) throw KernelError.Malformed(operation, fault);
        }

        exchange.End();
        if (refusal is not null || acknowledged) return refusal;

        throw Unanswered(operation, generation, overrun);
    }

    /// <summary>Moves a batch that took long to write to the generation of now, if the sets are still of the same kinds.</summary>
    private uint CatchUp(TableName table, ElementBatch batch, Dictionary<string, SetShape> known, uint generation)
    {
        uint now = AgreeOnGeneration();
        if (now == generation) return now;
        foreach ((string set, SetShape shape) in known)
        {
            SetShape again = Describe(table, set, now);
            if (again.Form != shape.Form || again.KeyLength != shape.KeyLength) throw KernelError.Refused($"commit to {set} in {table}", ERESTART);
        }

        batch.MoveTo(now);
        return now;
    }

    private Dictionary<string, SetShape> DescribeAll(TableName table, IReadOnlyList<ElementChange> changes, uint generation)
    {
        var known = new Dictionary<string, SetShape>(StringComparer.Ordinal);
        for (int i = 0; i < changes.Count; i++)
        {
            ElementChange change = changes[i];
            if (known.ContainsKey(change.Set)) continue;
            try
            {
                known.Add(change.Set, Describe(table, change.Set, generation));
            }
            catch (NetfilterException e) when (e.IsNotFound)
            {
                throw KernelError.Refused($"{ElementBatch.Phrase(change, null)} in {table}", e.Errno, "no such table or set", i);
            }
        }

        return known;
    }

    /// <summary>
    /// What is known of the sets stays good after an own commit: elements change no set's kind. A batch with a deletion
    /// surely was a transaction, and the generation moved by exactly one; one of additions alone may have been none
    /// (everything was there already), so then the next commit asks.
    /// </summary>
    private void Committed(IReadOnlyList<ElementChange> changes, uint generation)
    {
        bool moved = changes.Any(c => c.Operation == ElementOperation.Delete);
        shapesGeneration = !moved ? null : generation == uint.MaxValue ? 1 : generation + 1; // the kernel skips 0
    }
}
