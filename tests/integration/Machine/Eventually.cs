using System.Diagnostics;

namespace RateWall.IntegrationTests.Machine;

/// <summary>Waits for another program's doing by asking; each question is a process, which is pause enough.</summary>
public static class Eventually
{
    /// <summary>Asks until the answer is yes; past the limit the test fails with what was last seen.</summary>
    public static void True(string what, TimeSpan limit, Func<bool> question, Func<string>? seen = null)
    {
        var watch = Stopwatch.StartNew();
        while (!question())
            if (watch.Elapsed > limit) Assert.Fail($"{what}: not within {limit.TotalSeconds:0} s\n{seen?.Invoke()}");
    }
}
