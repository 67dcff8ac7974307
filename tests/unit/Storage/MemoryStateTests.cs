using RateWall.Detection;
using RateWall.Detection.Correlation;
using RateWall.Storage;

namespace RateWall.UnitTests.Storage;

public sealed class MemoryStateTests
{
    [Fact]
    public void Save_MoreWindowsThanThereIsRoomFor_GivesUpTheOldestAndSaysSo()
    {
        var state = new MemoryState(mostWindows: 10);
        for (int i = 0; i < 25; i++) state.Save(Step(new WindowState(IdOf(i), [new(i, 0, 0)])), oldest: long.MinValue);
        Assert.NotEmpty(state.LoadWindow(IdOf(24)));
        Assert.Empty(state.LoadWindow(IdOf(0)));
        int kept = Enumerable.Range(0, 25).Count(i => state.LoadWindow(IdOf(i)).Count > 0);
        Assert.InRange(kept, 5, 10);
        Assert.Equal(25 - kept, state.Dropped);
    }

    [Fact]
    public void Save_WindowsThatAreOver_GoWithoutAWord()
    {
        var state = new MemoryState(mostWindows: 10);
        for (int i = 0; i < 25; i++) state.Save(Step(new WindowState(IdOf(i), [new(i, 0, 0)])), oldest: i - 5);
        Assert.Equal(0, state.Dropped);
        Assert.Equal(24, state.LoadWindow(IdOf(24))[0].UnixMilliseconds);
    }

    [Fact]
    public void Save_EmptyWindow_IsForgotten()
    {
        var state = new MemoryState();
        state.Save(Step(new WindowState(IdOf(1), [new(1, 0, 0)])), 0);
        state.Save(Step(new WindowState(IdOf(1), [])), 0);
        Assert.Empty(state.LoadWindow(IdOf(1)));
    }

    [Fact]
    public void Save_MoreLoginsThanThereIsRoomFor_KeepsTheNewest()
    {
        var state = new MemoryState();
        state.Save(new() { Source = "log", Successes = [.. Enumerable.Range(1, 100_001).Select(i => new SuccessSeen(KeyOf(i), "ssh", i))] }, 0);
        Assert.Equal(100_001, state.LastSuccess(KeyOf(100_001), "ssh"));
        Assert.Null(state.LastSuccess(KeyOf(1), "ssh"));
        Assert.Equal(50_000, state.Dropped);
        Assert.Equal(100_001, state.LastSuccessInside(AddressPrefix.Parse("0.0.0.0/0")));
    }

    private static CorrelatedStep Step(WindowState window) => new() { Source = "log", Windows = [window] };

    private static AddressPrefix KeyOf(int i) => AddressPrefix.Single(SourceAddress.From(new System.Net.IPAddress([10, (byte)(i >> 16), (byte)(i >> 8), (byte)i])));

    private static WindowId IdOf(int i) => new(WindowId.Tries, "ssh", KeyOf(i));
}
