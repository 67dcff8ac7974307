using System.Text;
using RateWall.Detection.Logs;
using Xunit;

namespace RateWall.UnitTests.Detection;

public sealed class LoneTemplateTests
{
    // More than it takes until a beginning is remembered, and then until a template is.
    private const int Enough = 600;

    public static TheoryData<string> RuleFiles => [.. RuleSet.BuiltIn.Compiled.Select(f => f.Description.Name)];

    [Theory]
    [InlineData("Failed password for {user} from {address} ssh2", "Failed none for {user} from {address} ssh2")]
    [InlineData("gone from {address} port {port}", "gone from {address} port {port} ssh2")]
    [InlineData("gone from {address} port {port}", "gone from {address}")]
    [InlineData("for {user} from {address} port {port}", "for {user} from {address}")]
    [InlineData("for {user} from {address} port {port} ssh2", "for {user} from {address} port {port}")]
    [InlineData("for {user} from {address}: key {num}", "for {user} from {address}")]
    [InlineData("{word}: gone from {address}", "{word}: lost from {address}")]
    [InlineData("name {word} from {address}", "name {word}")]
    [InlineData("a {word} from {address}", "a b is from {address}")]
    [InlineData("a {num} from {address}", "a b from {address}")]
    public void Exclusion_OfTemplatesThatDifferForCertain_IsCertain(string one, string other)
    {
        Assert.True(Exclusion.IsCertain(TemplateOf(one), TemplateOf(other)));
        Assert.True(Exclusion.IsCertain(TemplateOf(other), TemplateOf(one)));
    }

    [Theory]
    [InlineData("Failed {word} for {user} from {address}", "Failed none for {user} from {address}")]
    [InlineData("a {word} from {address}", "a b from {address}")]
    [InlineData("a {user} from {address} bye", "a {text} come {address} {calm}")]
    [InlineData("name {word}", "name {host}")]
    [InlineData("from {address}: {text}", "from {address}: x {text}")]
    [InlineData("for {user} from {address}", "for x from {address}")]
    public void Exclusion_OfTemplatesThatMayBothMatch_IsNotCertain(string one, string other)
    {
        Assert.False(Exclusion.IsCertain(TemplateOf(one), TemplateOf(other)));
        Assert.False(Exclusion.IsCertain(TemplateOf(other), TemplateOf(one)));
    }

    // No sample matches two templates of which one was said to exclude the other.
    [Theory]
    [MemberData(nameof(RuleFiles))]
    public void Exclusion_OfTemplatesThatMatchOneSample_IsNotCertain(string name)
    {
        RuleFile file = RuleSet.BuiltIn.Compiled.Single(f => f.Description.Name == name);
        Template[] all = [.. file.Rules.SelectMany(r => r.Templates)];
        byte[] room = new byte[LogLines.MaxLine + Scan.Readable];
        foreach (RuleSample sample in file.Samples)
        {
            Template[] matching = [.. all.Where(t => t.Match(Scan.Copy(Encoding.UTF8.GetBytes(sample.Line), room), out _))];
            foreach (Template one in matching)
                foreach (Template other in matching)
                    Assert.False(Exclusion.IsCertain(one, other), $"{sample.Place}: {string.Concat(one.Pieces)} / {string.Concat(other.Pieces)}");
        }
    }

    // Whatever template is remembered, each sample of the file is matched as without.
    [Theory]
    [MemberData(nameof(RuleFiles))]
    public void MatchInBlock_WithATemplateRemembered_IsThatWithout(string name)
    {
        RuleFile file = RuleSet.BuiltIn.Compiled.Single(f => f.Description.Name == name);
        var random = new Random(4713);
        byte[][] samples = [.. file.Samples.Select(s => Encoding.UTF8.GetBytes(s.Line))];
        foreach (byte[] learned in samples)
        {
            var recent = new RecentBeginnings();
            for (int i = 0; i < Enough; i++) file.MatchInBlock(Readable(learned), null, recent, out _);
            foreach (byte[] sample in samples)
            {
                Compare(file, recent, sample);
                Compare(file, recent, Joined(learned, sample, random));
            }
        }
    }

    [Theory]
    [InlineData("Failed password for invalid user admin from 192.0.2.7 port 4022 ssh2")]
    [InlineData("Failed password for root from 192.0.2.7 port 4022 ssh2")]
    [InlineData("Accepted publickey for bob from 192.0.2.7 port 4022 ssh2: ED25519 SHA256:c29tZXRoaW5n")]
    [InlineData("Invalid user admin from 192.0.2.7 port 4022")]
    [InlineData("Connection closed by authenticating user root 192.0.2.7 port 4022 [preauth]")]
    public void LoneOf_TheTemplateOfAUsualLine_IsThere(string line)
    {
        RuleFile file = RuleSet.BuiltIn.Compiled.Single(f => f.Description.Name == "sshd");
        Candidate[] all = [.. file.Rules.SelectMany(r => r.Templates.Select((t, i) => new Candidate(r, i, t)))];
        var tree = new RuleTree(all);
        byte[] message = Encoding.UTF8.GetBytes(line.Replace(" [preauth]", "", StringComparison.Ordinal));
        int taken = Array.FindIndex(all, c => c.Template.Match(Readable(message), out _));
        LoneTemplate? lone = tree.LoneOf(tree.Root, 0, taken);
        Assert.NotNull(lone);
        var bounds = default(Boundaries);
        bounds.Read(Readable(message));
        RuleMatch found = default;
        Assert.True(lone.TryMatch(Readable(message), 0, preauth: true, ref bounds, ref found));
        Assert.Same(all[taken].Rule, found.Rule);
    }

    private static void Compare(RuleFile file, RecentBeginnings recent, byte[] message)
    {
        bool expected = file.Match(message, null, out RuleMatch without);
        bool found = file.MatchInBlock(Readable(message), null, recent, out RuleMatch with);
        string shown = Encoding.Latin1.GetString(message);
        Assert.True(expected == found && ReferenceEquals(with.Rule, without.Rule), shown);
        if (!found) return;
        Assert.True(
            (with.Start, with.Length, with.Count, with.Lines, with.Service, with.Captures.AddressStart, with.Captures.UserStart, with.Captures.Ambiguous)
            == (without.Start, without.Length, without.Count, without.Lines, without.Service, without.Captures.AddressStart, without.Captures.UserStart, without.Captures.Ambiguous),
            shown);
    }

    // One begins, the other goes on.
    private static byte[] Joined(byte[] one, byte[] other, Random random) => [.. one[..random.Next(one.Length + 1)], .. other[random.Next(other.Length + 1)..]];

    private static ReadOnlySpan<byte> Readable(byte[] message) => Scan.Copy(message, new byte[message.Length + Scan.Readable]);

    private static Template TemplateOf(string text) =>
        RuleSet.Only(("one.rules", $"programs one\nservice ssh\nfailure {text}\n")).Compiled[0].Rules[0].Templates[0];
}
