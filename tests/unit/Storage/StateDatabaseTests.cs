using RateWall.Detection;
using RateWall.Detection.Correlation;
using RateWall.Detection.Logs;
using RateWall.Storage;

namespace RateWall.UnitTests.Storage;

public sealed class StateDatabaseTests : IDisposable
{
    private static readonly DateTimeOffset Now = DateTimeOffset.FromUnixTimeSeconds(1_790_000_000);
    private static readonly AddressPrefix Offender = AddressPrefix.Parse("192.0.2.1");
    private readonly TemporaryDirectory directory = new();
    private readonly StringWriter warnings = new();
    private readonly SetClock clock = new(Now);

    public void Dispose()
    {
        directory.Dispose();
        warnings.Dispose();
    }

    [Fact]
    public void Open_NewDirectory_IsForRootAlone()
    {
        string inner = directory.File("state");
        StateDatabase.Open(inner, clock, warnings).Dispose();
        if (OperatingSystem.IsWindows()) return;
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(inner));
    }

    [Fact]
    public void OpenReadOnly_NoState_IsNothing() => Assert.Null(StateDatabase.OpenReadOnly(directory.Path));

    [Fact]
    public void OpenReadOnly_WhileAWriterIsInTheMiddle_SeesWhatWasCommitted()
    {
        using StateDatabase writer = Open();
        writer.AddPending([Ban()]);
        using StateDatabase? reader = StateDatabase.OpenReadOnly(directory.Path);
        Assert.Single(reader!.InForce(Now));
        writer.AddPending([Ban("192.0.2.2")]);
        Assert.Equal(2, reader.InForce(Now).Count);
    }

    [Fact]
    public void Bans_FromPendingToActive_AreKept()
    {
        using (StateDatabase first = Open()) first.AddPending([Ban()]);
        using (StateDatabase second = Open())
        {
            StoredBan pending = Assert.Single(second.Pending());
            Assert.Equal(Ban() with { Id = pending.Id }, pending);
            second.Activate([pending]);
        }

        using StateDatabase third = Open();
        Assert.Empty(third.Pending());
        Assert.Equal(BanState.Active, Assert.Single(third.BansOf(Offender)).State);
    }

    [Fact]
    public void AddPending_SameOffenceTwice_IsRefusedAsAWhole()
    {
        using StateDatabase state = Open();
        state.AddPending([Ban()]);
        Assert.Throws<StateException>(() => state.AddPending([Ban("192.0.2.2"), Ban()]));
        Assert.Single(state.History());
    }

    [Fact]
    public void Commit_Step_ComesBackWhole()
    {
        var window = new WindowId("failures", "ssh", Offender);
        var note = new PendingNote("sshd", 7, 5, "ssh", AttemptKind.Failure, Offender.Address, "root", 2, "sshd.rules:3", [1, 0, 255]);
        using (StateDatabase state = Open())
        {
            state.Commit(
                new()
                {
                    Source = "file:a",
                    Cursor = "here",
                    Windows = [new(window, [1, 2, long.MaxValue])],
                    Successes = [new(Offender, "ssh", 99)],
                    Notes = [note],
                },
                [], []);
        }

        using StateDatabase again = Open();
        Assert.Equal("here", again.Cursor("file:a"));
        Assert.Null(again.Cursor("file:b"));
        Assert.Equal([1, 2, long.MaxValue], again.LoadWindow(window));
        Assert.Equal(99, again.LastSuccess(Offender, "ssh"));
        Assert.Null(again.LastSuccess(Offender, "mail"));
        PendingNote read = Assert.Single(again.Notes("file:a"));
        Assert.Equal(note.Line, read.Line);
        Assert.Equal(note with { Line = read.Line }, read);
        again.Commit(new() { Source = "file:a", Windows = [new(window, [])] }, [], []);
        Assert.Empty(again.LoadWindow(window));
        Assert.Empty(again.Notes("file:a"));
        Assert.Equal("here", again.Cursor("file:a"));
    }

    [Fact]
    public void Commit_EarlierSuccess_DoesNotShortenTrust()
    {
        using StateDatabase state = Open();
        state.Commit(new() { Source = "a", Successes = [new(Offender, "ssh", 99)] }, [], []);
        state.Commit(new() { Source = "a", Successes = [new(Offender, "ssh", 50)] }, [], []);
        Assert.Equal(99, state.LastSuccess(Offender, "ssh"));
    }

    [Fact]
    public void Evidence_OfABan_IsWhatLiesBetweenItsFirstAndLastTry()
    {
        using StateDatabase state = Open();
        IReadOnlyList<StoredBan> added = state.AddPending([Ban() with { Evidence = Now.AddSeconds(-5) }]);
        EvidenceLine[] lines = [.. Enumerable.Range(-8, 10).Select(i => new EvidenceLine("ssh", Offender, Now.AddSeconds(i).ToUnixTimeMilliseconds(), [(byte)(i + 100)]))];
        state.Commit(new() { Source = "a", Evidence = lines }, added, added);
        Assert.Equal(Enumerable.Range(95, 6), state.EvidenceOf(added[0]).Select(l => (int)l.Line[0]));
    }

    [Theory]
    [InlineData("0.0.0.0/0", "2001:db8::/64")]
    [InlineData("::/0", "192.0.2.1")]
    public void Forgive_Everybody_ClearsTheWindowsOfThatVersionAlone(string everybody, string left)
    {
        using StateDatabase state = Open();
        AddressPrefix[] keys = [AddressPrefix.Parse("192.0.2.1"), AddressPrefix.Parse("2001:db8::/64")];
        state.Commit(new() { Source = "a", Windows = [.. keys.Select(k => new WindowState(new("failures", "ssh", k), [1]))] }, [], []);

        state.Forgive([AddressPrefix.Parse(everybody)], [], Now);

        Assert.Equal(left, string.Join(' ', keys.Where(k => state.LoadWindow(new("failures", "ssh", k)).Count > 0)));
    }

    [Fact]
    public void Forgive_Network_ClearsTheWindowsInsideItAlone()
    {
        using StateDatabase state = Open();
        WindowId inside = new("failures", "ssh", Offender), outside = new("failures", "ssh", AddressPrefix.Parse("198.51.100.1"));
        state.Commit(new() { Source = "a", Windows = [new(inside, [1]), new(outside, [1])] }, [], []);
        state.Activate(state.AddPending([Ban()]));
        Assert.Equal(1, state.Forgive([AddressPrefix.Parse("192.0.2.0/24")], [Offender], Now));
        Assert.Empty(state.LoadWindow(inside));
        Assert.Single(state.LoadWindow(outside));
        Assert.Empty(state.InForce(Now));
        Assert.Equal(Now.ToUnixTimeMilliseconds(), state.Pardons().ForgivenUpTo(Offender));
        Assert.Equal(long.MinValue, state.Pardons().ForgivenUpTo(outside.Key));
    }

    [Fact]
    public void Prune_PastTheHorizon_DropsOnlyWhatIsOfNoUse()
    {
        using StateDatabase state = Open();
        var window = new WindowId("failures", "ssh", Offender);
        IReadOnlyList<StoredBan> added = state.AddPending([Ban()]);
        state.Commit(
            new()
            {
                Source = "a",
                Windows = [new(window, [Now.ToUnixTimeMilliseconds()])],
                Evidence = [new("ssh", Offender, Now.ToUnixTimeMilliseconds(), [1]), new("imap", Offender, Now.ToUnixTimeMilliseconds(), [2])],
            },
            added, added);
        state.Prune(Now.AddDays(2), TimeSpan.FromDays(1), TimeSpan.FromDays(30));
        Assert.Empty(state.LoadWindow(window));
        Assert.Single(state.EvidenceOf(added[0]));
        state.Prune(Now.AddDays(40), TimeSpan.FromDays(1), TimeSpan.FromDays(30));
        Assert.Empty(state.History());
    }

    [Fact]
    public void Forgive_OneScope_TakesBackThatBanAlone()
    {
        using StateDatabase state = Open();
        state.Activate(state.AddPending([Ban(), Ban() with { Scope = "imap" }, Ban() with { Scope = "pop3" }]));
        Assert.Equal(1, state.Forgive([Offender], [Offender], Now, "imap"));
        Assert.Equal("all pop3", string.Join(' ', state.InForce(Now).Select(b => b.Scope).Order(StringComparer.Ordinal)));
        Assert.Equal("pop3", Assert.Single(state.InForceAtOneService(Now)).Scope);
        Assert.Equal(2, state.Forgive([Offender], [Offender], Now));
    }

    [Fact]
    public void AddByHand_EarlierDeadline_EndsTheOthersOfItsTargetAndScopeWithIt()
    {
        using StateDatabase state = Open();
        state.Activate(state.AddPending([Ban() with { Until = Now.AddDays(1) }, Ban("192.0.2.2"), Ban() with { Scope = "imap" }]));
        StoredBan shorter = state.AddByHand(Ban() with { Detection = StoredBan.ByHand, Until = Now.AddMinutes(1) });
        Assert.Equal(BanState.Pending, shorter.State);
        Assert.All(state.BansOf(Offender).Where(b => b.Scope == "all"), b => Assert.Equal(Now.AddMinutes(1), b.Until));
        Assert.Equal(Now.AddMinutes(10), state.BansOf(Offender).Single(b => b.Scope == "imap").Until);
        Assert.Equal(Now.AddMinutes(10), Assert.Single(state.BansOf(AddressPrefix.Parse("192.0.2.2"))).Until);
    }

    [Fact]
    public void Measures_SetAgainAndEnded_AreTheLastWord()
    {
        var siege = new StoredMeasure(MeasureKind.Siege, "imap", [143, 993], Now.AddHours(1), Trusted: false, []);
        var lockdown = new StoredMeasure(MeasureKind.Lockdown, "imap", [143], Now.AddHours(2), Trusted: true, [Offender, AddressPrefix.Parse("2001:db8::/32")]);
        using (StateDatabase first = Open())
        {
            first.SetMeasures([siege with { Until = Now.AddDays(1) }, lockdown, siege with { Service = "pop3" }]);
            first.SetMeasures([siege]);
            first.EndMeasures(MeasureKind.Siege, ["pop3", "ssh"]);
        }

        using StateDatabase second = Open();
        Assert.Equal($"{Text(siege)}; {Text(lockdown)}", string.Join("; ", second.Measures(Now).Select(Text)));
        Assert.Equal(Text(lockdown), Text(Assert.Single(second.Measures(Now.AddHours(1)))));

        static string Text(StoredMeasure m) => $"{m.Kind} {m.Service} {string.Join(',', m.Ports)} {m.Until:O} {m.Trusted} {string.Join(',', m.Except)}";
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Open_StateOfAnEarlierVersion_IsBroughtUpToDate(bool readOnly)
    {
        using (StateDatabase state = Open()) state.AddPending([Ban()]);
        // As version 1 was.
        using (var link = new Microsoft.Data.Sqlite.SqliteConnection($"Data Source={directory.File("state.db")};Pooling=False"))
        {
            link.Open();
            using Microsoft.Data.Sqlite.SqliteCommand command = link.CreateCommand();
            command.CommandText = "DROP TABLE measures; PRAGMA user_version = 1;";
            command.ExecuteNonQuery();
        }

        using StateDatabase? opened = readOnly ? StateDatabase.OpenReadOnly(directory.Path) : Open();
        Assert.Single(opened!.Pending());
        Assert.Empty(opened.Measures(Now));
        Assert.Equal("", warnings.ToString());
    }

    private StateDatabase Open() => StateDatabase.Open(directory.Path, clock, warnings);

    private static StoredBan Ban(string target = "192.0.2.1") => new(
        0, AddressPrefix.Parse(target), "all", "ssh", "failures", Now, Now.AddMinutes(10), "6 failures at ssh in 10m", 6, Now.AddMinutes(-1),
        BanState.Pending);
}
