using System.Text;
using RateWall.Detection;
using RateWall.Detection.Logs;

namespace RateWall.UnitTests.Detection;

/// <summary>
/// Every hole of every rule that a client, or its DNS, can fill is filled with pieces of all the lines that the same file
/// knows, each with an address of the client's choosing. Whatever comes out, that address does not.
/// </summary>
public sealed class ForgedLineTests
{
    private const string Daemon = "203.0.113.9";
    private const string Forged = "192.0.2.66";
    private const int Tries = 300;

    private static readonly string[] Plain =
    [
        "", "x", " ", "root", Forged, "\n", "\r\n", "\0", "\u001b[2J", "\t", "\"", "'", "`", "]", "[", ")", "(", ">", "<", "}", "{", "%", "\\", ", ", ": ",
        " from " + Forged, "[" + Forged + "]", "(" + Forged + ")", " rhost=" + Forged, ", rip=" + Forged + ", ", "client=" + Forged, "\u00ff\u00fe", "\u00e9",
    ];

    private static readonly Lazy<Dictionary<string, string[]>> Fragments = new(() =>
        RuleSet.BuiltIn.Compiled.ToDictionary(f => f.Description.Name, FragmentsOf, StringComparer.Ordinal));

    [Theory]
    [MemberData(nameof(HostileLineTests.Rules), MemberType = typeof(HostileLineTests))]
    public void Rule_FilledWithForgeriesOfItsOwnFile_NeverGivesTheForgedSource(string name)
    {
        RuleFile file = RuleSet.BuiltIn.Compiled.Single(f => f.Rules.Any(r => r.Name == name));
        Rule rule = file.Rules.Single(r => r.Name == name);
        string[] fragments = Fragments.Value[file.Description.Name];
        Part[] parts = [.. file.Parts.Where(p => rule.Parts.Length == 0 || rule.Parts.Any(n => p.Name.AsSpan().SequenceEqual(n)))];
        var random = new Random(rule.Order);
        for (int i = 0; i < Tries; i++)
        {
            Template template = rule.Templates[random.Next(rule.Templates.Length)];
            string line = string.Concat(RuleExample.Pieces(template, Daemon, p => Forgery(p, random, fragments))) + (rule.NeedsPreauth ? " [preauth]" : "");
            Part? part = parts.Length == 0 ? null : parts[random.Next(parts.Length)];
            if (part is { IsTag: false }) line = $"{Encoding.UTF8.GetString(part.Name)}: {line}";
            ReadOnlySpan<byte> message = Encoding.Latin1.GetBytes(line);
            if (!file.Match(ref message, part is { IsTag: true } ? part : null, out RuleMatch match) || match.Captures.AddressStart < 0) continue;
            string source = Encoding.Latin1.GetString(message.Slice(match.Captures.AddressStart, match.Captures.AddressLength));
            Assert.True(source == Daemon || !SourceAddress.TryParse(source, out _), $"'{line}' gave {source} by {match.Rule.Name}");
        }
    }

    // A host name is of the client's DNS, but no byte in it is other than its class has.
    private static string? Forgery(Piece piece, Random random, string[] fragments)
    {
        if (piece.Class == ByteClass.Host || piece.Class == ByteClass.Helo) return random.Next(2) == 0 ? Forged : "host.example.com";
        if (!piece.IsHostile) return null;
        var text = new StringBuilder();
        for (int i = random.Next(3); i >= 0; i--) text.Append(random.Next(3) == 0 ? Plain[random.Next(Plain.Length)] : fragments[random.Next(fragments.Length)]);
        return text.ToString();
    }

    // From every place where a template can be cut to its end, and from its beginning to every such place.
    private static string[] FragmentsOf(RuleFile file)
    {
        HashSet<string> all = new(Plain, StringComparer.Ordinal);
        foreach (Template template in file.Rules.SelectMany(r => r.Templates))
        {
            string[] pieces = RuleExample.Pieces(template, Forged, p => p.IsFree ? "y" : null);
            for (int cut = 0; cut < pieces.Length; cut++)
            {
                all.Add(string.Concat(pieces[cut..]));
                all.Add(string.Concat(pieces[..cut]));
            }
        }

        return [.. all.Order(StringComparer.Ordinal)];
    }
}
