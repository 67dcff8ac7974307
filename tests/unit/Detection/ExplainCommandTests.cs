using System.Text;
using RateWall.Commands;
using RateWall.Detection.Logs;

namespace RateWall.UnitTests.Detection;

public sealed class ExplainCommandTests
{
    [Fact]
    public void Explain_AsJson_AnswersEveryLineInOrder()
    {
        string input = "Nov 21 04:00:00 h sshd[1]: Failed password for x\"\u00e9 from 192.0.2.7 port 4022 ssh2\n\n" + new string('x', 300_000)
            + "\nnothing\r\nJun 14 15:16:01 combo sshd(pam_unix)[19939]: authentication failure; logname= uid=0 euid=0 tty=NODEVssh ruser= rhost=192.0.2.7  user=root";
        string[] lines = Run(input, OutputFormat.Json).TrimEnd('\n').Split('\n');
        Assert.Equal(
            [
                """{"line":1,"service":"ssh","kind":"failure","source":"192.0.2.7","user":"x\u0022\u00E9","count":1,"rule":"R"}""",
                """{"line":2,"service":null,"kind":null,"source":null,"user":null,"count":null,"rule":null}""",
                """{"line":3,"service":null,"kind":null,"source":null,"user":null,"count":null,"rule":null}""",
                """{"line":4,"service":null,"kind":null,"source":null,"user":null,"count":null,"rule":null}""",
                """{"line":5,"service":"ssh","kind":"failure","source":"192.0.2.7","user":"root","count":1,"rule":"R"}""",
            ],
            lines.Select(WithoutPlace), StringComparer.Ordinal);
    }

    [Fact]
    public void Explain_AsText_SaysWhyAndKeepsTheScreenSafe()
    {
        string text = Run("sshd[1]: Invalid user \u001b[31mx from 192.0.2.7 port 1\nhello\n", OutputFormat.Table);
        Assert.Contains("1: invalid at ssh from 192.0.2.7, user '\\x1b[31mx'", text, StringComparison.Ordinal);
        Assert.Contains("a note", text, StringComparison.Ordinal);
        Assert.Contains("2: no login try", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Explain_AsText_SaysThatAnEchoNeverCounts()
    {
        string text = Run("dovecot: auth-worker(4711): pam(bob,192.0.2.7): pam_authenticate() failed: Authentication failure (password mismatch?)\n", OutputFormat.Table);
        Assert.Contains("an echo: it never counts", text, StringComparison.Ordinal);
        Assert.DoesNotContain("a note", text, StringComparison.Ordinal);
    }

    private static string WithoutPlace(string line)
    {
        int at = line.IndexOf("sshd.rules:", StringComparison.Ordinal);
        return at < 0 ? line : line[..at] + "R\"}";
    }

    private static string Run(string input, OutputFormat format)
    {
        var output = new StringWriter();
        var session = new Session
        {
            ConfigPath = "x",
            ConfigNamed = false,
            StateDirectory = "x",
            Format = format,
            Out = output,
            Error = TextWriter.Null,
        };
        using var stream = new MemoryStream(Encoding.UTF8.GetBytes(input));
        ExplainCommand.Run(RuleSet.BuiltIn, stream, "", session);
        return output.ToString();
    }
}
