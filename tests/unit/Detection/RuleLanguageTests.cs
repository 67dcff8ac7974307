using RateWall.Detection;
using RateWall.Detection.Logs;

namespace RateWall.UnitTests.Detection;

public sealed class RuleLanguageTests
{
    [Theory]
    [InlineData("failure {user}{address} failed", "t.rules:3: {user} and {address} touch")]
    [InlineData("failure login of {word}from {address}", "t.rules:3: 'f' behind {word} may belong to it")]
    [InlineData("failure login of {nobody} from {address}", "t.rules:3: '{nobody}' is not a hole")]
    [InlineData("failure login of {user from", "t.rules:3: a '{' without its '}'")]
    [InlineData("failure login } of", "t.rules:3: a '}' without its '{'")]
    [InlineData("failure {user} and {user} at {address}", "t.rules:3: {user} stands twice")]
    [InlineData("failure {text}: fields(rip={address}, \", \")", "t.rules:3: a hostile hole in front of fields(...)")]
    [InlineData("failure login: fields(rip={address})", "t.rules:3: fields(...) does not end in its separator")]
    [InlineData("failure {=a|b|c|d|e}{=a|b|c|d|e}{=a|b|c|d|e} from", "t.rules:3: the options of this template make more than 64 templates")]
    [InlineData("failure {address}", "t.rules:3: hardly any fixed text")]
    [InlineData("wrong login from {address}", "t.rules:3: 'wrong' is no kind and no heading")]
    [InlineData("failure", "t.rules:3: a rule without a template")]
    [InlineData("note failure", "t.rules:3: a rule needs a kind and a template")]
    [InlineData("part imap", "t.rules:3: a part needs its service")]
    [InlineData("header stamp", "t.rules:3: 'header stamp' is not known")]
    [InlineData("opens {session} began", "t.rules:3: 'opens' without a session or an address")]
    [InlineData("opens began for {address}", "t.rules:3: 'opens' without a session or an address")]
    [InlineData("programs a ->", "t.rules:3: '->' without its service")]
    [InlineData("in b\nfailure from {address}", "t.rules:3: 'b' is no part")]
    [InlineData("failure login from {address}\n| login\nfailure x", "t.rules:5: a sample without its result")]
    [InlineData("failure login from {address}\n| login\n= sometimes", "t.rules:5: 'sometimes' is no kind")]
    [InlineData("failure login from {address}\n| login\n= failure from=x", "t.rules:5: 'from=x' is not understood")]
    [InlineData("header two words", "t.rules:3: 'header two words' is not known")]
    [InlineData("failure regex (?<address>", "t.rules:3: ")]
    [InlineData("failure regex (.)\\1 from (?<address>.*)", "t.rules:3: ")]
    [InlineData("failure regex (?<=x)from (?<address>.*)", "t.rules:3: ")]
    [InlineData("failure regex from (?<adress>.*)", "t.rules:3: 'adress' is no group")]
    [InlineData("failure regex ((x{999}){999}){999} from", "t.rules:3: ")]
    [InlineData("failure regex .*", "t.rules:3: the pattern matches an empty line")]
    [InlineData("", "t.rules:3: there are no rules")]
    public void RuleFile_WithAMistake_IsRefusedWithPlaceAndRemedy(string text, string expected)
    {
        RuleException e = Assert.Throws<RuleException>(() => RuleSet.Load([("t.rules", "programs testd\nservice test\n" + text)]));
        Assert.StartsWith(expected, e.Message, StringComparison.Ordinal);
        Assert.Contains("; ", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void OperatorFile_OfTheSameName_ReplacesTheShippedOne()
    {
        RuleSet rules = RuleSet.Load([("/etc/x/sshd.rules", "programs sshd\nservice ssh\nfailure not from {address}"), ("new.rules", "programs newd\nservice new\nprobe hello {address}")]);
        Assert.Equal("not from {address}", Assert.Single(rules.Files.Single(f => f.Name == "sshd").Rules).Template);
        Assert.Contains(rules.Files, f => f.Name == "new");
        Assert.Contains(rules.Files, f => f.Name == "dovecot");
    }

    [Theory]
    // Left of the anchor clients write: the last one counts. Right: the first. On both sides: there may be but one.
    [InlineData("failure user {user} at {address} failed", "user x at 192.0.2.1 failed at 198.51.100.9 failed", "198.51.100.9")]
    [InlineData("failure from {address} user {user}", "from 198.51.100.9 user x from 192.0.2.1 user y", "198.51.100.9")]
    [InlineData("failure user {user} at {address} said {text}", "user x at 198.51.100.9 said y", "198.51.100.9")]
    [InlineData("failure user {user} at {address} said {text}", "user x at 192.0.2.1 said y at 198.51.100.9 said z", null)]
    [InlineData("failure user {user} at {address} said {text}", "user x at 192.0.2.1 said y at 192.0.2.1 said z", null)]
    // One reading allows no second anchor and agrees with the other; a third finds another address.
    [InlineData("failure ({user},{address},sasl:{word}{=)<{calm}>|,master)<{calm}>}: {=|{word}: |request [{num}]: {word}: }{=bar: {text}|foo}", "(x,203.0.113.9,sasl:22)<text>: request [22]: 22: bar: ,192.0.2.66,sasl:22,master)<y>: foo", null)]
    // An empty text at the end has lost the blank in front of it, and still belongs to this rule.
    [InlineData("failure user {user} at {address} said: {text}", "user x at 198.51.100.9 said: ", "198.51.100.9")]
    [InlineData("failure ({user},{address}): not known: {text}\nfailure ({user},{address}): unknown user{? {text}}", "(,192.0.2.1): unknown user x ,198.51.100.9): not known: ", null)]
    [InlineData("failure {user}: {address}: denied", "x: 192.0.2.1: denied: 198.51.100.9: denied", "198.51.100.9")]
    [InlineData("failure from {address}: {text}", "from 2001:db8::9: x", "2001:db8::9")]
    [InlineData("failure host {host} ({address}) twice [{address}]", "host a (198.51.100.9) twice [::ffff:198.51.100.9]", "198.51.100.9")]
    [InlineData("failure helo {helo} from {address}", "helo [192.0.2.1] from 198.51.100.9", "198.51.100.9")]
    [InlineData("failure {{brace}} {address}", "{brace} 198.51.100.9", "198.51.100.9")]
    [InlineData("failure from {address} only", "from mail.example.com only", null)]
    [InlineData("failure [client {peer}] user", "[client 198.51.100.9:4022] user", "198.51.100.9")]
    [InlineData("failure [client {peer}] user", "[client 2001:db8::9:4022] user", "2001:db8::9")]
    [InlineData("failure from {peer} user", "from [2001:db8::9]:4022 user", "2001:db8::9")]
    [InlineData("failure from {peer} user", "from [::ffff:198.51.100.9]:4022 user", "198.51.100.9")]
    [InlineData("failure from {peer} user", "from mail.example.com:25 user", null)]
    [InlineData("failure regex login of (?<user>.*) from (?<address>[0-9a-f.:]+) \\(try (?<count>\\d+)\\)", "login of x from 192.0.2.1 (try 7) from 198.51.100.9 (try 3)", "198.51.100.9")]
    [InlineData("failure regex login of (?<user>.*?) from (?<address>\\S+).*", "login of x from nowhere", null)]
    [InlineData("failure regex login failed\\.", "login failed.", null)]
    public void Anchor_AmongForgeries_IsTheDaemonsOwn(string rule, string line, string? expected)
    {
        RuleSet rules = RuleSet.Only(("t.rules", "programs testd\nservice test\n" + rule));
        var parser = new LogParser(rules, DateTimeOffset.UnixEpoch, TimeZoneInfo.Utc);
        Assert.True(parser.TryExplain(System.Text.Encoding.UTF8.GetBytes(line), "testd"u8, out Attempt attempt));
        Assert.Equal(expected, attempt.HasSource ? attempt.Source.ToString() : null);
    }

    [Theory]
    [InlineData("failure host {host} ({address}) twice [{address}]", "host a (192.0.2.1) twice [198.51.100.9]")]
    [InlineData("failure from {address} port {port}", "from 198.51.100.9 port 123456")]
    [InlineData("failure from {address} port {port}", "from 198.51.100.9 port 12 more")]
    public void Line_ThatIsAlmostRight_DoesNotMatch(string rule, string line)
    {
        RuleSet rules = RuleSet.Only(("t.rules", "programs testd\nservice test\n" + rule));
        Assert.False(new LogParser(rules, DateTimeOffset.UnixEpoch, TimeZoneInfo.Utc).TryExplain(System.Text.Encoding.UTF8.GetBytes(line), "testd"u8, out _));
    }

    [Theory]
    [InlineData("postfix/smtpd", "smtp")]
    [InlineData("postfix/smtps/smtpd", "submission")]
    [InlineData("/usr/lib/postfix/smtpd", null)]
    [InlineData("mx1/smtpd", "smtp")]
    [InlineData("mx1/2/smtpd", "smtp")]
    [InlineData("mx1/submission/smtpd", "submission")]
    [InlineData("mx1/2/submission/smtpd", "submission")]
    [InlineData("mx1/postscreen", null)]
    [InlineData("other", "test")]
    public void Program_WithAServiceOfItsOwn_IsCountedThere(string program, string? expected)
    {
        RuleSet rules = RuleSet.Only(("t.rules", "programs other\nprograms postfix/smtpd */smtpd -> smtp\nprograms postfix/smtps/smtpd */submission/smtpd -> submission\nservice test\nfailure refused {address}"));
        var parser = new LogParser(rules, DateTimeOffset.UnixEpoch, TimeZoneInfo.Utc);
        string? service = null;
        parser.Read(System.Text.Encoding.UTF8.GetBytes($"Nov 21 04:00:00 host {program}[7]: refused 192.0.2.7\n{new string('x', 100)}"), [], (in Attempt a) => service = a.Service);
        Assert.Equal(expected, service);
        Assert.True(parser.TryExplain("refused 192.0.2.7"u8, [], out Attempt bare));
        Assert.Equal("test", bare.Service);
    }

    [Theory]
    [InlineData("refused 192.0.2.7", true)]
    [InlineData("2026-11-21 04:00:00 refused 192.0.2.7", true)]
    [InlineData("2026-11-21 04:00:00.123 refused 192.0.2.7", true)]
    [InlineData("2026-11-21 04:00:00 +0100 [4711] refused 192.0.2.7", true)]
    [InlineData("Nov 21 04:00:00 host testd[1]: 2026-11-21 04:00:00 [4711] refused 192.0.2.7", true)]
    [InlineData("Nov 21 04:00:00 host testd[1]: 2026-11-21 04:00:00 x refused 192.0.2.7", false)]
    [InlineData("[47x1] refused 192.0.2.7", false)]
    [InlineData("2026-11-21 04:00:00", false)]
    [InlineData("+0100 [", false)]
    public void Message_WithAStampOfItsOwn_IsReadBehindIt(string line, bool expected)
    {
        RuleSet rules = RuleSet.Only(("t.rules", "programs testd\nservice test\nheader stamped\nfailure refused {address}"));
        var parser = new LogParser(rules, DateTimeOffset.UnixEpoch, TimeZoneInfo.Utc);
        Assert.Equal(expected, parser.TryExplain(System.Text.Encoding.UTF8.GetBytes(line), line.StartsWith("Nov", StringComparison.Ordinal) ? default : "testd"u8, out _));
    }

    [Theory]
    [InlineData(300, "refused by 198.51.100.1", true)]
    [InlineData(400, "refused by 198.51.100.1", false)]
    [InlineData(400, "refused by 198.51.100.1 now", true)]
    public void Address_AtTheEndOfALongLine_MayHaveBeenCut(int length, string end, bool expected)
    {
        RuleSet rules = RuleSet.Only(("t.rules", "programs testd\nservice test\nfailure {user} refused by {address}{? now}"));
        string line = new string('x', length - end.Length - 1) + " " + end;
        Assert.True(new LogParser(rules, DateTimeOffset.UnixEpoch, TimeZoneInfo.Utc).TryExplain(System.Text.Encoding.UTF8.GetBytes(line), "testd"u8, out Attempt attempt));
        Assert.Equal(expected, attempt.HasSource);
    }

    [Fact]
    public void RuleInAProgram_IsNotTriedForOthers()
    {
        RuleSet rules = RuleSet.Only(("t.rules", "programs a -> x\nprograms b -> y\nservice test\nin b\nfailure refused {address}"));
        var parser = new LogParser(rules, DateTimeOffset.UnixEpoch, TimeZoneInfo.Utc);
        Assert.False(parser.TryExplain("refused 192.0.2.7"u8, "a"u8, out _));
        Assert.True(parser.TryExplain("refused 192.0.2.7"u8, "b"u8, out _));
    }

    [Fact]
    public void Regex_OnHostileText_TakesTimeInProportionToIt()
    {
        // What backtracking would try in 2^n ways.
        RuleSet rules = RuleSet.Only(("t.rules", "programs testd\nservice test\nfailure regex (a+)+(a|aa)+x from (?<address>\\S+) now"));
        var parser = new LogParser(rules, DateTimeOffset.UnixEpoch, TimeZoneInfo.Utc);
        byte[] hostile = new byte[8000];
        hostile.AsSpan().Fill((byte)'a');
        // The limit goes by the clock, and a busy machine may stand still for longer; what takes 2^n steps never ends in time.
        Assert.Contains(Enumerable.Range(0, 20), turn =>
        {
            long before = rules.RegexTimeouts;
            return !parser.TryExplain(hostile, "testd"u8, out _)
                && parser.TryExplain([.. hostile, .. "x from 192.0.2.7 now"u8], "testd"u8, out Attempt attempt)
                && attempt.Source.ToString() == "192.0.2.7"
                && rules.RegexTimeouts == before;
        });
    }

    [Fact]
    public void Regex_GivesUserBytesAndCount()
    {
        RuleSet rules = RuleSet.Only(("t.rules", "programs testd\nservice test\nfailure regex (?<count>[0-9]+) logins of (?<user>.*) from (?<address>\\S+)"));
        var parser = new LogParser(rules, DateTimeOffset.UnixEpoch, TimeZoneInfo.Utc);
        Assert.True(parser.TryExplain([.. "message repeated 2 times: [ 3 logins of "u8, 0xFF, 0, 0x0A, .. " from 192.0.2.7]"u8], "testd"u8, out Attempt attempt));
        Assert.Equal([0xFF, 0, 0x0A], attempt.User.ToArray());
        Assert.Equal(6, attempt.Count);
    }

    [Fact]
    public void Regexes_AreBounded()
    {
        const string Head = "programs testd\nservice test\n";
        string many = Head + string.Concat(Enumerable.Range(0, RegexPattern.MaxPerFile + 1).Select(i => $"failure regex x{i}\n"));
        Assert.Contains("more than 64 regular expressions", Assert.Throws<RuleException>(() => RuleSet.Load([("t.rules", many)])).Message, StringComparison.Ordinal);
        string pattern = Head + "failure regex " + new string('x', RegexPattern.MaxLength + 1);
        Assert.Contains("at most 1000", Assert.Throws<RuleException>(() => RuleSet.Load([("t.rules", pattern)])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Sample_ThatIsWrong_IsNamed()
    {
        RuleSet rules = RuleSet.Only(("t.rules", "programs testd\nservice test\nfailure login from {address}\n| login from 192.0.2.1\n= failure source=192.0.2.2"));
        Assert.StartsWith("t.rules:4: ", Assert.Single(rules.CheckSamples()), StringComparison.Ordinal);
    }
}
