using RateWall.Detection;
using RateWall.Storage;

namespace RateWall.UnitTests.Storage;

/// <content>The lines that are kept of bans, and of tries that led to none yet.</content>
public sealed partial class StateDatabaseTests
{
    [Fact]
    public void Evidence_OfABan_IsWhatLiesBetweenItsFirstAndLastTry()
    {
        using StateDatabase state = Open();
        IReadOnlyList<StoredBan> added = state.AddPending([Ban() with { Evidence = Now.AddSeconds(-5) }]);
        EvidenceLine[] lines = [.. Enumerable.Range(-8, 10).Select(i => new EvidenceLine("ssh", Offender, Now.AddSeconds(i).ToUnixTimeMilliseconds(), [(byte)(i + 100)]))];
        state.Commit(new() { Source = "a", Evidence = lines }, added, Explained(added));
        Assert.Equal(Enumerable.Range(95, 6), state.EvidenceOf(added[0]).Select(l => (int)l.Line[0]));
    }

    [Fact]
    public void Evidence_OfABannedNetwork_IsTheNewestLinesOfEachMember()
    {
        using StateDatabase state = Open();
        AddressPrefix network = AddressPrefix.Parse("192.0.2.0/24");
        AddressPrefix[] members = [Offender, AddressPrefix.Parse("192.0.2.2")];
        IReadOnlyList<StoredBan> added = state.AddPending([Ban(), Ban(network.ToString()) with { Detection = "prefix" }]);
        EvidenceLine[] lines = [.. members.SelectMany(m => Enumerable.Range(0, 6).Select(i => new EvidenceLine("ssh", m, Now.AddSeconds(i - 10).ToUnixTimeMilliseconds(), [(byte)i])))];
        state.Commit(new() { Source = "a", Evidence = lines }, added, [new(added[0], []), new(added[1], members)]);
        Assert.Equal(6, state.EvidenceOf(added[0]).Count);
        Assert.Equal(["2", "2", "3", "3", "4", "4", "5", "5"], state.EvidenceOf(added[1]).Select(l => $"{l.Line[0]}"), StringComparer.Ordinal);
    }

    [Fact]
    public void Evidence_ThatNoBanClaims_IsKeptOfTheNewestLinesOnly()
    {
        using StateDatabase state = Open();
        EvidenceLine[] lines = [.. Enumerable.Range(0, 30).Select(i => new EvidenceLine("ssh", Offender, Now.AddSeconds(i - 30).ToUnixTimeMilliseconds(), [(byte)i]))];
        state.Commit(new() { Source = "a", Evidence = lines[..15] }, [], []);
        state.Commit(new() { Source = "a", Evidence = lines[15..] }, [], []);
        IReadOnlyList<StoredBan> added = state.AddPending([Ban() with { Evidence = Now.AddSeconds(-30), At = Now.AddSeconds(-19) }]);
        state.Commit(new() { Source = "a" }, added, Explained(added));
        Assert.Equal([10, 11], state.EvidenceOf(added[0]).Select(l => (int)l.Line[0]));
    }

    [Fact]
    public void Evidence_OfABanThatManyLinesLedTo_IsTheNewestOfThem()
    {
        using StateDatabase state = Open();
        IReadOnlyList<StoredBan> added = state.AddPending([Ban()]);
        EvidenceLine[] lines = [.. Enumerable.Range(0, 50).Select(i => new EvidenceLine("ssh", Offender, Now.AddSeconds(i - 50).ToUnixTimeMilliseconds(), [(byte)i]))];
        state.Commit(new() { Source = "a", Evidence = lines }, added, Explained([.. added.Select(b => b with { Evidence = Now.AddSeconds(-50) })]));
        Assert.Equal(Enumerable.Range(30, 20), state.EvidenceOf(added[0]).Select(l => (int)l.Line[0]));
    }
}
