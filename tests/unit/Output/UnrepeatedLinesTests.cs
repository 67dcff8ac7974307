using RateWall.Output;

namespace RateWall.UnitTests.Output;

public sealed class UnrepeatedLinesTests
{
    [Fact]
    public void WriteLine_RoundAfterRound_TellsWhatIsNewAndAnHourLaterAgain()
    {
        using var output = new StringWriter { NewLine = "\n" };
        var clock = new TurnedClock();
        using var lines = new UnrepeatedLines(output, clock);
        foreach (string round in new[] { "a a b", "a b", "b", "a", "a" })
        {
            lines.NextRound();
            foreach (string line in round.Split(' ')) lines.WriteLine(line);
        }

        Assert.Equal("a\nb\na\n", output.ToString());
        clock.Now += TimeSpan.FromHours(1).Ticks;
        lines.NextRound();
        lines.WriteLine("a");
        lines.Write("p");
        Assert.Equal("a\nb\na\na\np", output.ToString());
    }

    private sealed class TurnedClock : TimeProvider
    {
        public long Now { get; set; }

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Now;
    }
}
