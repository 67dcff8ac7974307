using FsCheck;
using FsCheck.Fluent;
using RateWall.Commands;
using RateWall.Detection;
using RateWall.Storage;
using RateWall.UnitTests.Storage;

namespace RateWall.UnitTests.Correlate;

public sealed class StepCommitTests
{
    private static readonly SetClock Clock = new(ModelRun.Start.AddMinutes(30));

    // Repeaters, an exempt network, several sources a step, bans that are over by now and bans that are not.
    private static readonly (int Second, string Source)[] Log =
    [
        .. Enumerable.Range(0, 60).Select(i => (i * 30, (i % 7) switch
        {
            0 or 3 => "192.0.2.1",
            1 => "198.51.100.9",
            2 => "2001:db8::/64",
            4 => "203.0.113.7",
            _ => $"192.0.2.{i}",
        })),
    ];

    [Fact]
    public void Run_KilledAtEveryBoundary_EndsAsIfItHadNotBeen()
    {
        (string expected, int boundaries) = Uninterrupted(Log);
        Assert.True(boundaries >= 20, $"{boundaries} boundaries");
        for (int kill = 0; kill < boundaries; kill++) Assert.Equal(expected, Killed(Log, [kill]));
    }

    [Fact]
    public void Run_KilledAgainAndAgain_EndsAsIfItHadNotBeen()
    {
        (string expected, int boundaries) = Uninterrupted(Log);
        for (int gap = 1; gap < 5; gap++) Assert.Equal(expected, Killed(Log, [.. Enumerable.Repeat(gap, boundaries)]));
    }

    [Fact]
    public void Run_AnyLogKilledAnywhere_EndsAsIfItHadNotBeen()
    {
        Gen<(int, string)> line = from second in Gen.Choose(0, 1700) from host in Gen.Choose(1, 3) select (second, $"192.0.2.{host}");
        Gen<((int, string)[] Log, int[] Kills)> cases =
            from log in Gen.ArrayOf(line, 24)
            from kills in Gen.ArrayOf(Gen.Choose(0, 20), 3)
            select (log.OrderBy(l => l.Item1).ToArray(), kills);
        Prop.ForAll(cases.ToArbitrary(), c => Uninterrupted(c.Log).Outcome == Killed(c.Log, c.Kills)).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void Commit_ExemptSource_IsNeverInTheKernel()
    {
        using var directory = new TemporaryDirectory();
        var kernel = new ModelKernel();
        new ModelRun(directory.Path, kernel, Clock, Log).Run();
        Assert.DoesNotContain(AddressPrefix.Parse("203.0.113.7"), kernel.Bans.Keys);
        Assert.Contains(AddressPrefix.Parse("192.0.2.1"), kernel.Bans.Keys);
    }

    [Fact]
    public void Commit_OldLog_BansNobodyAndRemembersEverything()
    {
        using var directory = new TemporaryDirectory();
        var kernel = new ModelKernel();
        new ModelRun(directory.Path, kernel, new SetClock(ModelRun.Start.AddDays(20)), Log).Run();
        Assert.Empty(kernel.Bans);
        using StateDatabase? state = StateDatabase.OpenReadOnly(directory.Path);
        Assert.NotEmpty(state!.History());
        Assert.Empty(state.InForce(ModelRun.Start.AddDays(20)));
    }

    [Fact]
    public void Commit_PardonGivenWhileReading_IsHonoured()
    {
        using var directory = new TemporaryDirectory();
        var kernel = new ModelKernel();
        AddressPrefix pardoned = AddressPrefix.Parse("192.0.2.1");
        using (StateDatabase state = StateDatabase.Open(directory.Path, Clock, TextWriter.Null)) state.Forgive([pardoned], [], Clock.Now);
        var run = new ModelRun(directory.Path, kernel, Clock, Log);
        run.Run();
        Assert.DoesNotContain(pardoned, kernel.Bans.Keys);
        using StateDatabase? after = StateDatabase.OpenReadOnly(directory.Path);
        Assert.Empty(after!.BansOf(pardoned));
        Assert.Empty(after.LoadWindow(new("failures", "ssh", pardoned)));
    }

    [Fact]
    public void Commit_EveryBan_EndsConnectionsAfterTheKernelHasIt()
    {
        using var directory = new TemporaryDirectory();
        var kernel = new ModelKernel { Answer = new(2, null) };
        var run = new ModelRun(directory.Path, kernel, Clock, Log);
        run.Run();
        Assert.Equal(kernel.Bans.Keys, kernel.Ended.Select(e => e!.Value).Distinct().Order());
        Assert.True(run.Commit!.ConnectionsEnded >= 2);
        Assert.Null(run.Commit.ConnectionsProblem);
    }

    [Fact]
    public void Run_KilledBeforeConnectionsWereEnded_TheNextEndsThem()
    {
        using var directory = new TemporaryDirectory();
        var kernel = new ModelKernel();
        var run = new ModelRun(directory.Path, kernel, Clock, Log);
        Assert.Throws<Killed>(() => run.Run(stage =>
        {
            if (stage == CommitStage.InKernel && kernel.Bans.Count > 0) throw new Killed();
        }));
        kernel.Ended.Clear();
        run.Run();
        Assert.Equal(kernel.Bans.Keys, kernel.Ended.Select(e => e!.Value).Distinct().Order());
    }

    [Fact]
    public void Commit_KernelThatEndsNoConnections_StillBansAndSaysWhy()
    {
        using var directory = new TemporaryDirectory();
        var kernel = new ModelKernel { Answer = new(0, "this kernel cannot") };
        var run = new ModelRun(directory.Path, kernel, Clock, Log);
        run.Run();
        Assert.Equal("this kernel cannot", run.Commit!.ConnectionsProblem);
        using StateDatabase? state = StateDatabase.OpenReadOnly(directory.Path);
        Assert.Equal(0, state!.CountPending(ipv4: true, behind: 0));
        Assert.NotEmpty(kernel.Bans);
    }

    private static (string Outcome, int Boundaries) Uninterrupted((int, string)[] log)
    {
        using var directory = new TemporaryDirectory();
        var run = new ModelRun(directory.Path, new ModelKernel(), Clock, log);
        int boundaries = 0;
        run.Run(_ => boundaries++);
        return (run.Outcome(), boundaries);
    }

    private static string Killed((int, string)[] log, IEnumerable<int> kills)
    {
        using var directory = new TemporaryDirectory();
        var run = new ModelRun(directory.Path, new ModelKernel(), Clock, log);
        foreach (int kill in kills)
        {
            int passed = 0;
            try
            {
                run.Run(_ =>
                {
                    if (passed++ == kill) throw new Killed();
                });
            }
            catch (Killed)
            {
                // The next run finds what a killed program leaves.
            }
        }

        run.Run();
        return run.Outcome();
    }
}
