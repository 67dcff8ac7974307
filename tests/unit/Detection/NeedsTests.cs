using System.Text;
using RateWall.Detection.Logs;
using Xunit;

namespace RateWall.UnitTests.Detection;

public sealed class NeedsTests
{
    // More than it takes until a beginning is remembered, and then until it is known what its messages lack.
    private const int Enough = 1600;

    public static TheoryData<string> RuleFiles => [.. RuleSet.BuiltIn.Compiled.Select(f => f.Description.Name)];

    [Theory]
    [InlineData("gone from 192.0.2.7 port 22", "gone from {address} port {port} timed out", "gone from {address}: {text}")]
    [InlineData("gone: 192.0.2.7: 11: bye", "gone: {address}: 3: {text}", "gone: {address}: 13: {text}")]
    [InlineData("A1B2: client=a[192.0.2.7]", "{word}: client={host}[{address}], sasl_method={word}", "{word}: reject: from {host}[{address}]")]
    public void Of_TemplatesThatTheMessageLacksSomethingOf_IsThat(string line, params string[] templates)
    {
        Needs? needs = Of(line, templates);
        Assert.NotNull(needs);
        Assert.True(needs.AreAbsent(Readable(Encoding.UTF8.GetBytes(line))));
    }

    [Theory]
    [InlineData("gone from 192.0.2.7 bye", "gone from {address} bye")]
    [InlineData("gone from 192.0.2.7", "gone from {address}", "gone from {address} bye")]
    [InlineData("gone: x", "gone: {word}")]
    [InlineData("x", "a111 {word}", "b222 {word}", "c333 {word}", "d444 {word}", "e555 {word}")]
    public void Of_TemplatesThatTheMessageLacksNothingOf_IsNull(string line, params string[] templates) => Assert.Null(Of(line, templates));

    [Fact]
    public void AreAbsent_OfNoTemplates_IsTrueOfEveryMessage() => Assert.True(Needs.Of([], "gone"u8)!.AreAbsent(Readable("whatever"u8.ToArray())));

    // Whatever a message lacked, no message that matches one of the templates lacks it.
    [Theory]
    [MemberData(nameof(RuleFiles))]
    public void AreAbsent_OfAMessageThatMatches_IsFalse(string name)
    {
        RuleFile file = RuleSet.BuiltIn.Compiled.Single(f => f.Description.Name == name);
        Template[] all = [.. file.Rules.SelectMany(r => r.Templates)];
        byte[][] samples = [.. file.Samples.Select(s => Encoding.UTF8.GetBytes(s.Line))];
        var random = new Random(4714);
        for (int i = 0; i < 200; i++)
        {
            Template[] some = [.. random.GetItems(all, random.Next(1, 9))];
            if (Needs.Of(some, samples[random.Next(samples.Length)]) is not { } needs) continue;
            foreach (byte[] sample in samples)
                if (needs.AreAbsent(Readable(sample))) Assert.DoesNotContain(some, t => t.Match(Readable(sample), out _));
        }
    }

    // Whatever messages went the long way in vain until it was known what they lack, each sample of the file is matched as without.
    [Theory]
    [MemberData(nameof(RuleFiles))]
    public void MatchInBlock_WithNeedsKnown_IsThatWithout(string name)
    {
        RuleFile file = RuleSet.BuiltIn.Compiled.Single(f => f.Description.Name == name);
        byte[][] samples = [.. file.Samples.Select(s => Encoding.UTF8.GetBytes(s.Line))];
        var random = new Random(4715);
        foreach (byte[] begun in samples)
        {
            byte[] learned = [.. begun[..random.Next(begun.Length)], .. " and no more"u8];
            if (file.Match(learned, null, out _)) continue;
            var recent = new RecentBeginnings();
            for (int i = 0; i < Enough; i++) file.MatchInBlock(Readable(learned), null, recent, out _);
            foreach (byte[] sample in samples)
            {
                bool expected = file.Match(sample, null, out RuleMatch without);
                bool found = file.MatchInBlock(Readable(sample), null, recent, out RuleMatch with);
                Assert.True(expected == found && ReferenceEquals(with.Rule, without.Rule), $"'{Encoding.UTF8.GetString(sample)}' behind '{Encoding.UTF8.GetString(learned)}'");
            }
        }
    }

    private static Needs? Of(string line, string[] templates) =>
        Needs.Of([.. RuleSet.Only(("one.rules", $"programs one\nservice ssh\n{string.Concat(templates.Select(t => $"failure {t}\n"))}")).Compiled[0].Rules.SelectMany(r => r.Templates)], Encoding.UTF8.GetBytes(line));

    private static ReadOnlySpan<byte> Readable(byte[] message) => Scan.Copy(message, new byte[message.Length + Scan.Readable]);
}
