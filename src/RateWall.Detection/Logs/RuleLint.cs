using System.Text;

namespace RateWall.Detection.Logs;

/// <summary>Something about a rule that its writer will not have meant.</summary>
/// <param name="Place">"file:line".</param>
/// <param name="Name">"never", "shadowed", "forged", "no-sample" or "two-sided".</param>
/// <param name="Text">What it is, for people.</param>
public sealed record RuleFinding(string Place, string Name, string Text)
{
    /// <summary>False for what is only worth knowing: a rule without a sample, or one whose source is in doubt easily.</summary>
    public bool IsFault => Name is "never" or "shadowed" or "forged";
}

/// <summary>
/// Finds rules that can never match, that an earlier one always takes the lines of, and those where the name a client
/// chose changes the source.
/// </summary>
internal static class RuleLint
{
    private const string Daemon = "203.0.113.9";
    private const string Forged = "192.0.2.66";

    // What a free hole may hold; a rule is shadowed when another takes its lines whichever of them it is.
    private static readonly string[] Fillers = ["x y", "", "bob@example.com", "z"];

    /// <summary>Looks at one file of a set.</summary>
    public static IEnumerable<RuleFinding> Run(RuleSet rules, RuleFile file)
    {
        foreach (Rule rule in file.Rules)
        {
            if (Reached(rules, file, rule) is { } finding) yield return finding;
            RuleSample[] own = [.. file.Samples.Where(s => s.Rule == rule.Name && (s.Kind != AttemptKind.None || s.Opens))];
            if (own.Length == 0 && !rule.IsClaim)
                yield return new(rule.Name, "no-sample", "no sample line shows what this rule is for; add one, and a forged one");
            if (rule.Counting == Counting.Counts && !rule.IsClaim && Array.Exists(rule.Templates, t => t.Choice == AnchorChoice.Only && t.Pieces.Any(p => p.IsAddress)))
                yield return new(rule.Name, "two-sided", "clients write on both sides of the address: a line that is forged counts without a source");
            foreach (RuleSample sample in own)
                if (Attack(file, sample) is { } forged) yield return new(sample.Place, "forged", forged);
        }
    }

    // A rule is reached when one of its templates takes one of its own lines.
    private static RuleFinding? Reached(RuleSet rules, RuleFile file, Rule rule)
    {
        string? taker = null;
        string shown = "";
        foreach (Template template in rule.Templates)
        {
            if (template.Pieces.Count == 0) return null;
            foreach (string filler in Fillers)
            {
                shown = string.Concat(RuleExample.Pieces(template, Daemon, p => p.IsFree ? filler : null)) + (rule.NeedsPreauth ? " [preauth]" : "");
                foreach ((string start, Part? part) in Places(file, rule))
                {
                    Rule? taken = Taker(rules, file, Encoding.Latin1.GetBytes(start + shown), part);
                    if (ReferenceEquals(taken, rule)) return null;
                    if (taken is not null && !rule.IsClaim) taker = taken.Name;
                    // Nothing tells which rule it was that took a line for no try.
                    if (taken is null && Array.Exists(file.Rules, r => r.IsClaim)) return null;
                }
            }
        }

        return taker is not null
            ? new(rule.Name, "shadowed", $"{taker} takes its lines, such as '{shown}'; put this rule before that one")
            : new(rule.Name, "never", $"not even '{shown}' is matched by it");
    }

    // Where messages of a rule may come from: no part, each part that its text names, each program that is a part.
    private static IEnumerable<(string Start, Part? Part)> Places(RuleFile file, Rule rule)
    {
        if (Array.TrueForAll(file.Parts, p => p.IsTag)) yield return ("", null);
        foreach (Part part in file.Parts)
            if (rule.Parts.Length == 0 || Array.Exists(rule.Parts, n => part.Name.AsSpan().SequenceEqual(n)))
                yield return part.IsTag ? ("", part) : (Encoding.UTF8.GetString(part.Name) + ": ", null);
    }

    // The files of a program are asked in turn.
    private static Rule? Taker(RuleSet rules, RuleFile file, byte[] line, Part? part)
    {
        foreach (ProgramRules candidate in rules.Find(Encoding.UTF8.GetBytes(file.Description.Programs[0])))
        {
            ReadOnlySpan<byte> message = line;
            if (candidate.File.Match(ref message, ReferenceEquals(candidate.File, file) ? part : candidate.Part, out RuleMatch match)) return match.Rule;
        }

        return null;
    }

    // The name of a sample is made to look like the text around it, with another address.
    private static string? Attack(RuleFile file, RuleSample sample)
    {
        ReadOnlySpan<byte> message = Encoding.UTF8.GetBytes(sample.Line);
        Part? part = TagOf(file, ref message);
        ReadOnlySpan<byte> whole = message;
        if (sample.Source is null || !file.Match(ref message, part, out RuleMatch match) || match.Captures.UserLength <= 0) return null;
        // What was matched is a stretch of the line without its part and its lead.
        int from = whole.IndexOf(message) + match.Captures.UserStart;
        string head = Encoding.Latin1.GetString(whole[..from]), tail = Encoding.Latin1.GetString(whole[(from + match.Captures.UserLength)..]);
        string address = Encoding.Latin1.GetString(message.Slice(match.Captures.AddressStart, match.Captures.AddressLength));
        foreach (string name in Forgeries(head.Replace(address, Forged, StringComparison.Ordinal), tail.Replace(address, Forged, StringComparison.Ordinal)))
        {
            ReadOnlySpan<byte> line = Encoding.Latin1.GetBytes(head + name + tail);
            if (!file.Match(ref line, part, out RuleMatch tricked) || tricked.Captures.AddressStart < 0) continue;
            if (line.Slice(tricked.Captures.AddressStart, tricked.Captures.AddressLength).SequenceEqual(Encoding.Latin1.GetBytes(Forged)))
                return $"of a client that calls itself '{name}' the source is what that name says; write the rule so that the address cannot be in the name";
        }

        return null;
    }

    private static string[] Forgeries(string head, string tail) =>
        ["x" + tail, "x" + tail + "y", head + "x" + tail, "x" + tail + head + "y", "x " + head + "y", tail, head];

    /// <summary>Takes the tag in front of a sample of a program with a service of its own.</summary>
    internal static Part? TagOf(RuleFile file, ref ReadOnlySpan<byte> message)
    {
        foreach (Part tag in file.Parts)
        {
            if (!tag.IsTag || !message.StartsWith(tag.Name) || !message[tag.Name.Length..].StartsWith(": "u8)) continue;
            message = message[(tag.Name.Length + 2)..];
            return tag;
        }

        return null;
    }
}
