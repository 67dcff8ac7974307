using System.Text;
using FsCheck;
using FsCheck.Fluent;
using RateWall.Detection;
using RateWall.Detection.Logs;

namespace RateWall.UnitTests.Detection;

/// <summary>Whatever a client writes into a line, the line never names an address of the client's choosing.</summary>
public sealed class HostileLineTests
{
    private const string True = "203.0.113.9";
    private const string Forged = "192.0.2.1";

    private static readonly string[] Bricks =
    [
        Forged, " from ", " from " + Forged, " port 1", " ssh2", " ssh2: ", ": ", "]", "[", ">", ">, rip=" + Forged, ", rip=" + Forged + ", ",
        " not allowed because ", " [preauth]", "(", ")", "," + Forged + "): unknown user", " for invalid user ", " " + Forged + " port 1",
        "x", "root", " ", "", "  user=", " rhost=" + Forged, "\u00e9", "'", "' from ", ": Change of username or service not allowed: ", "user=<",
        " (auth failed, 9 attempts in 1 secs): user=<", " (no auth attempts): rip=" + Forged + ", user=<", ">, method=PLAIN, rip=" + Forged + ", lip=" + Forged, "): Password mismatch (given password: ",
        ",sasl:plain)<x>: sql: Password mismatch", "' from `" + Forged + "'", " rejected: ", "Failed password for root from " + Forged + " port 1 ssh2", "message repeated 5 times: [ ",
    ];

    public static TheoryData<string> Rules()
    {
        var names = new TheoryData<string>();
        foreach (RuleFile file in RuleSet.BuiltIn.Compiled)
            foreach (Rule rule in file.Rules) names.Add(rule.Name);
        return names;
    }

    [Theory]
    [MemberData(nameof(Rules))]
    public void Rule_WithHostileHoles_NeverGivesAForgedSource(string name)
    {
        RuleFile file = RuleSet.BuiltIn.Compiled.Single(f => f.Rules.Any(r => r.Name == name));
        Rule rule = file.Rules.Single(r => r.Name == name);
        Gen<string> hostile = Gen.Elements(Bricks).ListOf().Select(p => string.Concat(p.Take(6)));
        Arbitrary<(string A, string B, int Variant)> inputs = (
            from a in hostile
            from b in hostile
            from v in Gen.Choose(0, rule.Templates.Length - 1)
            select (a, b, v)).ToArbitrary();
        Prop.ForAll(inputs, input =>
        {
            string text = Line(rule.Templates[input.Variant], input.A, input.B) + (rule.NeedsPreauth ? " [preauth]" : "");
            ReadOnlySpan<byte> message = Encoding.UTF8.GetBytes(text);
            if (!file.Match(ref message, PartOf(file, rule), out RuleMatch match) || match.Captures.AddressStart < 0) return true;
            string source = Encoding.UTF8.GetString(message.Slice(match.Captures.AddressStart, match.Captures.AddressLength));
            if (!SourceAddress.TryParse(source, out _)) return true;
            return source == True ? true : throw new InvalidOperationException($"'{text}' gave {source} by {match.Rule.Name}");
        }).QuickCheckThrowOnFailure();
    }

    // Anybody may begin a line so who may write one: with or without what should follow.
    [Theory]
    [InlineData("message repeated ")]
    [InlineData("message repeated  [preauth]")]
    [InlineData("message repeated 5 ")]
    [InlineData("message repeated 5 times: [")]
    [InlineData("message repeated 5 times: [ ")]
    [InlineData("message repeated 5 times: []")]
    [InlineData("message repeated 5 times: [ ] ")]
    [InlineData("message repeated 5 times: [ [preauth]] [preauth]")]
    [InlineData("message repeated 5 times: [message repeated ]")]
    public void Parser_OnARepetitionOfNothing_HasNothingToHandOn(string message)
    {
        foreach (string program in RuleSet.BuiltIn.Files.SelectMany(f => f.Programs).Where(p => !p.Contains('*', StringComparison.Ordinal)))
        {
            var parser = new LogParser(RuleSet.BuiltIn, DateTimeOffset.UnixEpoch, TimeZoneInfo.Utc);
            byte[] log = Encoding.UTF8.GetBytes($"Nov 21 04:00:00 mx {program}[7]: {message}\n");
            Assert.Equal(log.Length, parser.Read(log, [], (in Attempt a) => Assert.Fail(a.Rule)));
            parser.Read(Encoding.UTF8.GetBytes(message), new LineOrigin { Program = Encoding.UTF8.GetBytes(program) }, (in Attempt a) => Assert.Fail(a.Rule));
            Assert.Equal(2, parser.Lines);
        }
    }

    // Cut anywhere, repeated, and with blanks and endings behind what is left.
    [Fact]
    public void Match_OfASampleCutAnywhere_NeverFails()
    {
        string[] ends = ["", " ", "\r", " [preauth]", "]", " [preauth]] [preauth] "], starts = ["", "message repeated 3 times: [ ", "error: "];
        foreach (RuleFile file in RuleSet.BuiltIn.Compiled)
        {
            var recent = new RecentBeginnings();
            foreach (RuleSample sample in file.Samples)
            {
                for (int length = 0; length <= sample.Line.Length; length++)
                {
                    // With every ending: by then it is known where such a line leads that ends otherwise.
                    foreach (string end in ends)
                    {
                        byte[] line = Encoding.UTF8.GetBytes(starts[length % starts.Length] + sample.Line[..length] + end);
                        byte[] block = new byte[line.Length + Scan.Readable];
                        line.CopyTo(block, 0);
                        bool found = file.MatchInBlock(block.AsSpan(0, line.Length), null, recent, out _);
                        Assert.Equal(file.Match(line, null, out _), found);
                    }
                }
            }
        }
    }

    [Fact]
    public void Parser_OnAnyBytes_NeverFails()
    {
        Prop.ForAll(Gen.Choose(0, int.MaxValue).ToArbitrary(), seed =>
        {
            var random = new Random(seed);
            string[] starts = ["", "Nov 21 04:00:00 h sshd[1]: ", "<34>1 - h sshd 1 - ", "2026-11-21T04:00:00Z h dovecot: imap-login: ", "@4000000065", "<", "<1>1 ", "Sat Nov 21 04:00:00 2026 ", "[Sat Nov 21 04:00:00.", "[21-Nov-2026 04:00:00 ", "2026/11/21 04:00:00 h proftpd[", "Nov 21 04:00:00 h [", "192.0.2.7 - x [21/Nov/2026:04:00:00 "];
            byte[] line = [.. Encoding.UTF8.GetBytes(starts[random.Next(starts.Length)] + Bricks[random.Next(Bricks.Length)]), .. Bytes(random)];
            var parser = new LogParser(RuleSet.BuiltIn, DateTimeOffset.UnixEpoch, TimeZoneInfo.Utc);
            parser.TryExplain(line, [], out _);
            parser.Read([.. line, (byte)'\n'], "sshd"u8, static (in Attempt _) => { });
            return parser.Lines >= 1;
        }).QuickCheckThrowOnFailure();
    }

    private static Part? PartOf(RuleFile file, Rule rule) =>
        Array.Find(file.Parts, p => rule.Parts.Length == 0 || Array.Exists(rule.Parts, n => n.AsSpan().SequenceEqual(p.Name)));

    private static byte[] Bytes(Random random)
    {
        byte[] bytes = new byte[random.Next(60)];
        random.NextBytes(bytes);
        return bytes;
    }

    private static string Line(Template template, string first, string second)
    {
        var line = new StringBuilder();
        bool used = false;
        foreach (Piece piece in template.Pieces)
        {
            switch (piece.Kind)
            {
                case PieceKind.Literal: line.Append(Encoding.UTF8.GetString(piece.Literal)); break;
                case PieceKind.Calm: line.Append("something of the daemon's"); break;
                case PieceKind.Fields: line.Append($"user=<{first}>, method=PLAIN, rip={True}, lip=198.51.100.1, TLS, session=<c2Vzc2lvbg>"); break;
                case PieceKind.Typed: line.Append(piece.IsAddress ? True : piece.Class == ByteClass.Host ? "198.51.100.1" : "22"); break;
                default:
                    line.Append(used ? second : first);
                    used = true;
                    break;
            }
        }

        return line.ToString();
    }
}
