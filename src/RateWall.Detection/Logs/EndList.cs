using System.Numerics;
using System.Runtime.CompilerServices;

namespace RateWall.Detection.Logs;

/// <summary>
/// The templates whose beginning ends at the same place, and which of them a message is worth trying: that can end as it
/// does, and whose next segment stands somewhere behind the beginning.
/// </summary>
internal sealed class EndList
{
    /// <summary>The most templates of a list: a bit for each.</summary>
    public const int Most = 64;

    private const ulong Unknown = ulong.MaxValue;

    // Fewer are tried as quickly.
    private const int ManyOf = 3;

    // One more than there are bytes, for the message that has none.
    private readonly ulong[] byLastByte = new ulong[257];
    private readonly ulong withoutPreauth;
    private readonly Second[] seconds;
    private readonly Candidate[] all;
    // By the other's number.
    private readonly ulong[] notMoot;

    /// <param name="entries">The templates' numbers, in order, at most <see cref="Most"/>.</param>
    /// <param name="all">The templates.</param>
    public EndList(int[] entries, Candidate[] all)
    {
        Entries = entries;
        this.all = all;
        notMoot = new ulong[all.Length];
        Array.Fill(notMoot, Unknown);
        Dictionary<int, List<PieceSequence>> byFirstByte = [];
        for (int i = 0; i < entries.Length; i++)
        {
            Template template = all[entries[i]].Template;
            if (!all[entries[i]].Rule.NeedsPreauth) withoutPreauth |= 1UL << i;
            for (int last = 0; last < byLastByte.Length; last++)
                if (template.CanEnd(last)) byLastByte[last] |= 1UL << i;
            if (template.SecondSegment is not { FirstLiteral.Length: > 0 } second) continue;
            byte first = second.FirstLiteral[0];
            if (!byFirstByte.TryGetValue(first, out List<PieceSequence>? same)) byFirstByte[first] = same = [];
            same.Add(new(i, second.Pieces, template.EndsWithSecond));
        }

        seconds = [.. byFirstByte.Values.Select(same => new Second(same))];
    }

    /// <summary>The templates' numbers, in order.</summary>
    public int[] Entries { get; }

    /// <summary>A bit for each template that can end as a message does.</summary>
    /// <param name="last">The message's last byte; 256: it is empty.</param>
    /// <param name="preauth">True when sshd marked it so.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ulong CanEnd(int last, bool preauth) => byLastByte[last] & (preauth ? ulong.MaxValue : withoutPreauth);

    /// <summary>The bits of the templates that are worth trying.</summary>
    /// <param name="message">The message; see <see cref="Scan.Readable"/>.</param>
    /// <param name="from">Where the beginning ends.</param>
    /// <param name="open">The bits of those that are asked about.</param>
    /// <param name="bounds">The message's words.</param>
    public ulong WorthTrying(ReadOnlySpan<byte> message, int from, ulong open, ref Boundaries bounds)
    {
        foreach (Second second in seconds)
            if (BitOperations.PopCount(open & second.All) >= ManyOf) open &= ~second.All | second.Stand(message, from, ref bounds, open);
        return open;
    }

    /// <summary>The bits of the templates that can change what another one found, and whose turn comes after it.</summary>
    /// <param name="taken">The other's number.</param>
    public ulong NotMoot(int taken)
    {
        if (notMoot[taken] is var known && known != Unknown) return known;
        ulong found = 0;
        for (int i = 0; i < Entries.Length; i++)
        {
            Candidate own = all[Entries[i]], other = all[taken];
            if (Entries[i] > taken && !own.Template.IsMootBeside(other.Template, ReferenceEquals(own.Rule, other.Rule))) found |= 1UL << i;
        }

        return notMoot[taken] = found;
    }

    // Segments that follow the first free hole and begin with the same byte.
    private sealed class Second
    {
        private readonly Literal key;
        private readonly PieceTree tree;
        private readonly ulong[] bits;
        private readonly ulong[] lastBits;

        public Second(List<PieceSequence> same)
        {
            // What is looked for is two bytes where all have them.
            byte[] first = same[0].Pieces[0].Literal;
            bool two = first.Length > 1 && same.TrueForAll(s => s.Pieces[0].Literal is [_, var second, ..] && second == first[1]);
            key = new(first[..(two ? 2 : 1)]);
            tree = PieceTreeBuilder.Build(same, Most, out int[][] ends);
            bits = new ulong[ends.Length];
            lastBits = new ulong[ends.Length];
            foreach (PieceSequence sequence in same)
            {
                int end = Array.FindIndex(ends, e => Array.IndexOf(e, sequence.Number) >= 0);
                (sequence.IsLast ? lastBits : bits)[end] |= 1UL << sequence.Number;
                All |= 1UL << sequence.Number;
            }
        }

        /// <summary>A bit for each template that has a segment here.</summary>
        public ulong All { get; }

        /// <summary>A bit for each whose segment stands somewhere.</summary>
        [SkipLocalsInit]
        public ulong Stand(ReadOnlySpan<byte> message, int from, ref Boundaries bounds, ulong wanted)
        {
            Unsafe.SkipInit(out ReachedEnds reached);
            ulong found = 0;
            wanted &= All;
            int last = message.Length - key.Length;
            for (int at = from; at <= last; at += Scan.Width)
            {
                for (uint places = Scan.Places(message, at, key); places != 0; places &= places - 1)
                {
                    int place = at + BitOperations.TrailingZeroCount(places);
                    if (place > last) return found;
                    reached.Count = 0;
                    tree.Walk(tree.Root, message, place, ref bounds, ref reached);
                    if (reached.Count > ReachedEnds.Max) return All;
                    for (int i = 0; i < reached.Count; i++)
                    {
                        ref ReachedEnd end = ref reached.Ends[i];
                        found |= bits[end.Number] | (end.At == message.Length ? lastBits[end.Number] : 0);
                    }

                    if ((wanted & ~found) == 0) return found;
                }
            }

            return found;
        }
    }
}
