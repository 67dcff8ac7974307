using System.Text;
using RateWall.Detection.Logs;

namespace RateWall.UnitTests.Detection;

/// <summary>
/// What the tree of beginnings, its signs and its short cuts find is what trying every template in turn finds: over the
/// samples of every shipped file, whole, cut, grafted and with bytes changed.
/// </summary>
public sealed class RuleSelectionTests
{
    private const int Tries = 3_000;

    public static TheoryData<string> RuleFiles() => RuleSamplesTests.RuleFiles();

    [Theory]
    [MemberData(nameof(RuleFiles))]
    public void Match_OfAnyLine_IsThatOfEveryTemplateInTurn(string name)
    {
        RuleFile file = RuleSet.BuiltIn.Compiled.Single(f => f.Description.Name == name);
        Candidate[] all = [.. file.Rules.SelectMany(r => r.Templates.Select((t, i) => new Candidate(r, i, t)))];
        var tree = new RuleTree(all);
        var random = new Random(4711);
        byte[][] samples = [.. file.Samples.Select(s => MessageOf(file, s.Line)), .. all.SelectMany(c => Examples(c.Template))];
        int matched = 0;
        for (int i = 0; i < samples.Length + Tries; i++)
        {
            byte[] message = i < samples.Length ? samples[i] : Changed(samples, random);
            matched += Compare(tree, all, message) ? 1 : 0;
        }

        Assert.True(matched > samples.Length / 4, $"only {matched} lines matched");
    }

    // What is remembered of earlier messages changes nothing, whatever stands behind the message.
    [Theory]
    [MemberData(nameof(RuleFiles))]
    public void MatchInBlock_WithBeginningsRemembered_IsThatWithout(string name)
    {
        RuleFile file = RuleSet.BuiltIn.Compiled.Single(f => f.Description.Name == name);
        var random = new Random(4712);
        var recent = new RecentBeginnings();
        byte[][] samples = [.. file.Samples.Select(s => Encoding.UTF8.GetBytes(s.Line))];
        Part?[] parts = [null, .. file.Parts.Where(p => p.IsTag)];
        byte[] block = new byte[2 * LogLines.MaxLine];
        for (int i = 0; i < 10 * Tries; i++)
        {
            byte[] message = i % 3 == 0 ? samples[random.Next(samples.Length)] : Changed(samples, random);
            Part? part = parts[random.Next(parts.Length)];
            random.NextBytes(block.AsSpan(0, message.Length + Scan.Readable));
            if (i % 2 == 0) samples[random.Next(samples.Length)].AsSpan().CopyTo(block.AsSpan(message.Length));
            message.CopyTo(block, 0);
            ReadOnlySpan<byte> matched = message;
            bool expected = file.Match(ref matched, part, out RuleMatch without);
            bool found = file.MatchInBlock(block.AsSpan(0, message.Length), part, recent, out RuleMatch with);
            string shown = $"'{Encoding.Latin1.GetString(message)}' of {part?.Service}";
            Assert.True(expected == found && ReferenceEquals(with.Rule, without.Rule), shown);
            if (!found) continue;
            Assert.True(Same(with.Captures, without.Captures), shown);
            Assert.True((with.Start, with.Length, with.Count, with.Lines, with.Service) == (without.Start, without.Length, without.Count, without.Lines, without.Service), shown);
        }
    }

    // Tails that end the message and begin with the same words stand at the same place only if they have as many words.
    [Theory]
    [InlineData("gone u from from port w")]
    [InlineData("gone u from 192.0.2.1 port 7")]
    [InlineData("gone u from 192.0.2.1 from 198.51.100.2 w")]
    [InlineData("gone u from 192.0.2.1 from 198.51.100.2 port w")]
    [InlineData("gone u from from port from port w")]
    public void Match_OfTailsOfOtherLengths_IsThatOfEveryTemplateInTurn(string line)
    {
        string[] templates = ["gone {user} from {address} port {word}", "gone {user} from {address} {word}", "gone {user} from {address} port {host}"];
        foreach (string[] some in (string[][])[templates, [.. templates.Reverse()], [templates[0], templates[2]]])
        {
            // As rules of their own, and as options of one.
            foreach (string rules in (string[])[string.Concat(some.Select(t => $"failure {t}\n")), $"failure gone {{={string.Join('|', some.Select(t => t["gone ".Length..]))}}}\n"])
            {
                RuleFile file = RuleSet.Only(("tails.rules", $"programs tails\nservice ssh\n{rules}")).Compiled[0];
                Candidate[] all = [.. file.Rules.SelectMany(r => r.Templates.Select((t, i) => new Candidate(r, i, t)))];
                Compare(new RuleTree(all), all, Encoding.UTF8.GetBytes(line));
            }
        }
    }

    // More beginnings at once than a tree keeps: what it then does without them is the same.
    [Fact]
    public void Match_WithMoreEndsThanAreKept_IsThatOfEveryTemplateInTurn()
    {
        string[] holes = ["word", "host", "helo", "name", "address", "stamp", "peer", "session", "num", "port"];
        string rules = string.Concat(holes.Select((h, i) => $"failure {{{h}}}: of {{user}} from {{address}} by {i}\nprobe {{{h}}}: of {{text}}\n"));
        RuleFile file = RuleSet.Only(("many.rules", $"programs many\nservice ssh\n{rules}")).Compiled[0];
        Candidate[] all = [.. file.Rules.SelectMany(r => r.Templates.Select((t, i) => new Candidate(r, i, t)))];
        var tree = new RuleTree(all);
        foreach (int last in Enumerable.Range(0, holes.Length))
            foreach (string first in (string[])["22", "abc", "192.0.2.1", "[a]", "a@b", "a/b", "", "a b"])
                Compare(tree, all, Encoding.UTF8.GetBytes($"{first}: of bob from 192.0.2.7 by {last}"));
        Assert.True(Compare(tree, all, "22: of bob from 192.0.2.7 by 9"u8.ToArray()));
    }

    private static bool Compare(RuleTree tree, Candidate[] all, byte[] line)
    {
        ReadOnlySpan<byte> message = Scan.Copy(line, new byte[line.Length + Scan.Readable]);
        bool any = false;
        foreach (bool preauth in (bool[])[false, true])
        {
            RuleMatch fast = default;
            bool found = tree.Match(message, preauth, recent: null, ref fast);
            (Rule Rule, Captures Captures)? naive = Naive(all, message, preauth);
            string shown = $"'{Encoding.Latin1.GetString(message)}' (preauth {preauth}): {(found ? fast.Rule.Name : "none")}, naively {naive?.Rule.Name ?? "none"}";
            Assert.True(found == naive.HasValue && (!found || (ReferenceEquals(fast.Rule, naive!.Value.Rule) && Same(fast.Captures, naive.Value.Captures))), shown);
            any |= found;
        }

        return any;
    }

    // Every template, from the first to the last: what docs/rules.md says, without a short cut.
    private static (Rule Rule, Captures Captures)? Naive(Candidate[] all, ReadOnlySpan<byte> message, bool preauth)
    {
        Rule? rule = null;
        Template taken = null!;
        Captures kept = default;
        foreach (Candidate candidate in all)
        {
            if (candidate.Rule.NeedsPreauth && !preauth) continue;
            if (!candidate.Template.Match(message, out Captures found)) continue;
            if (rule is null)
            {
                (rule, taken, kept) = (candidate.Rule, candidate.Template, found);
                continue;
            }

            if (kept.Ambiguous || (found.AddressStart == kept.AddressStart && !found.Ambiguous)) continue;
            AnchorChoice choice = candidate.Template.Choice;
            bool own = ReferenceEquals(candidate.Rule, rule);
            if (!own && (kept.AddressStart < 0 || (found.AddressStart < 0 && !found.Ambiguous))) continue;
            bool sided = !found.Ambiguous && choice == taken.Choice && choice != AnchorChoice.Only && found.AddressStart >= 0 && kept.AddressStart >= 0;
            bool farther = choice == AnchorChoice.Last ? found.AddressStart > kept.AddressStart : found.AddressStart < kept.AddressStart;
            if (sided && !farther) continue;
            if (sided && own) (taken, kept) = (candidate.Template, found);
            else kept = Captures.Empty with { Count = kept.Count, Ambiguous = true };
        }

        return rule is null ? null : (rule, kept);
    }

    private static bool Same(Captures a, Captures b) =>
        (a.AddressStart, a.UserStart, a.StampStart, a.SessionStart, a.Count, a.Ambiguous) == (b.AddressStart, b.UserStart, b.StampStart, b.SessionStart, b.Count, b.Ambiguous)
        && (a.AddressLength, a.UserLength, a.SessionLength) == (b.AddressLength, b.UserLength, b.SessionLength);

    private static byte[] MessageOf(RuleFile file, string line)
    {
        ReadOnlySpan<byte> message = Encoding.UTF8.GetBytes(line);
        RuleLint.TagOf(file, ref message);
        foreach (Part part in file.Parts)
            if (!part.IsTag && message.StartsWith(part.Name) && message[part.Name.Length..].StartsWith(": "u8)) return message[(part.Name.Length + 2)..].ToArray();
        const string Preauth = " [preauth]";
        return (message.EndsWith(Encoding.UTF8.GetBytes(Preauth)) ? message[..^Preauth.Length] : message).ToArray();
    }

    private static IEnumerable<byte[]> Examples(Template template) =>
        template.Pieces.Count == 0 ? [] : [Encoding.Latin1.GetBytes(string.Concat(RuleExample.Pieces(template, "192.0.2.7", _ => null)))];

    private static byte[] Changed(byte[][] samples, Random random)
    {
        List<byte> line = [.. samples[random.Next(samples.Length)]];
        for (int changes = random.Next(1, 4); changes > 0; changes--)
        {
            byte[] other = samples[random.Next(samples.Length)];
            int at = random.Next(line.Count + 1), from = random.Next(other.Length + 1), length = random.Next(other.Length - from + 1);
            switch (random.Next(5))
            {
                case 0: line.InsertRange(at, other[from..(from + length)]); break;
                case 1: line.RemoveRange(at, random.Next(line.Count - at + 1)); break;
                case 2: line = [.. line[..at], .. other[from..]]; break;
                case 3 when at < line.Count: line[at] = (byte)random.Next(256); break;
                default: line.InsertRange(at, Encoding.Latin1.GetBytes("192.0.2." + random.Next(1, 3))); break;
            }
        }

        return [.. line];
    }
}
