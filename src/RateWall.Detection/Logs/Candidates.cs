using System.Runtime.CompilerServices;

namespace RateWall.Detection.Logs;

/// <summary>
/// A rule with one of its templates. A class, as all that only loading handles: the base library's generic code is
/// compiled ahead for classes, and for each struct anew in every run.
/// </summary>
internal sealed record Candidate(Rule Rule, int Variant, Template Template);

/// <summary>
/// The templates that may match messages of one beginning. Every one of them that matches has a say, because a line that
/// can be read in two ways is in doubt; what cannot change the answer any more is not tried.
/// </summary>
internal sealed class Candidates
{
    // Literals and tails beyond these are looked for as often as they are asked for.
    private const int MaxShared = 64;

    // A template with a longer beginning has been told apart by it.
    private const int ShortPrefix = 8;

    private readonly Entry[] entries;
    private readonly byte[][] guards;

    public Candidates(Candidate[] all)
    {
        Dictionary<string, int> tails = [], literals = [];
        List<byte[]> guarded = [];
        entries = new Entry[all.Length];
        for (int i = 0; i < all.Length; i++) entries[i] = EntryOf(all[i]);
        guards = [.. guarded];

        Entry EntryOf(Candidate candidate)
        {
            Template template = candidate.Template;
            int tail = -1, guard = -1;
            if (template.Tail is { } text && !tails.TryGetValue(text, out tail)) tails[text] = tail = tails.Count;
            if (template.Prefix.Length < ShortPrefix && template.Longest.Length > template.Prefix.Length)
            {
                string literal = System.Text.Encoding.Latin1.GetString(template.Longest);
                if (!literals.TryGetValue(literal, out guard))
                {
                    literals[literal] = guard = guarded.Count;
                    guarded.Add(template.Longest);
                }
            }

            return new(candidate.Rule, template, tail < MaxShared ? tail : -1, guard < MaxShared ? guard : -1);
        }
    }

    /// <summary>True when there is none.</summary>
    public bool IsEmpty => entries.Length == 0;

    /// <summary>The first that matches, with what the others say about its source.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public bool Match(ReadOnlySpan<byte> message, bool preauth, ref RuleMatch result)
    {
        // Bits by guard and by tail: which literals were looked for, which are there, which tails are nowhere.
        ulong asked = 0, present = 0, absent = 0;
        Rule? rule = null;
        Template taken = null!;
        foreach (ref readonly Entry entry in entries.AsSpan())
        {
            if (entry.Rule.NeedsPreauth && !preauth) continue;
            if (rule is not null)
            {
                if (result.Captures.Ambiguous) break;
                bool same = ReferenceEquals(entry.Rule, rule);
                // A rule without a source is not doubted by another, whatever that one finds.
                if (!same && result.Captures.AddressStart < 0) break;
                if (entry.Template.IsMootBeside(taken, same)) continue;
            }

            if (!entry.Template.CanEnd(message)) continue;
            if (entry.Tail >= 0 && (absent >> entry.Tail & 1) != 0) continue;
            if (entry.Guard >= 0)
            {
                ulong bit = 1UL << entry.Guard;
                if ((asked & bit) == 0 && message.IndexOf(guards[entry.Guard]) >= 0) present |= bit;
                asked |= bit;
                if ((present & bit) == 0) continue;
            }

            Captures found = default;
            if (!entry.Template.Match(message, ref found, out bool noTail))
            {
                if (noTail && entry.Tail >= 0) absent |= 1UL << entry.Tail;
                continue;
            }

            if (rule is null)
            {
                rule = entry.Rule;
                taken = entry.Template;
                result.Rule = rule;
                result.Captures = found;
            }
            else if (!ReferenceEquals(entry.Rule, rule))
            {
                Doubt(found, entry.Template.Choice, ref result, taken.Choice);
            }
            else
            {
                Settle(ref result, ref taken, found, entry.Template);
            }
        }

        return rule is not null;
    }

    // Two options of one rule match. Where both say from which side clients write, the anchor farther from them is the
    // daemon's own; else different addresses leave the line ambiguous.
    private static void Settle(ref RuleMatch result, ref Template taken, Captures other, Template template)
    {
        Captures first = result.Captures;
        if (first.Ambiguous) return;
        if (other.AddressStart == first.AddressStart && !other.Ambiguous) return;
        bool agree = template.Choice == taken.Choice && taken.Choice != AnchorChoice.Only && !other.Ambiguous
            && first.AddressStart >= 0 && other.AddressStart >= 0;
        if (agree)
        {
            bool farther = taken.Choice == AnchorChoice.Last
                ? other.AddressStart > first.AddressStart
                : other.AddressStart < first.AddressStart;
            if (!farther) return;
            result.Captures = other;
            taken = template;
            return;
        }

        MakeAmbiguous(ref result);
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

    private readonly record struct Entry(Rule Rule, Template Template, int Tail, int Guard);
}
