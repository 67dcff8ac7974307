using System.Runtime.CompilerServices;

namespace RateWall.Detection.Logs;

/// <summary>A part of a daemon that names itself at the start of its messages ("imap-login: ") and what it serves.</summary>
internal sealed record Part(byte[] Name, string Service)
{
    /// <summary>The rules that hold for it.</summary>
    public RuleTree Tree { get; set; } = new([]);
}

/// <summary>A compiled rule file.</summary>
internal sealed class RuleFile
{
    private readonly RuleTree tree;

    public RuleFile(RuleFileDescription description, string service, Part[] parts, byte[][] leads, Rule[] rules, RuleSample[] samples)
    {
        Description = description;
        Service = service;
        Parts = parts;
        Leads = leads;
        Rules = rules;
        Samples = samples;
        HasNotes = Array.Exists(rules, r => r.Counting == Counting.Note);
        tree = TreeOf(rules);
        foreach (Part part in parts)
            part.Tree = TreeOf(rules.Where(r => r.Parts.Length == 0 || Array.Exists(r.Parts, p => part.Name.AsSpan().SequenceEqual(p))));
    }

    /// <summary>What a person sees of it.</summary>
    public RuleFileDescription Description { get; }

    /// <summary>The service of rules and parts that name none.</summary>
    public string Service { get; }

    /// <summary>The parts; when there are any, a message must name one.</summary>
    public Part[] Parts { get; }

    /// <summary>Words such as "error:" that may stand in front of any message.</summary>
    public byte[][] Leads { get; }

    /// <summary>The rules, in order.</summary>
    public Rule[] Rules { get; }

    /// <summary>True when a rule is a note; without any, nothing has to be remembered from line to line.</summary>
    public bool HasNotes { get; }

    /// <summary>The sample lines.</summary>
    public RuleSample[] Samples { get; }

    /// <summary>Matches a message whose header is gone.</summary>
    /// <param name="message">The message; what was matched of it comes back in its place.</param>
    /// <param name="part">The part, where the header named it.</param>
    /// <param name="result">The rule and what it found.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public bool Match(ref ReadOnlySpan<byte> message, Part? part, out RuleMatch result)
    {
        result = default;
        ReadOnlySpan<byte> rest = message;
        if (Parts.Length > 0 && part is null && (part = TakePart(ref rest)) is null) return false;
        rest = WithoutLeads(rest);
        int repeated = 1;
        bool preauth = false;
        if (rest.StartsWith("message repeated "u8))
        {
            preauth = TakeEnding(ref rest);
            if (!TakeRepeated(ref rest, ref repeated)) return false;
            if (Parts.Length > 0) part = TakePart(ref rest) ?? part;
            rest = WithoutLeads(rest);
        }

        Candidate[] candidates = (part?.Tree ?? tree).Find(rest);
        if (candidates.Length == 0) return false;
        preauth |= TakeEnding(ref rest);
        if (!MatchFirst(candidates, rest, preauth, out result)) return false;
        result.Count = (int)Math.Min((long)result.Captures.Count * repeated, Captures.MaxCount);
        result.Service = result.Rule.Service ?? part?.Service ?? Service;
        message = rest;
        return true;
    }

    private static bool MatchFirst(Candidate[] candidates, ReadOnlySpan<byte> message, bool preauth, out RuleMatch result)
    {
        result = default;
        Rule? rule = null;
        Template? taken = null;
        foreach (ref readonly Candidate candidate in candidates.AsSpan())
        {
            if (candidate.Rule.NeedsPreauth && !preauth) continue;
            if (!candidate.Template.Match(message, out Captures found)) continue;
            if (rule is null)
            {
                rule = candidate.Rule;
                taken = candidate.Template;
                result.Rule = rule;
                result.Captures = found;
            }
            else if (!ReferenceEquals(candidate.Rule, rule))
            {
                Doubt(found, candidate.Template.Choice, ref result, taken!.Choice);
            }
            else
            {
                Settle( ref result, ref taken!, found, candidate.Template);
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

    private static RuleTree TreeOf(IEnumerable<Rule> rules) =>
        new(rules.SelectMany(r => r.Templates.Select((t, i) => new Candidate(r, i, t))));

    private Part? TakePart(ref ReadOnlySpan<byte> message)
    {
        foreach (Part part in Parts)
        {
            if (!message.StartsWith(part.Name)) continue;
            ReadOnlySpan<byte> rest = message[part.Name.Length..];
            if (rest.StartsWith(": "u8))
            {
                message = rest[2..];
                return part;
            }

            // "auth-worker(1234): " is a part with its process id, "auth(default): " one with its name of long ago;
            // "auth(user,...)" is the message.
            if (rest.IsEmpty || rest[0] != '(') continue;
            int run = ByteClass.Account.Run(rest[1..]);
            message = run > 0 && rest[(1 + run)..].StartsWith("): "u8) ? rest[(run + 4)..] : rest;
            return part;
        }

        return null;
    }

    private ReadOnlySpan<byte> WithoutLeads(ReadOnlySpan<byte> message)
    {
        foreach (byte[] lead in Leads)
            if (message.StartsWith(lead)) return message[lead.Length..];
        return message;
    }

    private static bool TakeEnding(ref ReadOnlySpan<byte> message)
    {
        message = message.TrimEnd(" \r"u8);
        if (message.IsEmpty || message[^1] != ']' || !message.EndsWith(" [preauth]"u8)) return false;
        message = message[..^" [preauth]".Length].TrimEnd((byte)' ');
        return true;
    }

    // rsyslog: "message repeated 5 times: [ Failed ...]"
    private static bool TakeRepeated(ref ReadOnlySpan<byte> message, ref int times)
    {
        ReadOnlySpan<byte> rest = message["message repeated ".Length..];
        int digits = ByteClass.Count.Run(rest);
        if (digits == 0 || !rest[digits..].StartsWith(" times: ["u8) || rest[^1] != ']') return false;
        times = Math.Max(1, Segment.Number(rest[..digits]));
        message = rest[(digits + " times: [".Length)..^1].TrimStart((byte)' ');
        return true;
    }
}

/// <summary>A rule that matched.</summary>
internal struct RuleMatch
{
    /// <summary>The rule.</summary>
    public Rule Rule;

    /// <summary>What it found.</summary>
    public Captures Captures;

    /// <summary>Tries the line stands for.</summary>
    public int Count;

    /// <summary>The service.</summary>
    public string Service;
}
