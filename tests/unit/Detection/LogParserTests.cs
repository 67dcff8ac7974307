using System.Text;
using FsCheck;
using FsCheck.Fluent;
using RateWall.Detection;
using RateWall.Detection.Logs;

namespace RateWall.UnitTests.Detection;

public sealed partial class LogParserTests
{
    private const string Failed = "Failed password for root from 192.0.2.7 port 4022 ssh2";
    private static readonly DateTimeOffset Now = new(2026, 11, 21, 5, 0, 0, TimeSpan.Zero);
    private static readonly long Four = new DateTimeOffset(2026, 11, 21, 4, 0, 0, TimeSpan.Zero).ToUnixTimeMilliseconds();

    [Fact]
    public void Try_WithSeveralLines_CountsOnce()
    {
        List<Seen> seen = Read(
            Line(0, 7, "Invalid user admin from 192.0.2.7 port 4022"),
            Line(1, 7, "pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=192.0.2.7 "),
            Line(3, 7, "Failed password for invalid user admin from 192.0.2.7 port 4022 ssh2"),
            Line(4, 7, "Connection closed by invalid user admin 192.0.2.7 port 4022 [preauth]"));
        Assert.Equal([new("ssh", AttemptKind.Invalid, "192.0.2.7", "admin", 1, Four + 3000)], seen);
    }

    [Fact]
    public void Try_OfWhichPamTellsInAProcessOfItsOwn_CountsOnce()
    {
        List<Seen> seen = Read(
            Line(0, 9, "pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=192.0.2.7  user=bob"),
            Line(2, 7, "error: PAM: Authentication failure for bob from 192.0.2.7"),
            Line(2, 7, "Failed keyboard-interactive/pam for bob from 192.0.2.7 port 4022 ssh2"),
            Line(60, 7, "Connection from 198.51.100.9 port 4022 on 192.0.2.10 port 22"));
        Assert.Equal([new("ssh", AttemptKind.Failure, "192.0.2.7", "bob", 1, Four + 2000)], seen);
    }

    [Fact]
    public void Keys_RefusedBeforeASuccess_AreNoAttack()
    {
        List<Seen> seen = Read(
            Line(0, 7, "Failed publickey for bob from 192.0.2.7 port 4022 ssh2: RSA SHA256:bm90IGEga2V5"),
            Line(1, 7, "Failed publickey for bob from 192.0.2.7 port 4022 ssh2: ED25519 SHA256:bm90IGEga2V5"),
            Line(2, 7, "Accepted publickey for bob from 192.0.2.7 port 4022 ssh2: ED25519 SHA256:a2V5"));
        Assert.Equal([new("ssh", AttemptKind.Success, "192.0.2.7", "bob", 1, Four + 2000)], seen);
    }

    [Fact]
    public void Notes_ThatNothingFollows_CountOnceAndAsTheStrongest()
    {
        List<Seen> seen = Read(
            Line(0, 7, "Connection closed by 192.0.2.7 port 4022 [preauth]"),
            Line(1, 7, "Invalid user admin from 192.0.2.7 port 4022"),
            Line(2, 7, "Failed none for invalid user admin from 192.0.2.7 port 4022 ssh2"),
            Line(3, 8, "Connection closed by 198.51.100.9 port 4022 [preauth]"));
        Assert.Equal(
            [new("ssh", AttemptKind.Invalid, "192.0.2.7", "admin", 1, Four), new("ssh", AttemptKind.Probe, "198.51.100.9", null, 1, Four + 3000)],
            seen);
    }

    [Fact]
    public void Echo_OfAnotherProcess_NeverCounts() =>
        Assert.Empty(Read("Nov 21 04:00:00 mx01 dovecot: auth-worker(12): pam(root,192.0.2.7): unknown user\n"));

    [Fact]
    public void Tries_OfAnyLog_AreTheSameHoweverItIsCut()
    {
        string[] messages =
        [
            "Invalid user admin from 192.0.2.7 port 4022", "Failed password for invalid user admin from 192.0.2.7 port 4022 ssh2", Failed,
            "Connection closed by invalid user admin 192.0.2.7 port 4022 [preauth]", "Accepted password for bob from 192.0.2.7 port 4022 ssh2",
            "Failed publickey for bob from 192.0.2.7 port 4022 ssh2", "Server listening on 0.0.0.0 port 22.", new string('x', 9000),
            "Did not receive identification string from 192.0.2.9 port 1",
        ];
        Gen<(int Message, int Pid, int Gap)> line =
            from m in Gen.Choose(0, messages.Length - 1)
            from p in Gen.Choose(1, 3)
            from g in Gen.Choose(0, 14)
            select (m, p, g);
        var cases = (from lines in line.ArrayOf() from cut in Gen.Choose(1, 400) from restart in Gen.Elements(true, false) select (lines, cut, restart)).ToArbitrary();
        Prop.ForAll(cases, c =>
        {
            int second = 0;
            string log = string.Concat(c.lines.Select(l => Line(second += l.Gap, l.Pid, messages[l.Message])));
            return Read(log, cut: 0).SequenceEqual(Read(log, cut: c.cut, restart: c.restart));
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void Line_OfTenMegabytes_IsCountedAndSkipped()
    {
        string log = Line(0, 7, Failed + new string('x', 10_000_000) + " " + Failed) + Line(1, 7, Failed);
        foreach (int cut in new[] { 0, 1 << 16, 777_777 })
            Assert.Equal([new("ssh", AttemptKind.Failure, "192.0.2.7", "root", 1, Four + 1000)], Read(log, cut: cut));
    }

    [Fact]
    public void Line_WithBrokenUtf8_KeepsItsBytes()
    {
        var parser = new LogParser(RuleSet.BuiltIn, Now, TimeZoneInfo.Utc);
        byte[] line = [.. "Failed password for a"u8, 0xFF, 0, 0xC3, .. " from 192.0.2.7 port 1 ssh2"u8];
        Assert.True(parser.TryExplain(line, [], out Attempt attempt));
        Assert.Equal([(byte)'a', 0xFF, 0, 0xC3], attempt.User.ToArray());
        Assert.Equal("192.0.2.7", attempt.Source.ToString());
    }

    [Fact]
    public void JournalEntry_IsReadByItsOrigin()
    {
        var parser = new LogParser(RuleSet.BuiltIn, Now, TimeZoneInfo.Utc);
        List<Seen> seen = [];
        parser.Read(Encoding.UTF8.GetBytes(Failed), new LineOrigin { Program = "sshd-session"u8, ProcessId = 7, UnixMilliseconds = 42 }, Into(seen));
        parser.Read(Encoding.UTF8.GetBytes(Failed), new LineOrigin { Program = "logger"u8, ProcessId = 7, UnixMilliseconds = 42 }, Into(seen));
        Assert.Equal([new("ssh", AttemptKind.Failure, "192.0.2.7", "root", 1, 42)], seen);
        Assert.Equal(2, parser.Lines);
    }

    private static string Line(int second, int pid, string message) =>
        $"{DateTimeOffset.FromUnixTimeMilliseconds(Four).AddSeconds(second):MMM dd HH:mm:ss} mx01 sshd[{pid}]: {message}\n";

    private static List<Seen> Read(params string[] lines) => Read(string.Concat(lines), "");

    private static List<Seen> Read(string log, string program = "", int cut = 0, bool restart = false)
    {
        var parser = new LogParser(RuleSet.BuiltIn, Now, TimeZoneInfo.Utc);
        List<Seen> seen = [];
        byte[] bytes = Encoding.UTF8.GetBytes(log);
        byte[] name = Encoding.UTF8.GetBytes(program);
        int from = 0, to = 0;
        while (to < bytes.Length)
        {
            to = cut == 0 ? bytes.Length : Math.Min(bytes.Length, to + cut);
            from += parser.Read(bytes.AsSpan(from, to - from), name, Into(seen));
            if (!restart || parser.UnfinishedBytes > 0) continue;
            IReadOnlyList<PendingNote> pending = parser.Pending;
            parser = new(RuleSet.BuiltIn, Now, TimeZoneInfo.Utc);
            parser.Restore(pending);
        }

        parser.Settle(long.MaxValue / 2, Into(seen));
        return [.. seen.OrderBy(s => s.At).ThenBy(s => s.Kind).ThenBy(s => s.Source, StringComparer.Ordinal)];
    }

    private static AttemptHandler Into(List<Seen> seen) => (in Attempt a) => seen.Add(new(
        a.Service, a.Kind, a.HasSource ? a.Source.ToString() : null, a.User.Length > 0 ? Encoding.UTF8.GetString(a.User) : null, a.Count, a.UnixMilliseconds));

    private sealed record Seen(string Service, AttemptKind Kind, string? Source, string? User, int Count, long At);

    private static TimeZoneInfo ZoneWithSummer()
    {
        var rule = TimeZoneInfo.AdjustmentRule.CreateAdjustmentRule(
            DateTime.MinValue.Date, DateTime.MaxValue.Date, TimeSpan.FromHours(1),
            TimeZoneInfo.TransitionTime.CreateFloatingDateRule(new DateTime(1, 1, 1, 2, 0, 0), 3, 5, DayOfWeek.Sunday),
            TimeZoneInfo.TransitionTime.CreateFloatingDateRule(new DateTime(1, 1, 1, 3, 0, 0), 10, 5, DayOfWeek.Sunday));
        return TimeZoneInfo.CreateCustomTimeZone("t", TimeSpan.FromHours(1), "t", "t", "t", [rule]);
    }
}
