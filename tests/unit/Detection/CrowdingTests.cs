using RateWall.Detection;
using RateWall.Detection.Correlation;

namespace RateWall.UnitTests.Detection;

/// <summary>Who makes room at a service that is full.</summary>
public sealed class CrowdingTests
{
    private const long Now = 1_700_000_000_000;
    private const uint User = 7;

    [Theory]
    [InlineData(90, 100, 0)]
    [InlineData(91, 100, 31)]
    [InlineData(200, 100, 140)]
    [InlineData(10, 11, 4)]
    [InlineData(1, 1, 1)]
    [InlineData(950_000, 1_000_000, 350_000)]
    public void ToEnd_AboveNinetyPercent_LeavesSixty(int count, int capacity, int ended) =>
        Assert.Equal(ended, Ended(Seen(Enumerable.Repeat(Now - 60_000, count)), capacity).Length);

    [Theory]
    [InlineData(90, 100, false)]
    [InlineData(91, 100, true)]
    [InlineData(0, 1, false)]
    [InlineData(1, 1, true)]
    [InlineData(int.MaxValue, int.MaxValue, true)]
    public void IsFull_AboveNinetyPercent(int count, int capacity, bool full) => Assert.Equal(full, Crowding.IsFull(count, capacity));

    [Fact]
    public void ToEnd_MoreThanAreInTheWay_TakesTheOldest() =>
        Assert.Equal([0, 1, 2, 3], Ended(Seen(Enumerable.Range(0, 10).Select(i => Now - 60_000 + i)), 11));

    [Fact]
    public void ToEnd_YoungOnes_Stay() =>
        Assert.Equal([0, 1], Ended(Seen([Now - 6000, Now - 5000, .. Enumerable.Repeat(Now - 4999, 8)]), 10));

    [Fact]
    public void ToEnd_WhoHasLoggedInLately_Stays()
    {
        ConnectionsSeen seen = Seen(Enumerable.Repeat(Now - 60_000, 10));
        Assert.DoesNotContain((int)User, Ended(seen, 5));
        Assert.Equal(7, Ended(seen, 5).Length);
    }

    [Fact]
    public void ToEnd_ServiceThatCannotBeJudged_EndsNobody() => Assert.Empty(Ended(ConnectionsSeen.Unknown, 1));

    private static int[] Ended(ConnectionsSeen seen, int capacity) =>
        [.. Crowding.ToEnd(seen, capacity, Now, s => s != SourceAddress.FromIPv4(User)).Select(h => h.Connection.Port)];

    private static ConnectionsSeen Seen(IEnumerable<long> stamps)
    {
        HeldConnection[] waiting = [.. stamps.Select((s, i) => new HeldConnection(new((ulong)i, SourceAddress.FromIPv4((uint)i), i, 143), s))];
        return new([], new HashSet<AddressPrefix>(), waiting.Length) { Waiting = waiting };
    }
}
