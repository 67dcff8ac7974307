using System.Text;
using System.Text.RegularExpressions;
using FsCheck;
using FsCheck.Fluent;
using RateWall.Detection.Logs;

namespace RateWall.UnitTests.Detection;

/// <summary>What a regular expression needs is looked for before it: whatever it matches has to have it.</summary>
public sealed class RegexLiteralsTests
{
    // A piece of a pattern, and what of a text it takes.
    private static readonly Gen<(string Pattern, string Text)> Atoms = Gen.OneOf(
        Gen.Elements(("ab", "ab"), (" rejected ", " rejected "), (@"\.", "."), (@"\[x\]", "[x]"), (@"\\n", @"\n"), (@"\-\}", "-}"), ("]:", "]:"), ("=", "="), ("\u00E9t\u00E9", "\u00E9t\u00E9")),
        Gen.Elements(("a?", ""), ("ab?", "a"), ("ab??", "ab"), ("ab*", "a"), ("ab*?c", "abbc"), ("ab+c", "abbc"), ("ab+?c", "abc"), ("ab{2}c", "abbc"), ("ab{0,2}?c", "ac"), ("ab{0,}c", "ac")),
        Gen.Elements((".", "x"), (@"\d+", "12"), (@"\w", "w"), (@"[^)\]]", "y"), ("[]ab]", "]"), ("[^]ab]c", "xc"), (@"[\w.-]{2,}", "a-")),
        Gen.Elements(("(?:ab|cd)", "cd"), ("(?:ab)?", ""), (@"(?<user>[^)]*\)|x)", "x"), (@"(?:a\)b(?:c|d(e))f)+", "a)bcf"), ("(?:[(]|a)", "a"), ("(ab)", "ab")));

    [Theory]
    [InlineData("abc", "abc")]
    [InlineData(@"a b\.c", "a b.c")]
    [InlineData("abc?de", "ab", "de")]
    [InlineData("abc*de", "ab", "de")]
    [InlineData("abc{2,3}de", "ab", "de")]
    [InlineData("abc+de", "abc", "de")]
    [InlineData("a?b")]
    [InlineData(@"no MAIL in (?:TFO\*? )?SMTP connection from \[(?<address>[0-9.]+)\] D=", "no MAIL in ", "SMTP connection from [", "] D=")]
    [InlineData("ab|cd")]
    [InlineData("(?:ab|cd)ef", "ef")]
    [InlineData("(?i)ab")]
    [InlineData("ab(?i:cd)ef")]
    [InlineData("xy(?:z(?i)w)ab")]
    [InlineData(@"ab\x41cd")]
    [InlineData(@"ab\bcd")]
    [InlineData(@"ab\tcd")]
    [InlineData("ab{c")]
    [InlineData("[a-z-[x]]ab")]
    [InlineData("ab\u0100cd")]
    public void Of_APattern_IsWhatEveryMatchHolds(string pattern, params string[] expected) =>
        Assert.Equal(expected, RegexLiterals.Of(pattern).Select(Encoding.Latin1.GetString), StringComparer.Ordinal);

    [Fact]
    public void Of_AnyPattern_IsInEveryTextThatItMatches() => Check.One(Config.QuickThrowOnFailure.WithMaxTest(2000), Prop.ForAll(
        Atoms.ListOf().ToArbitrary(),
        atoms =>
        {
            string pattern = string.Concat(atoms.Select(a => a.Pattern)), text = string.Concat(atoms.Select(a => a.Text));
            if (!Regex.IsMatch(text, @"\A(?:" + pattern + @")\z", RegexOptions.NonBacktracking)) return false;
            int at = 0;
            foreach (byte[] literal in RegexLiterals.Of(pattern))
            {
                string wanted = Encoding.Latin1.GetString(literal);
                at = text.IndexOf(wanted, at, StringComparison.Ordinal);
                if (at < 0) return false;
                at += wanted.Length;
            }

            return true;
        }));

    [Fact]
    public void ShippedPatterns_AllNeedSomethingThatOtherLinesLack()
    {
        Template[] all = [.. RuleSet.BuiltIn.Compiled.SelectMany(f => f.Rules).SelectMany(r => r.Templates).Where(t => t.Pieces.Count == 0)];
        Assert.NotEmpty(all);
        Assert.All(all, template => Assert.Contains(template.Literals, literal => literal.Length > 3));
    }
}
