using System.Runtime.InteropServices;
using static RateWall.Netfilter.KernelHeaders;

namespace RateWall.Netfilter;

/// <summary>How libnftables prints a listing (nftables/libnftables.h, NFT_CTX_OUTPUT_*).</summary>
[Flags]
public enum NftListing
{
    /// <summary>As nft prints it.</summary>
    Plain = 0,

    /// <summary>Without counters and element timeouts (nft -s).</summary>
    Stateless = 1,

    /// <summary>Without the elements of sets (nft -t).</summary>
    Terse = 2,
}

/// <summary>
/// The nftables project's own library, for one table: rules text in, listing out. One transaction a call. Not thread-safe.
/// </summary>
/// <remarks>
/// The library alone would ask the kernel for the names of everybody's tables, chains, sets and counters. So it is not given a way
/// to the kernel: what it asks is answered from what was read of the one table, and the transaction it writes is sent from here, once
/// each message of it has been found to be about that table. The library is a translator both ways: when the kernel refuses, the
/// same text is translated once more, with the kernel's answers, to have them told in its words, with line and column.
/// </remarks>
/// <param name="kernel">The way to the kernel; the caller's, and not to be used by others during a call.</param>
/// <param name="table">The only table that is read and changed.</param>
public sealed class LibNftables(NftablesClient kernel, TableName table)
{
    private const string Operation = "nftables";

    /// <summary>libnftables keeps the generation of the ruleset that it reads in a variable of all contexts (mnl.c, nft_genid).</summary>
    private static readonly Lock OneAtATime = new();

    /// <summary>See <see cref="SocketPair"/>.</summary>
    private const string TooLong = "One transaction of rules cannot be longer than 4 MB: some 100,000 elements.";

    /// <summary>Errors libnftables passes on as strerror text only, which a caller may have to tell apart.</summary>
    private static readonly int[] Recognized = [EPERM, EACCES, ENOENT, EEXIST, EBUSY, ENOTEMPTY, EOPNOTSUPP, ENFILE];

    /// <summary>Runs commands as one transaction and gives back what they print.</summary>
    /// <param name="commands">Text in the nft language.</param>
    /// <param name="listing">How listings are printed.</param>
    /// <param name="checkOnly">True: the kernel validates, nothing changes (nft -c).</param>
    /// <param name="chains">Names of chains that are probably there; see <see cref="NftablesClient.DescribeFrame"/>.</param>
    /// <exception cref="NetfilterException">
    /// Refused; the text carries libnftables' messages, each with the line and columns it is about ("rules:2:5-9: Error: ..."), and
    /// what the kernel said of which message. Commands that are about another table are refused before anything is sent.
    /// </exception>
    public string Run(string commands, NftListing listing = NftListing.Plain, bool checkOnly = false, IReadOnlyCollection<string>? chains = null)
    {
        ArgumentNullException.ThrowIfNull(commands);
        if (commands.Contains('\0', StringComparison.Ordinal)) throw new NetfilterException(Operation, EINVAL, "a NUL in the commands");
        Translation? made = null;
        return kernel.Retry(() =>
        {
            TableFrame frame = kernel.ReadFrame(table, chains ?? []);
            // Who commits to other tables all the time must not keep this from its end: what was translated stays right.
            if (made is null || !made.HoldsFor(frame, kernel)) made = Translate(frame, commands, listing, checkOnly);
            if (made.Result != 0) throw Refused(Operation, made.IsTooLong ? $"{made.Errors}\n{TooLong}" : made.Errors);
            if (made.Batch is not { IsEmpty: false } batch) return made.Output;
            if (batch.Foreign is { } foreign) throw NotOurs(made, foreign, commands, checkOnly);
            IReadOnlyList<RefusedMessage> refused = kernel.Send(Operation, batch, frame.Generation);
            return refused.Count == 0 ? made.Output : throw Explained(made, batch, refused, commands, checkOnly);
        });
    }

    /// <summary>libnftables gives text only; the errno is found by what the same libc calls it, in whatever language that is.</summary>
    internal static NetfilterException Refused(string operation, string errors)
    {
        string text = errors.Trim();
        return Refused(operation, Array.Find(Recognized, e => text.Contains(Marshal.GetPInvokeErrorMessage(e), StringComparison.Ordinal)), text);
    }

    private static NetfilterException Refused(string operation, int errno, string text) => new(operation, errno, errno switch
    {
        EPERM or EACCES => $"Operation not permitted (CAP_NET_ADMIN is needed)\n{text}",
        EOPNOTSUPP => $"this kernel's nf_tables lacks something that was asked for\n{text}",
        _ when text.Length == 0 => "refused without a message",
        _ => text,
    });

    private Translation Translate(
        TableFrame frame, string commands, NftListing listing, bool checkOnly, int questions = -1, IReadOnlyList<byte[]>? answers = null)
    {
        lock (OneAtATime) return TranslateAlone(frame, commands, listing, checkOnly, questions, answers);
    }

    private Translation TranslateAlone(
        TableFrame frame, string commands, NftListing listing, bool checkOnly, int questions, IReadOnlyList<byte[]>? answers)
    {
        using SocketPair pair = SocketPair.Open();
        var kernelSide = new KernelStandIn(pair, kernel, frame, bare: listing.HasFlag(NftListing.Terse));
        if (answers is not null) kernelSide.Preload(questions, answers);
        int result;
        string output, errors;
        Task served;
        using (NftContext context = NftContext.Open(pair.Far))
        {
            // From here on the context has the only copy: when it is closed, the other side sees the end.
            pair.Far.Dispose();
            served = Task.Factory.StartNew(
                () =>
                {
                    // Whatever goes wrong on this side, the library must not wait for an answer for ever.
                    using (pair.Near) kernelSide.Serve();
                },
                CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
            (result, output, errors) = context.Run(commands, listing, checkOnly);
        }

        // What went wrong on this side is the cause of whatever the library says.
        served.GetAwaiter().GetResult();
        return new(frame, result, output, errors, kernelSide.Batch, kernelSide.Questions, kernelSide.Told);
    }

    private NetfilterException Explained(Translation made, RulesBatch batch, IReadOnlyList<RefusedMessage> refused, string commands, bool checkOnly)
    {
        var text = new System.Text.StringBuilder(Told(made, commands, checkOnly, [.. refused.Select(r => r.Message)]));
        foreach (RefusedMessage one in refused)
        {
            string act = batch.ActOf(one.Header) ?? "the whole transaction";
            text.Append(text.Length == 0 ? "" : "\n").Append(act).Append(": ").Append(KernelError.Refused(Operation, one.Answer.Errno, one.Answer.Text).Detail);
        }

        return Refused(Operation, refused[0].Answer.Errno, text.ToString());
    }

    /// <summary>
    /// What libnftables says of answers to its batch. It looks for them once, without waiting, and may be quicker than they are: then
    /// it takes all for well, and is asked again.
    /// </summary>
    private string Told(Translation made, string commands, bool checkOnly, IReadOnlyList<byte[]> answers)
    {
        const int tries = 20;
        for (int i = 0; i < tries; i++)
        {
            Translation told = Translate(made.Frame, commands, NftListing.Plain, checkOnly, made.Questions, answers);
            if (told.Result != 0) return told.Errors.Trim();
        }

        return "";
    }

    /// <summary>Commands of another table, told in libnftables' way as if the kernel had refused them.</summary>
    private NetfilterException NotOurs(Translation made, (uint Sequence, string Act) foreign, string commands, bool checkOnly)
    {
        byte[] answer = new byte[NLMSG_HDRLEN + sizeof(int) + NLMSG_HDRLEN];
        MemoryMarshal.Write(answer.AsSpan(), (uint)answer.Length);
        MemoryMarshal.Write(answer.AsSpan(4), NLMSG_ERROR);
        MemoryMarshal.Write(answer.AsSpan(6), NLM_F_CAPPED);
        MemoryMarshal.Write(answer.AsSpan(8), foreign.Sequence);
        MemoryMarshal.Write(answer.AsSpan(NLMSG_HDRLEN), -EXDEV);
        string said = Told(made, commands, checkOnly, [answer]);
        string reason = $"only {table} may be changed here, and this would {foreign.Act}";
        string placed = said.Replace($"Could not process rule: {Marshal.GetPInvokeErrorMessage(EXDEV)}", reason, StringComparison.Ordinal);
        return new(Operation, EXDEV, placed.Contains(reason, StringComparison.Ordinal) ? placed : reason);
    }

    /// <summary>What libnftables made of a text over a frame.</summary>
    private sealed record Translation(TableFrame Frame, int Result, string Output, string Errors, RulesBatch? Batch, int Questions, IReadOnlyDictionary<string, ulong> Told)
    {
        /// <summary>True when libnftables could not hand its transaction over: no room, or none in one piece.</summary>
        public bool IsTooLong => Batch is null
            && ((int[])[EMSGSIZE, ENOBUFS]).Any(e => Errors.Contains(Marshal.GetPInvokeErrorMessage(e), StringComparison.Ordinal));

        /// <summary>True when the same text means the same over another frame.</summary>
        public bool HoldsFor(TableFrame now, NftablesClient kernel) => now.Generation == Frame.Generation
            || (now.IsLike(Frame) && Told.All(set => kernel.DumpElements(now.Name, set.Key) == set.Value));
    }
}
