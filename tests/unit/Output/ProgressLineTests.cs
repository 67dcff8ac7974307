using RateWall.Output;

namespace RateWall.UnitTests.Output;

public sealed class ProgressLineTests : IDisposable
{
    private readonly SteppedTime time = new();
    private readonly StringWriter error = new();

    public void Dispose() => error.Dispose();

    [Fact]
    public void Progress_FirstTwoSeconds_ShowsNothing()
    {
        using (var progress = new ProgressLine(error, new Terminal(true, false, 80), time))
        {
            time.Step(TimeSpan.FromSeconds(1.9));
            progress.Report(() => "early");
        }

        Assert.Equal("", error.ToString());
    }

    [Fact]
    public void Progress_LongWork_RewritesOneLineAndClearsIt()
    {
        using (var progress = new ProgressLine(error, new Terminal(true, false, 80), time))
        {
            time.Step(TimeSpan.FromSeconds(3));
            progress.Report(() => "10 lines");
            progress.Report(() => "too soon");
            time.Step(TimeSpan.FromSeconds(1));
            progress.Report(() => "20");
        }

        Assert.Equal("\r10 lines\r20      \r  \r", error.ToString());
    }

    [Fact]
    public void Progress_Piped_ShowsNothing()
    {
        using var progress = new ProgressLine(error, Terminal.None, time);
        time.Step(TimeSpan.FromSeconds(10));
        progress.Report(() => "nobody looks");
        Assert.Equal("", error.ToString());
    }

    private sealed class SteppedTime : TimeProvider
    {
        private long ticks;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public void Step(TimeSpan by) => ticks += by.Ticks;

        public override long GetTimestamp() => ticks;
    }
}
