using RateWall.IntegrationTests.Machine;
using Xunit.Abstractions;

namespace RateWall.IntegrationTests.Wall;

/// <summary>The limits beside the real xt_recent and beside models of their own, over the same arrivals in the same kernel.</summary>
public sealed class EquivalenceTests(LimitRun run, ITestOutputHelper output) : IClassFixture<LimitRun>
{
    [LinuxFact(XtRecent.Restore4, XtRecent.Restore6)]
    public void Window_RandomArrivals_DecidesAsXtRecent()
    {
        IsMeant(v => v.Window);
        Same("window", v => v.Window, "xt_recent --rcheck, --set", v => v.XtRecentCheck);
    }

    [LinuxFact(XtRecent.Restore4, XtRecent.Restore6)]
    public void Window_RandomArrivals_DecidesAsItsModel() =>
        Same("window", v => v.Window, "model", v => v.Under(LimitModels.Window));

    [LinuxFact(XtRecent.Restore4, XtRecent.Restore6)]
    public void Quiet_RandomArrivals_DecidesAsItsModel()
    {
        IsMeant(v => v.Quiet);
        Same("quiet", v => v.Quiet, "model", v => v.Under(LimitModels.Quiet));
    }

    [LinuxFact(XtRecent.Restore4, XtRecent.Restore6)]
    public void Bucket_RandomArrivals_DecidesAsItsModel()
    {
        IsMeant(v => v.Bucket);
        Same("bucket", v => v.Bucket, "model", v => v.Under(LimitModels.Bucket));
    }

    [LinuxFact(XtRecent.Restore4, XtRecent.Restore6)]
    public void Quiet_RandomArrivals_NeverLetsThroughWhatXtRecentUpdateDrops()
    {
        Same("xt_recent --set, --update", v => v.XtRecentUpdate, "model", v => v.Under((n, s) => LimitModels.XtRecentUpdate(n + 1, s)));
        // Where they differ, xt_recent let a source in that had not been silent for S seconds since it was refused.
        Assert.All(run.Random, v => Assert.DoesNotContain(v.Quiet.Zip(v.XtRecentUpdate), d => d is ('+', '-')));
        Assert.Contains(run.Random, v => v.Quiet.Zip(v.XtRecentUpdate).Any(d => d is ('-', '+')));
    }

    [LinuxFact(XtRecent.Restore4, XtRecent.Restore6)]
    public void EveryForm_AnyArrivals_LetsThroughAtMostWhatItSays()
    {
        foreach (Verdicts v in run.Random)
        {
            int n = v.Schedule.Connections;
            foreach (string exact in (string[])[v.Window, v.Quiet, v.XtRecentCheck, v.XtRecentUpdate]) Assert.InRange(v.MostInItsSeconds(exact), 1, n);
            Assert.InRange(v.MostInItsSeconds(v.Bucket), 1, 2 * n);
        }

        // A bucket that was full gains another N while it is emptied.
        Assert.Contains(run.Random, v => v.Schedule.Connections >= 4 && v.MostInItsSeconds(v.Bucket) >= 2 * v.Schedule.Connections - 1);
    }

    // The patterns are 10 tries at once and what their names say; N is 4, S is 4.
    [LinuxFact(XtRecent.Restore4, XtRecent.Restore6)]
    public void EveryForm_Hammering_DoesAsTheReadmeSays() => Each(nameof(Schedule.Hammering), v =>
    {
        string nothingMore = "++++" + new string('-', v.Arrivals.Count - 4);
        Assert.Equal(nothingMore, v.Quiet);
        Assert.Equal(nothingMore, v.XtRecentUpdate);
        Assert.Equal(3 * 4, v.Window.Count(c => c == '+'));
        Assert.Equal(v.Window, v.XtRecentCheck);
        Assert.Equal("++++------", v.Bucket[..10]);
        Assert.InRange(v.Bucket[10..].Count(c => c == '+'), 8, 10);
    });

    [LinuxFact(XtRecent.Restore4, XtRecent.Restore6)]
    public void EveryForm_Trickle_DoesAsTheReadmeSays() => Each(nameof(Schedule.Trickle), v =>
    {
        Assert.Equal("++++----------", v.Quiet);
        Assert.Equal("++++-------+++", v.XtRecentUpdate);
        Assert.Equal("++++-------+++", v.Window);
        Assert.Equal("++++-------+++", v.XtRecentCheck);
        Assert.Equal("++++------++++", v.Bucket);
    });

    [LinuxFact(XtRecent.Restore4, XtRecent.Restore6)]
    public void EveryForm_Silence_GivesTheWholeLimitAgain() => Each(nameof(Schedule.Silence), v =>
        Assert.All((string[])[v.Window, v.Quiet, v.Bucket, v.XtRecentCheck, v.XtRecentUpdate], verdicts => Assert.Equal("++++------++++------", verdicts)));

    private void Each(string pattern, Action<Verdicts> check)
    {
        Assert.True(run.Patterns[pattern].Any(), "it could not be sent as planned: is this machine very busy?");
        Assert.All(run.Patterns[pattern], check);
    }

    // Enough schedules, and both answers in plenty: agreeing is no accident.
    private void IsMeant(Func<Verdicts, string> verdicts)
    {
        Assert.True(run.Random.Count >= LimitRun.Enough, $"{run.Random.Count} schedules could be sent in time: is this machine very busy?");
        string all = string.Concat(run.Random.Select(verdicts));
        output.WriteLine($"{run.Random.Count} schedules, {all.Length} arrivals, {all.Count(c => c == '-')} dropped");
        Assert.All("+-", answer => Assert.True(all.Count(c => c == answer) > all.Length / 10, $"'{answer}' in {all.Length} verdicts"));
    }

    private void Same(string one, Func<Verdicts, string> first, string other, Func<Verdicts, string> second)
    {
        string[] differences = [.. run.Random.Where(v => first(v) != second(v)).Select(v =>
            $"{v.Schedule}\n  {one,-28} {first(v)}\n  {other,-28} {second(v)}")];
        Assert.True(differences.Length == 0, $"{differences.Length} of {run.Random.Count} schedules differ\n{string.Join('\n', differences)}");
    }
}
