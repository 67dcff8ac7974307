using RateWall.Detection.Logs;

namespace RateWall.UnitTests.Detection;

public sealed class RuleLintTests
{
    private const string Head = "programs testd\nservice test\n";

    [Theory]
    [InlineData("failure login of {user} from {address}\n| login of a from 192.0.2.1\n= failure source=192.0.2.1 user=a\nfailure login of {user} from {address}", "t.rules:6: shadowed", "t.rules:6: no-sample")]
    [InlineData("failure {text} from {address}\nnote probe bye from {address}", "t.rules:3: no-sample", "t.rules:4: no-sample", "t.rules:4: shadowed")]
    [InlineData("failure login {text} from {address}\nprobe login of all from {address}", "t.rules:3: no-sample", "t.rules:4: no-sample", "t.rules:4: shadowed")]
    [InlineData("note failure from {address} x {port}\n| from 192.0.2.1 x 1\n= failure source=192.0.2.1")]
    [InlineData("failure {user} at {address} said {text}\n| a at 192.0.2.1 said b\n= failure source=192.0.2.1 user=a", "t.rules:3: two-sided")]
    // What the operator calls the daemon's own is not.
    [InlineData("failure regex login of (?<user>.*?) from (?<address>[0-9.]+) .*\n| login of a from 192.0.2.1 refused\n= failure source=192.0.2.1 user=a", "t.rules:4: forged")]
    [InlineData("failure regex login of (?<user>.*) from (?<address>[0-9.]+) refused\n| login of a from 192.0.2.1 refused\n= failure source=192.0.2.1 user=a")]
    [InlineData("failure login from {address}\n| login from 192.0.2.1\n= failure source=192.0.2.1\nnone {text} from {address}, {text}")]
    public void Lint_OfAFile_FindsWhatIsOdd(string text, params string[] expected)
    {
        RuleSet rules = RuleSet.Only(("t.rules", Head + text));
        Assert.Equal(expected.Order(StringComparer.Ordinal), rules.Lint().Select(f => $"{f.Place}: {f.Name}").Order(StringComparer.Ordinal), StringComparer.Ordinal);
    }

    [Fact]
    public void Lint_OfARuleBehindAnotherFileOfTheSameProgram_SaysWhoTakesItsLines()
    {
        RuleSet rules = RuleSet.Only(("a.rules", Head + "failure {text} from {address}"), ("b.rules", Head + "failure login of {user} from {address}"));
        Assert.Contains(rules.Lint("b"), f => f is { Name: "shadowed", IsFault: true } && f.Text.StartsWith("a.rules:3 takes its lines", StringComparison.Ordinal));
        Assert.DoesNotContain(rules.Lint("a"), f => f.IsFault);
    }

    [Fact]
    public void Lint_OfTheShippedFiles_FindsNoFault() => Assert.DoesNotContain(RuleSet.BuiltIn.Lint(), f => f.IsFault);

    [Fact]
    public void NoneRule_ClaimsItsLines_AndPutsDoubtOnOthers()
    {
        RuleSet rules = RuleSet.Only(("t.rules", Head + "failure [{user}] failed from \"{address}\"\nnone [{user}] did from \"{address}\": {text}"));
        var parser = new LogParser(rules, DateTimeOffset.UnixEpoch, TimeZoneInfo.Utc);
        Assert.False(parser.TryExplain("[bob] did from \"192.0.2.7\": x"u8, "testd"u8, out _));
        Assert.True(parser.TryExplain("[bob] failed from \"192.0.2.7\""u8, "testd"u8, out RateWall.Detection.Attempt plain));
        Assert.True(plain.HasSource);
        Assert.True(parser.TryExplain("[bob] did from \"198.51.100.9\": x] failed from \"192.0.2.1\""u8, "testd"u8, out RateWall.Detection.Attempt forged));
        Assert.False(forged.HasSource);
    }
}
