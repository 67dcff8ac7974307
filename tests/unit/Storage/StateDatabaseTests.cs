using RateWall.Detection;
using RateWall.Detection.Correlation;
using RateWall.Detection.Logs;
using RateWall.Storage;

namespace RateWall.UnitTests.Storage;

public sealed partial class StateDatabaseTests : IDisposable
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
            StoredBan pending = Assert.Single(second.Pending(ipv4: true, behind: 0, most: 10));
            Assert.Equal(Ban() with { Id = pending.Id }, pending);
            second.Activate([pending]);
        }

        using StateDatabase third = Open();
        Assert.Empty(third.Pending(ipv4: true, behind: 0, most: 10));
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
                    Windows = [new(window, [Mark(1), Mark(2), new(3, ulong.MaxValue, 5)])],
                    Successes = [new(Offender, "ssh", 99)],
                    Notes = [note],
                },
                [], []);
        }

        using StateDatabase again = Open();
        Assert.Equal("here", again.Cursor("file:a"));
        Assert.Null(again.Cursor("file:b"));
        Assert.Equal([Mark(1), Mark(2), new(3, ulong.MaxValue, 5)], again.LoadWindow(window));
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
    public void UserNames_OfOneState_HashAlikeInEveryRun()
    {
        ulong hash;
        using (StateDatabase first = Open()) hash = first.UserNames().HashOf("root"u8);
        using StateDatabase second = Open();
        Assert.Equal(hash, second.UserNames().HashOf("root"u8));
        Assert.NotEqual(hash, UserNames.Passing().HashOf("root"u8));
    }

    [Fact]
    public void LastLogin_OfAUser_IsTheLatestAtThatSourceAndFamily()
    {
        using StateDatabase state = Open();
        state.Commit(new() { Source = "a", Logins = [new(Offender, "mail", ulong.MaxValue - 1, 99)] }, [], []);
        state.Commit(new() { Source = "a", Logins = [new(Offender, "mail", ulong.MaxValue - 1, 50)] }, [], []);
        Assert.Equal(99, state.LastLogin(Offender, "mail", ulong.MaxValue - 1));
        Assert.Null(state.LastLogin(Offender, "ssh", ulong.MaxValue - 1));
        Assert.Null(state.LastLogin(AddressPrefix.Parse("192.0.2.2"), "mail", ulong.MaxValue - 1));
    }

    [Theory]
    [InlineData("192.0.2.0/24", 20L)]
    [InlineData("192.0.2.0/25", 10L)]
    [InlineData("192.0.0.0/12", 20L)]
    [InlineData("0.0.0.0/0", 30L)]
    [InlineData("198.51.100.0/24", null)]
    [InlineData("2001:db8:1::/48", 40L)]
    [InlineData("2001:db8::/48", 50L)]
    [InlineData("2001:db8:2::/48", null)]
    [InlineData("::/32", 60L)]
    public void LastSuccessInside_Network_IsTheLatestOfItsSources(string network, long? expected)
    {
        using StateDatabase state = Open();
        (string Key, long At)[] seen = [("192.0.2.1", 10), ("192.0.2.200", 20), ("192.168.0.1", 30), ("2001:db8:1:2::/64", 40), ("2001:db8::/64", 50), ("::1", 60)];
        state.Commit(new() { Source = "a", Successes = [.. seen.Select(s => new SuccessSeen(AddressPrefix.Parse(s.Key), "ssh", s.At))] }, [], []);
        Assert.Equal(expected, state.LastSuccessInside(AddressPrefix.Parse(network)));
    }

    [Theory]
    [InlineData("192.0.2.1", "192.0.2.2")]
    [InlineData("192.0.2.0/30", "")]
    public void Forgive_MemberOfAGroup_IsNoMemberAnyMore(string target, string left)
    {
        using StateDatabase state = Open();
        WindowId account = new("account", "ssh", default, 7);
        WindowMark[] members = [Member("192.0.2.1"), Member("192.0.2.2")];
        state.Commit(new() { Source = "a", Windows = [new(account, members)] }, [], []);
        state.Forgive([AddressPrefix.Parse(target)], [], Now);
        Assert.Equal(left, string.Join(' ', state.LoadWindow(account).Select(m => m.Address)));

        static WindowMark Member(string address)
        {
            UInt128 value = AddressPrefix.Parse(address).Address.Value;
            return new(1, (ulong)(value >> 64), (ulong)value);
        }
    }

    [Fact]
    public void Forgive_Network_LeavesWindowsOfAccountsAndServices()
    {
        using StateDatabase state = Open();
        WindowId account = new("account", "ssh", default, 7), service = new("pressure", "ssh", default);
        state.Commit(new() { Source = "a", Windows = [new(account, [Mark(1)]), new(service, [Mark(1)])] }, [], []);
        state.Forgive([AddressPrefix.Parse("192.0.2.0/24")], [], Now);
        Assert.Single(state.LoadWindow(account));
        Assert.Single(state.LoadWindow(service));
    }

    [Theory]
    [InlineData("0.0.0.0/0", "2001:db8::/64")]
    [InlineData("::/0", "192.0.2.1")]
    public void Forgive_Everybody_ClearsTheWindowsOfThatVersionAlone(string everybody, string left)
    {
        using StateDatabase state = Open();
        AddressPrefix[] keys = [AddressPrefix.Parse("192.0.2.1"), AddressPrefix.Parse("2001:db8::/64")];
        state.Commit(new() { Source = "a", Windows = [.. keys.Select(k => new WindowState(new("failures", "ssh", k), [Mark(1)]))] }, [], []);

        state.Forgive([AddressPrefix.Parse(everybody)], [], Now);

        Assert.Equal(left, string.Join(' ', keys.Where(k => state.LoadWindow(new("failures", "ssh", k)).Count > 0)));
    }

    [Fact]
    public void Forgive_Network_ClearsTheWindowsInsideItAlone()
    {
        using StateDatabase state = Open();
        WindowId inside = new("failures", "ssh", Offender), outside = new("failures", "ssh", AddressPrefix.Parse("198.51.100.1"));
        state.Commit(new() { Source = "a", Windows = [new(inside, [Mark(1)]), new(outside, [Mark(1)])] }, [], []);
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
                Windows = [new(window, [Mark(Now.ToUnixTimeMilliseconds())])],
                Evidence = [new("ssh", Offender, Now.ToUnixTimeMilliseconds(), [1]), new("imap", Offender, Now.ToUnixTimeMilliseconds(), [2])],
            },
            added, Explained(added));
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
            command.CommandText = """
                DROP TABLE watches; DROP TABLE unit_acts; DROP TABLE beats; DROP TABLE shapes; DROP TABLE measures; DROP TABLE logins; DROP TABLE secrets; DROP TABLE windows;
                CREATE TABLE windows (detection TEXT NOT NULL, service TEXT NOT NULL, source TEXT NOT NULL, last INTEGER NOT NULL,
                    stamps BLOB NOT NULL, PRIMARY KEY (detection, service, source)) WITHOUT ROWID;
                INSERT INTO windows VALUES ('failures', 'ssh', '192.0.2.1', 1, x'0100000000000000');
                PRAGMA user_version = 1;
                """;
            command.ExecuteNonQuery();
        }

        using StateDatabase? opened = readOnly ? StateDatabase.OpenReadOnly(directory.Path) : Open();
        Assert.Single(opened!.Pending(ipv4: true, behind: 0, most: 10));
        Assert.Empty(opened.Measures(Now));
        Assert.Empty(opened.Beats());
        Assert.Empty(opened.Watches());
        Assert.Empty(opened.UnitActs(10));
        Assert.Empty(opened.LoadWindow(new("failures", "ssh", Offender)));
        Assert.Null(opened.LastLogin(Offender, "ssh", 2));
        Assert.Equal("", warnings.ToString());
    }

    [Fact]
    public void EachNewestInForce_SeveralBansOfATarget_IsOneSinceTheFirstUntilTheLast()
    {
        using StateDatabase state = Open();
        state.Activate(state.AddPending(
        [
            Ban() with { At = Now.AddMinutes(-5), Until = Now.AddHours(2), Reason = "the longest" },
            Ban() with { At = Now.AddMinutes(-3), Until = Now.AddHours(1) },
            Ban() with { At = Now.AddMinutes(-9), Until = Now.AddMinutes(-1) },
            Ban() with { At = Now.AddMinutes(-1), Scope = "ssh" },
            Ban("192.0.2.2") with { At = Now.AddMinutes(-4) },
        ]));
        state.AddPending([Ban("192.0.2.3")]);
        var seen = new List<string>();

        state.EachNewestInForce(Now, 10, b => seen.Add($"{b.Target} {b.Scope} {(Now - b.At).TotalMinutes} {(b.Until - Now).TotalMinutes} {b.Reason}"));

        Assert.Equal(
            ["192.0.2.1 ssh 1 10 6 failures at ssh in 10m", "192.0.2.1 all 5 120 the longest", "192.0.2.2 all 4 10 6 failures at ssh in 10m"], seen);
        seen.Clear();
        state.EachNewestInForce(Now, 1, b => seen.Add($"{b.Target} {b.Scope}"));
        Assert.Equal(["192.0.2.1 ssh"], seen);
    }

    [Fact]
    public void Snapshot_WhileAWriterClears_HoldsWhatWas()
    {
        using StateDatabase writer = Open();
        writer.Activate(writer.AddPending([Ban(), Ban() with { Scope = "ssh" }]));
        writer.AddPending([Ban("192.0.2.2")]);
        using StateDatabase reader = StateDatabase.OpenReadOnly(directory.Path)!;
        var before = new List<AddressPrefix>();
        var after = new List<AddressPrefix>();

        using (reader.Snapshot())
        {
            Assert.Equal(2, writer.ForgiveEverybody(Now));
            reader.EachTargetInForce(Now, before.Add);
        }

        reader.EachTargetInForce(Now, after.Add);
        Assert.Equal([Offender, AddressPrefix.Parse("192.0.2.2")], before.Order());
        Assert.Empty(after);
    }

    private static WindowMark Mark(long at) => new(at, 0, 0);

    private static ExplainedBan[] Explained(IReadOnlyList<StoredBan> bans) => [.. bans.Select(b => new ExplainedBan(b, []))];

    private StateDatabase Open() => StateDatabase.Open(directory.Path, clock, warnings);

    private static StoredBan Ban(string target = "192.0.2.1") => new(
        0, AddressPrefix.Parse(target), "all", "ssh", "failures", Now, Now.AddMinutes(10), "6 failures at ssh in 10m", 6, Now.AddMinutes(-1),
        BanState.Pending);
}
