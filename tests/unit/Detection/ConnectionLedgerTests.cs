using FsCheck;
using FsCheck.Fluent;
using RateWall.Detection;
using RateWall.Detection.Correlation;

namespace RateWall.UnitTests.Detection;

/// <summary>Connections joined with logins: case by case, and against a model that remembers everything.</summary>
public sealed class ConnectionLedgerTests
{
    private const int Minute = 60_000;
    private const long Start = 1_700_000_000_000;
    private static readonly HoldersThreshold Two = new(2, TimeSpan.FromSeconds(60));
    private static readonly UserNames Hashes = new(new byte[16]);
    private static readonly SourceAddress Bob = SourceAddress.FromIPv4(0xC0000201), Eve = SourceAddress.FromIPv4(0xC0000202),
        Carol = SourceAddress.FromIPv4(0xC0000203);

    private readonly MemoryState state = new();

    // Connections in TIME-WAIT, and addresses that are never judged.
    private readonly HashSet<SourceAddress> left = [], exempt = [];

    [Fact]
    public void Judge_HeldForLong_TellsTheSourceOnce()
    {
        Prove();
        OpenConnection[] held = [Of(1, Eve, 1001), Of(2, Eve, 1002)];
        Assert.Empty(Judge(10_000, held).Holders);
        Assert.Empty(Judge(69_999, held).Holders);
        Holder holder = Assert.Single(Judge(70_000, held).Holders);
        Assert.Equal((2, false, Start + 10_000), (holder.Held.Count, holder.IsMixed, holder.Held[0].UnixMilliseconds));
        Assert.Empty(Judge(80_000, held).Holders);
    }

    [Fact]
    public void Judge_ThereBeforeTheFirstLook_IsNeverTold()
    {
        OpenConnection[] held = [Of(1, Eve, 1001), Of(2, Eve, 1002)];
        Judge(0, held, l => l.LoggedIn(Bob, 1, Start));
        Assert.Equal(0, Judge(2 * Minute, held, l => l.LoggedIn(Bob, 1, Start)).Unauthenticated);
        Assert.Empty(Judge(4 * Minute, held).Holders);
        // New ones count, and tell that a ban would cut the others.
        OpenConnection[] more = [.. held, Of(3, Eve, 1003), Of(4, Eve, 1004)];
        Judge(5 * Minute, more);
        Holder holder = Assert.Single(Judge(6 * Minute, more).Holders);
        Assert.Equal(([3UL, 4UL], true, true), (holder.Held.Select(h => h.Connection.Cookie).Order(), holder.IsMixed, holder.IsCertain), new Alike());
    }

    [Fact]
    public void Judge_AfterALongSleep_LeavesWhatCameMeanwhile()
    {
        Prove();
        Judge(10 * Minute, [Of(1, Eve, 1001), Of(2, Eve, 1002)]);
        Assert.Empty(Judge(12 * Minute, [Of(1, Eve, 1001), Of(2, Eve, 1002)]).Holders);
    }

    [Fact]
    public void Judge_AfterABoot_KnowsNoConnection()
    {
        Prove();
        OpenConnection[] held = [Of(1, Eve, 1001), Of(2, Eve, 1002)];
        Judge(10_000, held);
        Assert.Empty(Judge(80_000, held, boot: Start + 50_000).Holders);
    }

    [Fact]
    public void Judge_LoginsNameThePort_LeavesThoseConnectionsAlone()
    {
        Prove();
        OpenConnection[] open = [Of(1, Eve, 1001), Of(2, Eve, 1002), Of(3, Eve, 1003)];
        Judge(10_000, open, l => l.LoggedIn(Eve, 1002, Start + 9000));
        Holder holder = Assert.Single(Judge(75_000, open).Holders);
        Assert.Equal(([1UL, 3UL], true, true), (holder.Held.Select(h => h.Connection.Cookie).Order(), holder.IsMixed, holder.IsCertain), new Alike());
    }

    [Fact]
    public void Judge_LoginReadBeforeItsConnectionWasSeen_CountsForIt()
    {
        Prove();
        Judge(10_000, [], l => l.LoggedIn(Eve, 1001, Start + 11_000));
        OpenConnection[] open = [Of(1, Eve, 1001), Of(2, Eve, 1002)];
        Judge(20_000, open);
        Assert.Empty(Judge(90_000, open).Holders);
    }

    [Fact]
    public void Judge_LoginsWithoutPort_AnswerForAsMany()
    {
        Prove();
        OpenConnection[] open = [Of(1, Eve, 1001), Of(2, Eve, 1002), Of(3, Eve, 1003)];
        Judge(10_000, open, l =>
        {
            l.LoggedIn(Eve, 0, Start + 5000);
            l.LoggedIn(Eve, 0, Start + 5000);
        });
        Assert.Empty(Judge(75_000, open).Holders);
        OpenConnection[] more = [.. open, Of(4, Eve, 1004)];
        Judge(80_000, more);
        Holder holder = Assert.Single(Judge(150_000, more).Holders);
        // Which of them are logged in nobody knows.
        Assert.Equal((2, true, false), (holder.Held.Count, holder.IsMixed, holder.IsCertain));
    }

    [Fact]
    public void Judge_OldLogins_AnswerForNoLaterConnection()
    {
        Prove();
        Judge(10_000, [], l => l.LoggedIn(Eve, 0, Start + 5000));
        Judge(20_000, []);
        OpenConnection[] open = [Of(1, Eve, 1001), Of(2, Eve, 1002)];
        Judge(30_000, open);
        Assert.False(Assert.Single(Judge(95_000, open).Holders).IsMixed);
    }

    [Fact]
    public void Judge_NoLoginEverRead_TellsNothing()
    {
        OpenConnection[] held = [Of(1, Eve, 1001), Of(2, Eve, 1002)];
        Judge(0, []);
        Judge(10_000, held);
        Assert.Null(Judge(80_000, held).Unauthenticated);
        Assert.Single(Judge(90_000, held, l => l.LoggedIn(Bob, 1, Start + 85_000)).Holders);
    }

    [Fact]
    public void Judge_LogsNotRead_TellsNothing()
    {
        Prove();
        OpenConnection[] held = [Of(1, Eve, 1001), Of(2, Eve, 1002)];
        Judge(10_000, held);
        Assert.Empty(Judge(80_000, held, logRead: false).Holders);
        Assert.Single(Judge(90_000, held).Holders);
    }

    // What was written meanwhile is read late, and all of it counts.
    [Fact]
    public void Judge_LogsNotReadForLong_KnowsAfterwardsWhoLoggedInMeanwhile()
    {
        Prove();
        OpenConnection[] open = [Of(1, Eve, 1001), Of(2, Eve, 1002)];
        Judge(10_000, open);
        OpenConnection[] more = [.. open, Of(3, Carol, 1003), Of(4, Carol, 1004)];
        for (int at = 20_000; at <= 9 * Minute; at += 10_000) Assert.Null(Judge(at, more, logRead: false).Unauthenticated);
        ConnectionsSeen seen = Judge(10 * Minute, more, l =>
        {
            l.LoggedIn(Eve, 1001, Start + 12_000);
            l.LoggedIn(Bob, 1, Start + (9 * Minute));
        });
        // Of those that came meanwhile nobody knows.
        Assert.Equal((1, 0), (seen.Unauthenticated, seen.Holders.Count));
        Assert.Empty(Judge(12 * Minute, more).Holders);
    }

    [Fact]
    public void Find_LogsNotRead_TellsOfNobodyThatHeHasNotLoggedIn()
    {
        Prove();
        OpenConnection[] open = [Of(1, Eve, 1001), Of(2, Bob, 1002)];
        Judge(10_000, open, l => l.LoggedIn(Bob, 1002, Start + 9000));
        Assert.Equal((false, false, true), Known());
        Judge(20_000, open, logRead: false);
        Assert.Equal((true, null, true), Known());
        Judge(30_000, open);
        Assert.Equal((false, false, true), Known());

        (bool Behind, bool? Eve, bool? Bob) Known()
        {
            var ledger = new ConnectionLedger("imap", SourceKeys.Default, Hashes, state, 0);
            return (ledger.IsBehind, ledger.Find(open[0])!.Value.LoggedIn, ledger.Find(open[1])!.Value.LoggedIn);
        }
    }

    [Fact]
    public void Judge_MoreLoginsThanThereIsRoomForBeforeALookThatCounts_LeavesWhatWaited()
    {
        left.Add(Carol);
        Prove();
        OpenConnection[] open = [Of(1, Eve, 1001), Of(2, Eve, 1002)];
        Judge(10_000, open);
        Judge(20_000, open, l =>
        {
            for (int i = 0; i <= ConnectionLedger.Most; i++) l.LoggedIn(Carol, 7, Start + 15_000);
        }, logRead: false);
        Assert.Empty(Judge(90_000, open).Holders);
    }

    [Fact]
    public void Judge_LoginsOfOtherAddressesThanTheConnectionsHave_TellsNothingUntilOneFits()
    {
        // As behind a proxy, whose own address all connections have.
        OpenConnection[] held = [Of(1, Eve, 1001), Of(2, Eve, 1002)];
        Judge(0, []);
        for (int i = 1; i <= 10; i++) Judge(i * 1000, held, l => l.LoggedIn(Bob, 0, Start + 500));
        Assert.Null(Judge(80_000, held).Unauthenticated);
        Assert.Single(Judge(90_000, held, l => l.Named(Eve)).Holders);
    }

    [Fact]
    public void Judge_LoginsWhoseConnectionsHaveJustEnded_Fit()
    {
        left.Add(Bob);
        OpenConnection[] held = [Of(1, Eve, 1001), Of(2, Eve, 1002)];
        Judge(0, []);
        for (int i = 1; i <= 20; i++) Judge(i * 1000, held, l => l.LoggedIn(Bob, 7, Start + 500));
        Assert.Single(Judge(80_000, held).Holders);
    }

    [Theory]
    [InlineData(-60_000)]
    [InlineData(2000)]
    public void Judge_LoginsWhoseConnectionsMayHaveEndedOrNotBeenThereYet_ProveNothing(int when)
    {
        OpenConnection[] held = [Of(1, Eve, 1001), Of(2, Eve, 1002)];
        Judge(0, []);
        for (int i = 1; i <= 20; i++) Judge(i * 1000, held, l => l.LoggedIn(Bob, 7, Start + (i * 1000) + when));
        Assert.Single(Judge(80_000, held).Holders);
    }

    [Fact]
    public void Judge_LoginsOfTheExempt_ProveNothing()
    {
        exempt.Add(Bob);
        left.Add(Bob);
        OpenConnection[] held = [Of(1, Eve, 1001), Of(2, Eve, 1002)];
        Judge(0, []);
        for (int i = 1; i <= 20; i++) Judge(i * 1000, held, l => l.LoggedIn(Bob, 7, Start + 500));
        Assert.Single(Judge(80_000, held).Holders);
        // Among them somebody else's, as behind a proxy that is not exempt.
        for (int i = 1; i <= 10; i++)
        {
            Judge(80_000 + (i * 1000), held, l =>
            {
                l.LoggedIn(Bob, 7, Start + 80_000);
                l.LoggedIn(Carol, 7, Start + 80_000);
            });
        }

        Assert.Null(Judge(95_000, held).Unauthenticated);
    }

    [Fact]
    public void Judge_AnyHistoryWithRestarts_AgreesWithTheModel() =>
        Prop.ForAll(Histories().ToArbitrary(), Agree).Check(Config.QuickThrowOnFailure.WithMaxTest(300));

    private static Gen<Round[]> Histories()
    {
        Gen<Event> happening =
            from kind in Gen.Frequency((4, Gen.Constant(0)), (2, Gen.Constant(1)), (2, Gen.Constant(2)), (2, Gen.Constant(3)))
            from source in Gen.Choose(1, 3)
            from port in Gen.Choose(1, 4)
            select new Event(kind, SourceAddress.FromIPv4(0xC0000200 + (uint)source), 1000 + port);
        return from count in Gen.Choose(2, 14)
               from rounds in (from happenings in happening.ArrayOf() from restart in Gen.Choose(0, 1) select new Round(happenings, restart == 1)).ArrayOf(count)
               select rounds;
    }

    private static void Agree(Round[] rounds)
    {
        var threshold = new HoldersThreshold(1, TimeSpan.FromSeconds(20));
        var memory = new MemoryState();
        var ledger = new ConnectionLedger("imap", SourceKeys.Default, Hashes, memory, 0);
        var model = new EveryLogin((long)threshold.For.TotalMilliseconds);
        // Somebody who stays logged in: he shows throughout that connections and log belong together.
        var resident = new OpenConnection(1, SourceAddress.FromIPv4(0xC0000209), 1009, 143);
        var open = new Dictionary<(SourceAddress, int), OpenConnection> { [(resident.Source, resident.Port)] = resident };
        ulong cookie = resident.Cookie;
        // A look a tenth of a minute, and everything else in the middle between two.
        for (int i = 0; i < rounds.Length; i++)
        {
            long at = Start + (i * 10_000);
            var logins = new List<(SourceAddress Source, int Port)>();
            foreach (Event happened in rounds[i].Events)
            {
                if (happened.Kind == 0) open.TryAdd((happened.Source, happened.Port), new(++cookie, happened.Source, happened.Port, 143));
                if (happened.Kind == 1) open.Remove((happened.Source, happened.Port));
                if (happened.Kind >= 2 && i > 0) logins.Add((happened.Source, happened.Kind == 2 ? happened.Port : 0));
            }

            OpenConnection[] now = [.. open.Values];
            ledger.Look(now.Select(c => c.Source), [], at);
            ledger.LoggedIn(resident.Source, resident.Port, at);
            foreach ((SourceAddress source, int port) in logins) ledger.LoggedIn(source, port, at - 5000);
            ConnectionsSeen seen = ledger.Judge(now, at, threshold, (_, count) => count, long.MaxValue, logRead: true);
            (int expected, HashSet<ulong> told) = model.Judge(now, at, logins);
            Assert.Equal(expected, seen.Unauthenticated);
            Assert.Equal(told.Order(), seen.Holders.SelectMany(h => h.Held).Select(h => h.Connection.Cookie).Order());
            memory.Save(ledger.Changed);
            ledger.Saved();
            if (rounds[i].Restart) ledger = new ConnectionLedger("imap", SourceKeys.Default, Hashes, memory, 0);
        }
    }

    private static OpenConnection Of(ulong cookie, SourceAddress source, int port) => new(cookie, source, port, 143);

    // The first look, and a login that shows that logins are read and have the addresses of connections.
    private void Prove() => Judge(0, [Of(99, Bob, 1)], l => l.LoggedIn(Bob, 1, Start));

    private ConnectionsSeen Judge(int at, OpenConnection[] open, Action<ConnectionLedger>? read = null, long boot = 0, bool logRead = true)
    {
        var ledger = new ConnectionLedger("imap", SourceKeys.Default, Hashes, state, boot);
        ledger.Look(left.Concat(open.Select(c => c.Source)), exempt, Start + at);
        read?.Invoke(ledger);
        ConnectionsSeen seen = ledger.Judge(open, Start + at, Two, (_, count) => count, long.MaxValue, logRead);
        state.Save(ledger.Changed);
        return seen;
    }

    private sealed record Event(int Kind, SourceAddress Source, int Port);

    private sealed record Round(Event[] Events, bool Restart);

    private sealed class Alike : IEqualityComparer<(IEnumerable<ulong> Cookies, bool Mixed, bool Certain)>
    {
        public bool Equals((IEnumerable<ulong> Cookies, bool Mixed, bool Certain) one, (IEnumerable<ulong> Cookies, bool Mixed, bool Certain) other) =>
            one.Cookies.SequenceEqual(other.Cookies) && (one.Mixed, one.Certain) == (other.Mixed, other.Certain);

        public int GetHashCode((IEnumerable<ulong> Cookies, bool Mixed, bool Certain) of) => of.Cookies.Count();
    }

    /// <summary>The naive model: every look and every login are remembered, and each judgement begins from nothing.</summary>
    private sealed class EveryLogin(long age)
    {
        private readonly List<(long At, OpenConnection[] Open, List<(SourceAddress Source, int Port)> Logins)> looks = [];
        private readonly HashSet<ulong> blamed = [];

        public (int Unauthenticated, HashSet<ulong> Told) Judge(OpenConnection[] open, long at, List<(SourceAddress Source, int Port)> logins)
        {
            looks.Add((at, open, logins));
            var unauthenticated = new List<(OpenConnection Connection, long First)>();
            foreach (IGrouping<SourceAddress, OpenConnection> source in open.GroupBy(c => c.Source))
            {
                List<(OpenConnection Connection, int First)> waiting =
                [
                    .. source.Select(c => (Connection: c, First: looks.FindIndex(l => l.Open.Contains(c))))
                        .Where(c => c.First > 0 && !looks.Skip(c.First).Any(l => l.Open.Contains(c.Connection) && l.Logins.Contains((c.Connection.Source, c.Connection.Port))))
                        .OrderBy(c => c.First),
                ];
                // Every login without a port since the connection was opened, at its look.
                int[] nameless = [.. looks.SelectMany((l, i) => l.Logins.Where(n => n == (source.Key, 0)).Select(_ => i))];
                int answered = Most(waiting.ConvertAll(w => w.First), [.. nameless]);
                unauthenticated.AddRange(waiting.Skip(answered).Select(w => (w.Connection, looks[w.First].At)));
            }

            HashSet<ulong> told = [.. unauthenticated.Where(u => at - u.First >= age && !blamed.Contains(u.Connection.Cookie)).Select(u => u.Connection.Cookie)];
            blamed.UnionWith(told);
            return (unauthenticated.Count, told);
        }

        // The most pairs of a connection and a login not before it, by trying every login for every connection.
        private static int Most(List<int> firsts, List<int> logins)
        {
            int pairs = 0;
            foreach (int first in firsts.OrderDescending())
            {
                int at = logins.FindIndex(l => l >= first);
                if (at < 0) continue;
                logins.RemoveAt(at);
                pairs++;
            }

            return pairs;
        }
    }
}
