namespace RateWall.IntegrationTests.Containers;

/// <summary>
/// kill -9 of `ratewall watch` before each of its steps when it stops, restarts or starts a unit: PID 1 has what brings the unit
/// back before it loses it, and nothing is done twice.
/// </summary>
[Collection(ContainerCollection.Name)]
public sealed class WatchKillTests(WatchKillHost host) : IClassFixture<WatchKillHost>
{
    [ContainerFact("strace", "nsenter")]
    public void Stop_KilledAtAnyStep_LeavesAUnitThatComesBack()
    {
        const string Entry = "ladder: [stop], stop-for: 1s, quiet: 1h";
        host.FindTrouble(Entry);
        IReadOnlyList<WatchStep> steps = host.StepsOfNextLook("[stop]");
        Assert.Equal(["StartTransientUnit", "StopUnit", "StopUnit", "StopUnit"], Asked(steps), StringComparer.Ordinal);
        host.AssertBack("no step");
        int killed = 0, stopped = 0;
        foreach (WatchStep step in steps)
        {
            host.FindTrouble(Entry);
            int before = host.Stops();
            if (host.Kill(step)) killed++;
            host.AssertBack(step);
            int stops = host.Stops() - before;
            stopped += stops;

            // What was done is known and not done again.
            host.Look();
            host.AssertBack(step);
            Assert.InRange(host.Stops() - before, stops, 1);
        }

        Assert.InRange(killed, 6, int.MaxValue);
        // Some were killed before the stop and some after it.
        Assert.InRange(stopped, 1, killed - 1);
    }

    [ContainerFact("strace", "nsenter")]
    public void Restart_KilledBeforeAndAfterIt_IsDoneOnceAtMost()
    {
        const string Entry = "ladder: [restart], quiet: 1h";
        host.FindTrouble(Entry);
        IReadOnlyList<WatchStep> steps = WithWhatFollows(host.StepsOfNextLook("[restart]"));
        Assert.Equal(["TryRestartUnit"], Asked(steps), StringComparer.Ordinal);
        host.AssertBack("no step");
        foreach ((WatchStep step, int restarts) in steps.Zip([0, 1]))
        {
            host.FindTrouble(Entry);
            int before = host.Stops();
            Assert.True(host.Kill(step), $"it was not killed at {step}");
            host.AssertBack(step);
            host.Look();
            host.AssertBack(step);
            Assert.Equal(restarts, host.Stops() - before);
        }
    }

    [ContainerFact("strace", "nsenter")]
    public void Start_KilledAtAnyStep_IsDoneByTheNextLook()
    {
        const string Entry = "ladder: [stop], stop-for: 1h, quiet: 1s";
        host.FindTrouble(Entry);
        host.StopAndBeQuiet();
        IReadOnlyList<WatchStep> steps = WithWhatFollows(host.StepsOfNextLook("[start]"));
        Assert.Equal(["StartUnit", "StartUnit", "StopUnit", "StopUnit"], Asked(steps), StringComparer.Ordinal);
        host.AssertBack("no step");
        foreach (WatchStep step in steps)
        {
            host.FindTrouble(Entry);
            host.StopAndBeQuiet();
            Assert.True(host.Kill(step), $"it was not killed at {step}");
            Assert.True(host.IsBackOrWillBe(), $"nobody brings it back that was killed at {step}");
            host.Look();
            host.AssertBack(step);
        }
    }

    // What is asked of PID 1, and what comes right after.
    private static IReadOnlyList<WatchStep> WithWhatFollows(IReadOnlyList<WatchStep> steps)
    {
        WatchStep[] from = [.. steps.SkipWhile(s => s.Asks.Length == 0)];
        return [.. from.Take(from.Count(s => s.Asks.Length > 0) + 1)];
    }

    private static IEnumerable<string> Asked(IEnumerable<WatchStep> steps) => steps.Select(s => s.Asks).Where(a => a.Length > 0);
}
