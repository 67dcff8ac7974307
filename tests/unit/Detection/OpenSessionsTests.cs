using System.Text;
using RateWall.Detection;
using RateWall.Detection.Logs;

namespace RateWall.UnitTests.Detection;

/// <summary>Lines that name only a session get the address that the session's first line named.</summary>
public sealed class OpenSessionsTests
{
    private static readonly RuleSet Rules = RuleSet.Only(
        ("t.rules", "programs testd\nservice test\nopens {session} from {address} as {text}\nfailure {session} refused {user}"),
        ("u.rules", "programs otherd\nservice test\nopens {session} from {address} as {text}\nfailure {session} refused {user}"));

    [Theory]
    [InlineData("testd: a1 from 198.51.100.9 as x|testd: a1 refused bob", "198.51.100.9")]
    [InlineData("testd: a1 from ::ffff:198.51.100.9 as x|testd: a2 from 203.0.113.9 as x|testd: a1 refused bob", "198.51.100.9")]
    [InlineData("testd: a1 from 198.51.100.9 as from 192.0.2.1 as x|testd: a1 refused a1 from 192.0.2.1 as x", "198.51.100.9")]
    [InlineData("testd: a1 from 198.51.100.9 as x|testd: a2 refused bob", null)]
    [InlineData("testd: a1 from host.example.com as x|testd: a1 refused bob", null)]
    [InlineData("otherd: a1 from 198.51.100.9 as x|testd: a1 refused bob", null)]
    [InlineData("testd: a1 from 198.51.100.9 as x|otherd: a1 refused bob", null)]
    [InlineData("testd: a1 refused bob", null)]
    public void Refusal_InASession_ComesFromWhereTheSessionDoes(string lines, string? expected)
    {
        LogParser parser = Parser();
        Assert.Equal([expected], Sources(parser, lines));
    }

    [Fact]
    public void Session_IsKnownToTheNextRun()
    {
        LogParser first = Parser();
        Assert.Empty(Sources(first, "testd: a1 from 198.51.100.9 as x"));
        LogParser second = Parser();
        second.Restore(first.Pending);
        Assert.Equal(["198.51.100.9"], Sources(second, "testd: a1 refused bob"));
        Assert.Single(second.Pending);
    }

    [Fact]
    public void Sessions_AreBounded()
    {
        LogParser parser = Parser();
        Sources(parser, string.Join('|', Enumerable.Range(0, OpenSessions.MaxSessions + 1).Select(i => $"testd: a{i} from 198.51.100.9 as x")));
        Assert.Equal(OpenSessions.MaxSessions, parser.Pending.Count);
        Assert.Equal([null, "198.51.100.9"], Sources(parser, "testd: a0 refused bob|testd: a1 refused bob"));
    }

    [Fact]
    public void Explain_RemembersSessionsToo()
    {
        LogParser parser = Parser();
        Assert.False(parser.TryExplain("a1 from 198.51.100.9 as x"u8, "testd"u8, out _));
        Assert.True(parser.TryExplain("a1 refused bob"u8, "testd"u8, out Attempt attempt));
        Assert.Equal("198.51.100.9", attempt.Source.ToString());
    }

    [Fact]
    public void OpenSmtpd_RefusedInASession_HasTheSessionsAddressAndNoOther()
    {
        var parser = new LogParser(RuleSet.BuiltIn, DateTimeOffset.UnixEpoch, TimeZoneInfo.Utc);
        const string Lines = "smtpd: 983992243b0287c3 smtp connected address=198.51.100.9 host=<unknown>|"
            + "smtpd: 983992243b0287c3 smtp authentication user=x\\040address=192.0.2.1\\040host=y result=permfail|"
            + "smtpd: 983992243b0287c3 smtp failed-command command=\"AUTH PLAIN (...)\" result=\"535 Authentication failed\"";
        Assert.Equal(["198.51.100.9"], Sources(parser, Lines));
    }

    private static LogParser Parser() => new(Rules, DateTimeOffset.UnixEpoch, TimeZoneInfo.Utc);

    private static List<string?> Sources(LogParser parser, string lines)
    {
        List<string?> sources = [];
        foreach (string line in lines.Split('|'))
        {
            byte[] text = Encoding.UTF8.GetBytes($"Nov 21 04:00:00 host {line.Insert(line.IndexOf(": ", StringComparison.Ordinal), "[7]")}\n");
            parser.Read(text, [], (in Attempt a) => sources.Add(a.HasSource ? a.Source.ToString() : null));
        }

        return sources;
    }
}
