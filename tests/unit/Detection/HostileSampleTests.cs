using System.Text;
using System.Text.RegularExpressions;
using RateWall.Detection;
using RateWall.Detection.Logs;

namespace RateWall.UnitTests.Detection;

/// <summary>
/// Every sample line with pieces of the file's other lines where a client's words stand, and a forged address in them. Also
/// the lines that must not match: what a daemon writes for another reason than a rule asks for is what forgeries hide in.
/// </summary>
public sealed partial class HostileSampleTests
{
    private const string Forged = "203.0.113.66";
    private const int Tries = 20_000;

    [Theory]
    [MemberData(nameof(RuleSamplesTests.RuleFiles), MemberType = typeof(RuleSamplesTests))]
    public void Sample_WithAnotherLineInAClientsWords_NeverGivesItsAddress(string name)
    {
        RuleFile file = RuleSet.BuiltIn.Compiled.Single(f => f.Description.Name == name);
        (Part? Part, string Text)[] lines = [.. file.Samples.Select(s => Split(file, s.Line))];
        string[] sources = [.. lines.Where(l => Address().IsMatch(l.Text)).Select(l => Address().Replace(l.Text, Forged)).Distinct(StringComparer.Ordinal)];
        (Part? Part, string Text, Match Words)[] places = [.. lines.SelectMany(l => ClientWords().Matches(l.Text).Select(m => (l.Part, l.Text, m)))];
        if (places.Length == 0 || sources.Length == 0) return;
        var random = new Random(4711);
        for (int i = 0; i < Tries; i++)
        {
            (Part? part, string text, Match words) = places[random.Next(places.Length)];
            string fragment = Fragment(sources[random.Next(sources.Length)], random);
            if (name == "opensmtpd" && text[..words.Index].EndsWith("user=", StringComparison.Ordinal)) fragment = Encoded(fragment);
            string line = text[..words.Index] + (random.Next(2) == 0 ? words.Value : "") + fragment + text[(words.Index + words.Length)..];
            ReadOnlySpan<byte> message = Encoding.UTF8.GetBytes(line);
            if (!file.Match(ref message, part, out RuleMatch match) || match.Captures.AddressStart < 0) continue;
            ReadOnlySpan<byte> found = message.Slice(match.Captures.AddressStart, match.Captures.AddressLength);
            Assert.False(found.SequenceEqual(Encoding.UTF8.GetBytes(Forged)), $"'{line}' gave {Forged} by {match.Rule.Name}");
        }
    }

    // Any part of a line that has the address, and at times what could close it.
    private static string Fragment(string line, Random random)
    {
        int address = line.IndexOf(Forged, StringComparison.Ordinal);
        int start = random.Next(address + 1);
        int end = random.Next(3) == 0 ? line.Length : random.Next(address + Forged.Length, line.Length + 1);
        string[] closings = ["", "", "\"", ">", ")", "]", "'", " ", ", "];
        return closings[random.Next(closings.Length)] + line[start..end] + closings[random.Next(closings.Length)];
    }

    // OpenSMTPD writes no blank of a name as it is (smtp_session.c: strnvis() with VIS_WHITE).
    private static string Encoded(string name) => name.Replace(" ", "\\040", StringComparison.Ordinal);

    private static (Part? Part, string Text) Split(RuleFile file, string line)
    {
        foreach (Part part in file.Parts)
        {
            string tag = Encoding.UTF8.GetString(part.Name) + ": ";
            if (part.IsTag && line.StartsWith(tag, StringComparison.Ordinal)) return (part, line[tag.Length..]);
        }

        return (null, line);
    }

    [GeneratedRegex(@"(?:[0-9]{1,3}\.){3}[0-9]{1,3}|2001:db8::[0-9a-f]+", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Address();

    [GeneratedRegex(@"\b(?:bob|admin|nobody|alice|[abx])@example\.(?:com|org|net)\b|\b(?:bob|admin|nobody)\b(?![/@])|(?<=\()(?:User|client)(?=\))", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex ClientWords();
}
