using System.Diagnostics;

namespace RateWall.IntegrationTests.Machine;

/// <summary>Waits for another program's doing by asking.</summary>
public static class Eventually
{
    private static readonly TimeSpan ShortestPause = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMilliseconds(300);

    /// <summary>Asks until the answer is yes; past the limit the test fails with what was last seen.</summary>
    public static void True(string what, TimeSpan limit, Func<bool> question, Func<string>? seen = null)
    {
        var watch = Stopwatch.StartNew();
        while (true)
        {
            TimeSpan asked = watch.Elapsed;
            if (question()) return;
            if (watch.Elapsed > limit) Assert.Fail($"{what}: not within {limit.TotalSeconds:0} s\n{seen?.Invoke()}");
            // As long as the question took: what it waits for needs the machine too.
            TimeSpan pause = watch.Elapsed - asked;
            Thread.Sleep(pause < ShortestPause ? ShortestPause : pause > LongestPause ? LongestPause : pause);
        }
    }
}
