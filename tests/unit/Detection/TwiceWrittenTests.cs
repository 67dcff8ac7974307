using System.Text;
using RateWall.Detection;
using RateWall.Detection.Logs;

namespace RateWall.UnitTests.Detection;

/// <summary>Exim writes each refusal to syslog twice, as info and as notice; a try counts once, and tries that are alike count all.</summary>
public sealed class TwiceWrittenTests
{
    private const int Notice = 5;
    private const int Info = 6;
    private const string Refused = "2026-11-21 04:00:00 login authenticator failed for (x) [192.0.2.7]: 535 Incorrect authentication data (set_id=bob)";

    private static readonly long Four = new DateTimeOffset(2026, 11, 21, 4, 0, 0, TimeSpan.Zero).ToUnixTimeMilliseconds();

    // Each character is an entry: i(nfo), n(otice), of process 7; I and N of process 8.
    [Theory]
    [InlineData("in", 1)]
    [InlineData("inin", 2)]
    [InlineData("ininin", 3)]
    [InlineData("iINn", 2)]
    [InlineData("iInN", 2)]
    // syslog_duplication off: refusals go out as notice alone.
    [InlineData("nnn", 3)]
    // write_rejectlog off: as info alone.
    [InlineData("iii", 3)]
    // The copy was lost.
    [InlineData("iin", 2)]
    // The line before its copy was lost.
    [InlineData("nin", 2)]
    public void JournalEntries_OfOneName_CountByTheirPriority(string entries, int tries)
    {
        LogParser parser = Parser();
        int counted = 0;
        foreach (char c in entries) counted += Read(parser, Refused, char.IsAsciiLetterUpper(c) ? 8 : 7, char.ToLowerInvariant(c) == 'i' ? Info : Notice, Four);
        Assert.Equal(tries, counted);
    }

    [Fact]
    public void JournalEntry_OfAnotherText_IsNoCopy()
    {
        LogParser parser = Parser();
        Assert.Equal(1, Read(parser, Refused, 7, Info, Four));
        Assert.Equal(1, Read(parser, Refused.Replace("04:00:00", "04:00:01", StringComparison.Ordinal), 7, Notice, Four));
        Assert.Equal(1, Read(parser, Refused, 7, Info, Four));
        Assert.Equal(1, Read(parser, Refused.Replace("bob", "joe", StringComparison.Ordinal), 7, Notice, Four));
    }

    [Fact]
    public void JournalEntry_LongAfter_IsNoCopy()
    {
        LogParser parser = Parser();
        Assert.Equal(1, Read(parser, Refused, 7, Info, Four));
        Assert.Equal(1, Read(parser, Refused, 7, Notice, Four + TwiceWritten.ApartMilliseconds + 1));
    }

    [Fact]
    public void Limit_WrittenTwice_CountsOnce()
    {
        LogParser parser = Parser();
        const string Dropped = "2026-11-21 04:00:00 SMTP call from [192.0.2.7] dropped: too many unrecognized commands (last was \"x\")";
        Assert.Equal(1, Read(parser, Dropped, 7, Info, Four));
        Assert.Equal(0, Read(parser, Dropped, 7, Notice, Four));
    }

    [Theory]
    [InlineData(Info, Notice, 0)]
    [InlineData(null, null, 0)]
    [InlineData(Notice, Notice, 1)]
    public void Copy_ThatOnlyTheNextRunReads_IsKnown(int? first, int? second, int expected)
    {
        LogParser parser = Parser();
        Assert.Equal(1, Read(parser, Refused, 7, first, Four));
        LogParser next = Parser();
        next.Restore(parser.Pending);
        Assert.Equal(expected, Read(next, Refused, 7, second, Four + 10));
    }

    [Fact]
    public void FileOfSyslog_WithoutPriorities_EverySecondEqualLineIsACopy()
    {
        string one = $"Nov 21 04:00:00 mx01 exim[7]: {Refused}\n", other = $"Nov 21 04:00:00 mx01 exim[8]: {Refused}\n";
        Assert.Equal(1, Read(one + one));
        Assert.Equal(2, Read(one + one + one));
        Assert.Equal(2, Read(one + other + one + other));
        // rsyslog leaves out what comes once more.
        Assert.Equal(2, Read(one + $"Nov 21 04:00:00 mx01 exim[7]: message repeated 3 times: [ {Refused}]\n"));
        Assert.Equal(3, Read(one + $"Nov 21 04:00:00 mx01 exim[7]: message repeated 3 times: [ {Refused}]\n" + one));
        // Other forms of the header, and a second that passes between the two.
        Assert.Equal(1, Read($"2026-11-21T04:00:00.900000+00:00 mx01 exim[7]: {Refused}\n2026-11-21T04:00:01.100000+00:00 mx01 exim[7]: {Refused}\n"));
        // Exim's own stamp tells two tries apart.
        Assert.Equal(2, Read(one + one.Replace("21 04:00:00 login", "21 04:00:01 login", StringComparison.Ordinal)));
    }

    [Fact]
    public void OwnLog_HasNoCopies()
    {
        Assert.Equal(3, Read(string.Concat(Enumerable.Repeat(Refused + "\n", 3)), "exim"));
        Assert.Equal(3, Read(string.Concat(Enumerable.Repeat(Refused.Replace("login auth", "[7] login auth", StringComparison.Ordinal) + "\n", 3)), "exim"));
    }

    [Fact]
    public void FileOfADaemonThatWritesOnce_CountsEqualLines()
    {
        string line = "Nov 21 04:00:00 mx01 sshd[7]: Failed password for root from 192.0.2.7 port 4022 ssh2\n";
        Assert.Equal(2, Read(line + line));
    }

    [Fact]
    public void Processes_AreBounded()
    {
        LogParser parser = Parser();
        for (int process = 1; process <= TwiceWritten.MaxProcesses + 1; process++) Read(parser, Refused, process, Info, Four);
        Assert.Equal(TwiceWritten.MaxProcesses, parser.Pending.Count(n => n.Line.Length > 0 && n.Kind == AttemptKind.None));
        Assert.Equal(0, Read(parser, Refused, 2, Notice, Four));
        Assert.Equal(1, Read(parser, Refused, 1, Notice, Four));
    }

    [Fact]
    public void Heading_WithoutAPriority_IsRefused()
    {
        RuleException wrong = Assert.Throws<RuleException>(() => RuleSet.Only(("t.rules", "programs testd\nservice test\ntwice often\nfailure refused {address}")));
        Assert.Contains("t.rules:3: 'twice often' names no priority", wrong.Message, StringComparison.Ordinal);
    }

    private static LogParser Parser() => new(RuleSet.BuiltIn, DateTimeOffset.FromUnixTimeMilliseconds(Four), TimeZoneInfo.Utc);

    private static int Read(LogParser parser, string message, int process, int? priority, long time)
    {
        int counted = 0;
        parser.Read(
            Encoding.UTF8.GetBytes(message),
            new LineOrigin { Program = "exim"u8, ProcessId = process, UnixMilliseconds = time, Priority = priority },
            (in Attempt attempt) => counted += attempt.Count);
        return counted;
    }

    private static int Read(string text, string program = "")
    {
        int counted = 0;
        Parser().Read(Encoding.UTF8.GetBytes(text), Encoding.UTF8.GetBytes(program), (in Attempt attempt) => counted += attempt.Count);
        return counted;
    }
}
