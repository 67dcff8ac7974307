using System.Numerics;
using System.Runtime.CompilerServices;

namespace RateWall.Detection.Logs;

/// <summary>
/// The templates of a <see cref="RuleTree"/>. Every one of them that matches has a say, because a line that can be read in
/// two ways is in doubt; what cannot change the answer any more is not tried.
/// </summary>
internal sealed class Candidates
{
    // Signs and tails beyond these are left to the templates themselves.
    private const int MaxShared = 64;

    private readonly Entry[] entries;
    private readonly int[][] ends;
    private readonly EndList?[] lists;
    private readonly Candidate[] all;
    private readonly Literal[] signs;

    /// <param name="all">The templates, in the file's order.</param>
    /// <param name="ends">For each end of the tree the templates whose beginning it is, in the same order.</param>
    public Candidates(Candidate[] all, int[][] ends)
    {
        this.ends = ends;
        this.all = all;
        lists = new EndList[ends.Length];
        Dictionary<string, Sign> known = [];
        Dictionary<string, int> tails = [];
        foreach (Candidate candidate in all)
            foreach (byte[] literal in candidate.Template.Signs) SignOf(literal).Uses++;
        // Those that many templates have save the most.
        Sign[] shared = [.. known.Values];
        Array.Sort(shared, (a, b) => b.Uses != a.Uses ? b.Uses.CompareTo(a.Uses) : a.Place.CompareTo(b.Place));
        if (shared.Length > MaxShared) shared = shared[..MaxShared];
        signs = new Literal[shared.Length];
        for (int i = 0; i < shared.Length; i++)
        {
            signs[i] = new(shared[i].Literal);
            shared[i].Bit = 1UL << i;
        }

        entries = new Entry[all.Length];
        for (int i = 0; i < all.Length; i++)
        {
            ulong needs = 0;
            foreach (byte[] literal in all[i].Template.Signs) needs |= SignOf(literal).Bit;
            entries[i] = new(all[i].Rule, all[i].Template, TailOf(all[i].Template), needs);
        }

        Sign SignOf(byte[] literal)
        {
            string text = System.Text.Encoding.Latin1.GetString(literal);
            if (!known.TryGetValue(text, out Sign? sign)) known[text] = sign = new(literal, known.Count);
            return sign;
        }

        int TailOf(Template template)
        {
            if (template.Tail is not { } tail) return -1;
            if (!tails.TryGetValue(tail, out int number)) tails[tail] = number = tails.Count;
            return number < MaxShared ? number : -1;
        }
    }

    /// <summary>The first that matches, with what the others say about its source; the answer is the number of the template that was taken, or -1.</summary>
    public int Match(ReadOnlySpan<byte> message, bool preauth, ref Boundaries bounds, ref ReachedEnds reached, ref RuleMatch result)
    {
        EndList? alone = null;
        int last = message.IsEmpty ? 256 : message[^1];
        if (reached.Count == 1)
        {
            ref ReachedEnd only = ref reached.Ends[0];
            alone = ListOf(only.Number);
            only.Open = alone.WorthTrying(message, only.At, alone.CanEnd(last, preauth), ref bounds);
        }
        else
        {
            OpenAll(ref reached, last, preauth);
        }

        // Bits by sign and by tail: which signs were looked for, which are there, which tails are nowhere.
        ulong asked = 0, present = 0, absent = 0;
        int taken = -1, at = -1;
        while (true)
        {
            ref ReachedEnd end = ref reached.Ends[0];
            if (reached.Count == 1)
            {
                // Nearly always.
                if (end.Open == 0) break;
                at = alone!.Entries[BitOperations.TrailingZeroCount(end.Open)];
                end.Open &= end.Open - 1;
            }
            else
            {
                int next = NextEnd(message, ref bounds, ref reached, ref at);
                if (next < 0) break;
                end = ref reached.Ends[next];
            }

            ref readonly Entry entry = ref entries[at];
            if (end.At < 0 || (entry.Rule.NeedsPreauth && !preauth)) continue;
            int beyond = -1;
            if (taken >= 0)
            {
                ref readonly Entry first = ref entries[taken];
                if (result.Captures.Ambiguous) break;
                bool same = ReferenceEquals(entry.Rule, first.Rule);
                // A rule without a source is not doubted by another, whatever that one finds.
                if (!same && result.Captures.AddressStart < 0) break;
                if (reached.Count > ReachedEnds.Max && entry.Template.IsMootBeside(first.Template, same)) continue;
                // Of two whose last anchor counts, the address farther to the right is taken: see Settle and Doubt.
                if (first.Template.Choice == AnchorChoice.Last && entry.Template.Choice == AnchorChoice.Last) beyond = result.Captures.AddressStart;
            }

            if (entry.Tail >= 0 && (absent >> entry.Tail & 1) != 0) continue;
            if ((entry.Needs & asked & ~present) != 0) continue;
            // A tail is as quickly looked for as its signs.
            if (entry.Template.Tail is null && !HasSigns(message, entry.Needs, ref asked, ref present)) continue;

            Unsafe.SkipInit(out Captures found);
            found.Become(end.Captures);
            if (!entry.Template.MatchBehind(message, end.At, beyond, ref bounds, ref found, out bool noTail))
            {
                // Where it was only looked for beyond an address, so it will be from here on.
                if (noTail && entry.Tail >= 0) absent |= 1UL << entry.Tail;
                continue;
            }

            int before = taken;
            if (taken < 0)
            {
                taken = at;
                result.Rule = entry.Rule;
                result.Captures.Become(found);
            }
            else if (!ReferenceEquals(entry.Rule, entries[taken].Rule))
            {
                Doubt(found, entry.Template.Choice, ref result, entries[taken].Template.Choice);
            }
            else if (Settle(ref result, entries[taken].Template, found, entry.Template))
            {
                taken = at;
            }

            if (taken == before) continue;
            if (reached.Count == 1) end.Open &= alone!.NotMoot(at);
            else LeaveMoot(ref reached, at);
        }

        return taken;
    }

    private void OpenAll(ref ReachedEnds reached, int last, bool preauth)
    {
        for (int i = 0; i < Math.Min(reached.Count, ReachedEnds.Max); i++)
        {
            ref ReachedEnd one = ref reached.Ends[i];
            one.Looked = false;
            one.Open = ListOf(one.Number).CanEnd(last, preauth);
        }
    }

    // What cannot change what a template found is not tried; whose turn has passed by then has none any more.
    private void LeaveMoot(ref ReachedEnds reached, int taken)
    {
        if (reached.Count > ReachedEnds.Max) return;
        for (int i = 0; i < reached.Count; i++)
        {
            ref ReachedEnd end = ref reached.Ends[i];
            end.Open &= ListOf(end.Number).NotMoot(taken);
        }
    }

    // Made when a message first leads there: of most rules none ever does.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private EndList ListOf(int end) => lists[end] ??= new(ends[end], all);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool HasSigns(ReadOnlySpan<byte> message, ulong needs, ref ulong asked, ref ulong present)
    {
        for (ulong open = needs & ~asked; open != 0; open &= open - 1)
        {
            int sign = BitOperations.TrailingZeroCount(open);
            asked |= 1UL << sign;
            if (Scan.First(message, 0, message.Length, signs[sign]) < 0) return false;
            present |= 1UL << sign;
        }

        return true;
    }

    // The place of the end that leads to the next template in the file's order, or -1 when there is none; the end says -1
    // when the template's beginning turns out not to fit.
    private int NextEnd(ReadOnlySpan<byte> message, ref Boundaries bounds, ref ReachedEnds reached, ref int at)
    {
        if (reached.Count > ReachedEnds.Max)
        {
            if (++at == entries.Length) return -1;
            ref ReachedEnd one = ref reached.Ends[0];
            one.Captures = Captures.Empty;
            Template template = entries[at].Template;
            one.At = template.CanEnd(message.IsEmpty ? 256 : message[^1]) ? template.MatchBeginning(message, ref bounds, ref one.Captures) : -1;
            return 0;
        }

        while (true)
        {
            int best = -1;
            for (int i = 0; i < reached.Count; i++)
            {
                ref ReachedEnd end = ref reached.Ends[i];
                if (end.Open == 0) continue;
                int first = ends[end.Number][BitOperations.TrailingZeroCount(end.Open)];
                if (best >= 0 && first > at) continue;
                best = i;
                at = first;
            }

            if (best < 0) return -1;
            ref ReachedEnd next = ref reached.Ends[best];
            if (next.Looked)
            {
                next.Open &= next.Open - 1;
                return best;
            }

            next.Looked = true;
            next.Open = ListOf(next.Number).WorthTrying(message, next.At, next.Open, ref bounds);
        }
    }

    // Two options of one rule match. Where both say from which side clients write, the anchor farther from them is the
    // daemon's own; else different addresses leave the line ambiguous. True when from here on the other one is what was taken.
    private static bool Settle(ref RuleMatch result, Template taken, Captures other, Template template)
    {
        Captures first = result.Captures;
        if (first.Ambiguous) return false;
        if (other.AddressStart == first.AddressStart && !other.Ambiguous)
        {
            // That one allows no second anchor: whatever finds another from here on puts the line in doubt.
            return template.Choice == AnchorChoice.Only;
        }

        bool agree = template.Choice == taken.Choice && taken.Choice != AnchorChoice.Only && !other.Ambiguous
            && first.AddressStart >= 0 && other.AddressStart >= 0;
        if (agree)
        {
            bool farther = taken.Choice == AnchorChoice.Last
                ? other.AddressStart > first.AddressStart
                : other.AddressStart < first.AddressStart;
            if (farther) result.Captures = other;
            return farther;
        }

        MakeAmbiguous(ref result);
        return false;
    }

    // A line that can also be read as another of the daemon's formats, with another address, was built to be so. Not in
    // doubt is an address farther from the clients' side than the other one: no client writes there in either format.
    private static void Doubt(in Captures other, AnchorChoice choice, ref RuleMatch result, AnchorChoice taken)
    {
        Captures first = result.Captures;
        if (first.Ambiguous || first.AddressStart < 0) return;
        if (!other.Ambiguous)
        {
            if (other.AddressStart < 0 || other.AddressStart == first.AddressStart) return;
            if (choice == AnchorChoice.Last && taken == AnchorChoice.Last && other.AddressStart < first.AddressStart) return;
            if (choice == AnchorChoice.First && taken == AnchorChoice.First && other.AddressStart > first.AddressStart) return;
        }

        MakeAmbiguous(ref result);
    }

    private static void MakeAmbiguous(ref RuleMatch result)
    {
        int count = result.Captures.Count;
        result.Captures = Captures.Empty;
        result.Captures.Count = count;
        result.Captures.Ambiguous = true;
    }

    private readonly record struct Entry(Rule Rule, Template Template, int Tail, ulong Needs);

    // A class: see Candidate.
    private sealed class Sign(byte[] literal, int place)
    {
        public byte[] Literal => literal;

        public int Place => place;

        public int Uses { get; set; }

        public ulong Bit { get; set; }
    }
}
