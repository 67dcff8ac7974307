using System.Globalization;
using System.Text;
using FsCheck;
using FsCheck.Fluent;
using RateWall.Commands;
using RateWall.Detection;
using RateWall.Detection.Logs;
using RateWall.Policy;
using RateWall.Storage;
using RateWall.UnitTests.Storage;

namespace RateWall.UnitTests.Detection;

public sealed class HeartbeatTests
{
    private static readonly DateTimeOffset Now = new(2026, 11, 21, 12, 0, 0, TimeSpan.Zero);
    private static readonly EffectivePolicy Policy = PolicyReader.Parse([], new LogFacts(HasJournal: true, _ => false));

    [Fact]
    public void Read_LinesUnderstoodAndNot_AreCountedByProgram()
    {
        ProgramBeat sshd = Assert.Single(Beats(
            "sshd[1]: Failed password for root from 192.0.2.7 port 1 ssh2",
            "sshd[1]: Server listening on 0.0.0.0 port 22.",
            "sshd[2]: Authentication token failed for alice from 192.0.2.7",
            "sshd[3]: Authentication token failed for bob from 192.0.2.8",
            "unheard-of[4]: everything failed for everybody"));
        Assert.Equal(("sshd", 4, 1, 2), (sshd.Program, sshd.Lines, sshd.Matched, sshd.Suspect));
        Assert.Equal(new LineShape("Authentication token failed for * from *", 2), Assert.Single(sshd.Shapes));
    }

    [Fact]
    public void Read_LinesThatARuleSaysAreNoTry_AreUnderstood()
    {
        ProgramBeat postfix = Assert.Single(Beats(
            "postfix/smtpd[1]: warning: mail.example.com[192.0.2.7]: SASL LOGIN authentication failed: Connection lost to authentication server",
            "postfix/smtpd[1]: warning: something else failed"));
        Assert.Equal((2, 1, 1), (postfix.Lines, postfix.Matched, postfix.Suspect));
    }

    [Fact]
    public void Read_JournalEntries_AreCountedToo()
    {
        var heartbeat = new Heartbeat();
        var parser = new LogParser(RuleSet.BuiltIn, Now, TimeZoneInfo.Utc) { Heartbeat = heartbeat };
        parser.Read("the login was refused"u8, new LineOrigin { Program = "sshd"u8 }, (in Attempt _) => { });
        ProgramBeat beat = Assert.Single(heartbeat.Take());
        Assert.Equal((1, 0, 1), (beat.Lines, beat.Matched, beat.Suspect));
        Assert.Empty(heartbeat.Take());
    }

    [Theory]
    [InlineData("Login failed", true)]
    [InlineData("login FAILED", false)]
    [InlineData("Invalid user", true)]
    [InlineData("access denied", true)]
    [InlineData("connection from unknown", false)]
    [InlineData("statistics: max cache size 1", false)]
    public void LooksLikeFailure_ByItsWords(string line, bool expected) =>
        Assert.Equal(expected, FailureWords.AreIn(Encoding.UTF8.GetBytes(line)));

    [Fact]
    public void Shapes_HostileLines_StayBounded()
    {
        Prop.ForAll(ArbMap.Default.ArbFor<byte[][]>(), lines =>
        {
            var shapes = new LineShapes();
            foreach (byte[] line in lines) shapes.Add(line);
            for (int i = 0; i < 100; i++) shapes.Add(Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat("word ", i)) + new string('x', i * 10)));
            return shapes.All.Count <= LineShapes.Most && shapes.All.All(s => s.Text.Length <= LineShapes.MostWords * 25 && s.Text.All(c => c is >= ' ' and <= '~'));
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void Shapes_FrequentAmongManyRare_Stay()
    {
        var shapes = new LineShapes();
        for (int i = 0; i < 500; i++)
        {
            shapes.Add("the frequent form failed"u8);
            shapes.Add(Encoding.ASCII.GetBytes(string.Join(' ', Enumerable.Repeat(new string((char)('a' + (i % 26)), 1 + (i / 26)), 3 + (i % 7)))));
        }

        Assert.Equal(new LineShape("the frequent form failed", 500), shapes.All[0]);
    }

    [Fact]
    public void State_BeatsOfSeveralRuns_AddUpAndTheirShapesMeet()
    {
        using var directory = new TemporaryDirectory();
        using StateDatabase state = StateDatabase.Open(directory.Path, new SetClock(Now), TextWriter.Null);
        foreach (string user in new[] { "alice", "bob", "carol" }) Commit($"token login failed for {user}", Now);
        StoredBeat beat = Assert.Single(state.Beats());
        Assert.Equal(("sshd", 30, 0, 3), (beat.Beat.Program, beat.Beat.Lines, beat.Beat.Matched, beat.Beat.Suspect));
        Assert.Equal(new LineShape("token login failed for *", 3), Assert.Single(beat.Beat.Shapes));
        Assert.Equal(Now, state.WatchedSince);
        Commit("another failed", Now.AddDays(8));
        beat = Assert.Single(state.Beats());
        Assert.Equal((10, 1, Now.AddDays(8)), (beat.Beat.Lines, beat.Beat.Suspect, beat.Since));
        Assert.Equal("another failed", Assert.Single(beat.Beat.Shapes).Text);

        void Commit(string shape, DateTimeOffset at) =>
            state.Commit(new() { Source = "log", Beats = [new("sshd", 10, 0, 1, [new(shape, 1)])], ReadAt = at }, [], []);
    }

    [Theory]
    [InlineData(1000, 0, 5, "sshd: 1000 lines read and none understood, although 5 look like failures")]
    [InlineData(1000, 0, 4, "")]
    [InlineData(1000, 19, 20, "sshd: of 1000 lines read 19 are understood, and 20 more look like failures")]
    [InlineData(1000, 20, 20, "")]
    [InlineData(1000, 1, 19, "")]
    [InlineData(1000, 0, 0, "")]
    public void Judge_ByWhatIsUnderstood(int lines, int matched, int suspect, string expected)
    {
        StoredBeat beat = new(new("sshd", lines, matched, suspect, [new("a", 3), new("b", 2), new("c", 1), new("d", 1)]), Now, Now);
        IReadOnlyList<LogWarning> warnings = LogHealth.Judge([beat], Now, new HashSet<string>(StringComparer.Ordinal), Policy, RuleSet.BuiltIn, Now);
        Assert.Equal(expected, string.Join(' ', warnings.Select(w => w.Text.Split(';')[0])));
        Assert.All(warnings, w => Assert.Equal("a b c", string.Join(' ', w.Shapes.Select(s => s.Text))));
    }

    [Theory]
    [InlineData("ssh.service", 25, "", "ssh.service runs, and in 1d 1h not one line of it was read")]
    [InlineData("ssh.service", 25, "sshd", "")]
    [InlineData("ssh.service", 23, "", "")]
    [InlineData("cron.service", 25, "", "")]
    public void Judge_UnitThatRunsAndNeverLogs_IsAWarning(string unit, int hours, string heard, string expected)
    {
        StoredBeat[] beats = heard.Length == 0 ? [] : [new(new(heard, 1, 0, 0, []), Now, Now)];
        IReadOnlyList<LogWarning> warnings = LogHealth.Judge(beats, Now.AddHours(-hours), new HashSet<string>(StringComparer.Ordinal) { unit }, Policy, RuleSet.BuiltIn, Now);
        Assert.Equal(expected, string.Join(' ', warnings.Select(w => w.Text.Split(';')[0])));
    }

    private static IReadOnlyList<ProgramBeat> Beats(params string[] lines)
    {
        var heartbeat = new Heartbeat();
        var parser = new LogParser(RuleSet.BuiltIn, Now, TimeZoneInfo.Utc) { Heartbeat = heartbeat };
        string text = string.Concat(lines.Select(l => string.Create(CultureInfo.InvariantCulture, $"Nov 21 11:00:00 host {l}\n")));
        parser.Read(Encoding.UTF8.GetBytes(text), [], (in Attempt _) => { });
        return heartbeat.Take();
    }
}
