using System.Diagnostics;
using System.Net;
using RateWall.IntegrationTests.Machine;
using RateWall.Policy;
using RateWall.Wall;

namespace RateWall.IntegrationTests.Wall;

/// <summary>What became of a schedule under each limit: "+" let through, "-" dropped, one for each arrival.</summary>
/// <param name="Arrivals">Before and after each arrival, measured, in seconds.</param>
internal sealed record Verdicts(
    Schedule Schedule, IReadOnlyList<(double Before, double After)> Arrivals,
    string Window, string Quiet, string Bucket, string XtRecentCheck, string XtRecentUpdate)
{
    /// <summary>The most that were let through in any S seconds.</summary>
    public int MostInItsSeconds(string verdicts)
    {
        double[] passed = [.. Arrivals.Where((_, i) => verdicts[i] == '+').Select(a => a.Before)];
        return passed.Length == 0 ? 0 : passed.Max(t => passed.Count(p => p <= t && t - p < Schedule.Seconds));
    }

    /// <summary>What a model says of the same arrivals.</summary>
    public string Under(Func<int, int, Func<double, bool>> model)
    {
        Func<double, bool> decides = model(Schedule.Connections, Schedule.Seconds);
        return string.Concat(Arrivals.Select(a => decides(a.Before) ? '+' : '-'));
    }
}

/// <summary>
/// Many schedules at once, each from a source of its own, against RateWall's wall on one host and the real xt_recent on
/// another. Each arrival is a SYN to each limit, sent within microseconds.
/// </summary>
public sealed class LimitRun : IDisposable
{
    private const double Duration = 12;
    private const int SchedulesARound = 260;
    private const int MostRounds = 12;
    private static readonly string[] PatternNames = [nameof(Schedule.Hammering), nameof(Schedule.Trickle), nameof(Schedule.Silence)];
    private const int WindowPort = 1000, QuietPort = 2000, BucketPort = 3000, CheckPort = 4000, UpdatePort = 5000;
    private readonly TunHost wall = new(RulesetRenderer.BuiltIn.Render(SamplePolicy.Of([.. Services()])).Text);
    private readonly TunHost recent = new();

    public LimitRun()
    {
        XtRecent.Load(recent.Space, Schedule.Limits.SelectMany((l, i) => (string[])
        [
            .. XtRecent.Check(CheckPort + i, l.Connections, l.Seconds), .. XtRecent.Update(UpdatePort + i, l.Connections + 1, l.Seconds),
        ]));
        var clear = new List<Verdicts>();
        // A machine too busy to send in time spoils schedules; those are left out, and made up for by further ones.
        for (int round = 0; round < MostRounds && !IsEnough(clear); round++)
        {
            Schedule[] schedules =
            [
                .. Enumerable.Range(round * SchedulesARound, SchedulesARound).Select(seed => Schedule.Random(seed, Duration)),
                .. Enumerable.Range(0, 5).Select(i => i * 0.17).SelectMany(t => (Schedule[])[Schedule.Hammering(t), Schedule.Trickle(t), Schedule.Silence(t)]),
            ];
            clear.AddRange(Send(schedules, round * schedules.Length).Where(IsClear));
        }

        Random = [.. clear.Where(IsRandom)];
        Patterns = clear.Except(Random).ToLookup(v => v.Schedule.Name, StringComparer.Ordinal);
    }

    /// <summary>How many random schedules have to have been sent in time.</summary>
    internal const int Enough = 200;

    /// <summary>The random schedules that were sent in time.</summary>
    internal IReadOnlyList<Verdicts> Random { get; }

    /// <summary>The others, by name.</summary>
    internal ILookup<string, Verdicts> Patterns { get; }

    public void Dispose()
    {
        wall.Dispose();
        recent.Dispose();
    }

    private static bool IsEnough(IReadOnlyList<Verdicts> clear) =>
        clear.Count(IsRandom) >= Enough && PatternNames.All(name => clear.Any(v => v.Schedule.Name == name));

    private static bool IsRandom(Verdicts v) => v.Schedule.Name.StartsWith("seed", StringComparison.Ordinal);

    private static bool IsClear(Verdicts v) =>
        Schedule.IsClear(v.Arrivals, v.Schedule.Connections, v.Schedule.Seconds, Schedule.Guard) && (IsRandom(v) || WasKept(v));

    // What a pattern has to give stands in the test, so it is only a pattern when it was sent as planned.
    private static bool WasKept(Verdicts v) =>
        v.Arrivals.Zip(v.Schedule.Times).All(a => a.First.After - a.Second < Schedule.Margin - Schedule.Guard);

    private Verdicts[] Send(Schedule[] schedules, int firstSource)
    {
        (double Time, int Schedule)[] plan = [.. schedules.SelectMany((s, i) => s.Times.Select(t => (t, i))).OrderBy(e => e.t)];
        List<(double Before, double After, bool[] Passed)>[] sent = [.. schedules.Select(_ => new List<(double, double, bool[])>())];
        var watch = Stopwatch.StartNew();
        foreach ((double time, int i) in plan)
        {
            // The schedule is in real time, as the kernel's windows are; whether it was kept is measured, not hoped.
            while (time - watch.Elapsed.TotalSeconds is > 0 and var left) Thread.Sleep(TimeSpan.FromSeconds(left));
            int limit = Schedule.Limits.IndexOf((schedules[i].Connections, schedules[i].Seconds));
            IPAddress source = Source(firstSource + i, sent[i].Count);
            double before = watch.Elapsed.TotalSeconds;
            bool[] passed =
            [
                wall.Syn(source, WindowPort + limit), wall.Syn(source, QuietPort + limit), wall.Syn(source, BucketPort + limit),
                recent.Syn(source, CheckPort + limit), recent.Syn(source, UpdatePort + limit),
            ];
            sent[i].Add((before, watch.Elapsed.TotalSeconds, passed));
        }

        return [.. schedules.Select((s, i) =>
        {
            string Of(int limit) => string.Concat(sent[i].Select(a => a.Passed[limit] ? '+' : '-'));
            return new Verdicts(s, [.. sent[i].Select(a => (a.Before, a.After))], Of(0), Of(1), Of(2), Of(3), Of(4));
        })];
    }

    // Every other source is an IPv6 /64, whose hosts take turns.
    private static IPAddress Source(int number, int arrival) =>
        number % 2 == 1 ? IPAddress.Parse($"2001:db8:2:{number:x}::{arrival + 1:x}") : new Crowd(4).Known(number);

    private static IEnumerable<ServicePolicy> Services() => Schedule.Limits.SelectMany((l, i) => (ServicePolicy[])
    [
        SamplePolicy.Service($"window{i}", LimitMode.Window, l.Connections, l.Seconds, WindowPort + i),
        SamplePolicy.Service($"quiet{i}", LimitMode.Quiet, l.Connections, l.Seconds, QuietPort + i),
        SamplePolicy.Service($"bucket{i}", LimitMode.Bucket, l.Connections, l.Seconds, BucketPort + i),
    ]);
}
