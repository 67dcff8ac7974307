using FsCheck;
using FsCheck.Fluent;
using RateWall.Detection;
using RateWall.Detection.Correlation;

namespace RateWall.UnitTests.Detection;

public sealed class CorrelatorTests
{
    private static readonly ServiceDetection Ssh = new("ssh", "ssh", new(3, TimeSpan.FromSeconds(10)), new(4, TimeSpan.FromSeconds(5)), TrustedFactor: 2);
    private static readonly TimeSpan Trust = TimeSpan.FromSeconds(40);

    [Fact]
    public void Failures_ReachingTheThreshold_FireOnceAndStartAnew()
    {
        var run = new History([]);
        foreach (int second in new[] { 0, 1, 2, 3, 4 }) run.Add(new(second * 1000, AttemptKind.Failure, 1, 1));
        Offence offence = Assert.Single(run.Offences);
        Assert.Equal((3, 0L, 2000L), (offence.Count, offence.Since.ToUnixTimeMilliseconds(), offence.At.ToUnixTimeMilliseconds()));
        Assert.Equal("192.0.2.1", offence.Key.ToString());
    }

    [Fact]
    public void Failures_JustOutsideTheWindow_DoNotFire()
    {
        var run = new History([]);
        foreach (int at in new[] { 0, 5000, 10_000 }) run.Add(new(at, AttemptKind.Failure, 1, 1));
        Assert.Empty(run.Offences);
        run.Add(new(9_999, AttemptKind.Invalid, 1, 1));
        Assert.Single(run.Offences);
    }

    [Fact]
    public void Observe_WithoutRoom_CountsTheOverflow()
    {
        var correlator = new Correlator([Ssh], SourceKeys.Default, new MemoryState(), Trust, maxWindows: 1);
        List<Offence> offences = [];
        correlator.Observe(Try(new(0, AttemptKind.Failure, 1, 2)), offences);
        correlator.Observe(Try(new(0, AttemptKind.Failure, 2, 2)), offences);
        Assert.Equal((4, 2), (correlator.Attempts, correlator.Overflowed));
        Assert.Single(correlator.Changed);
    }

    [Fact]
    public void Forget_OfAKey_TakesItsStampsUpToThatTime()
    {
        var correlator = new Correlator([Ssh], SourceKeys.Default, new MemoryState(), Trust);
        List<Offence> offences = [];
        correlator.Observe(Try(new(0, AttemptKind.Failure, 1, 1)), offences);
        correlator.Observe(Try(new(1000, AttemptKind.Failure, 1, 1)), offences);
        correlator.Forget(AddressPrefix.Parse("192.0.2.1"), 0);
        Assert.Equal([1000L], Assert.Single(correlator.Changed).Stamps);
    }

    [Fact]
    public void Offences_OfAnyHistoryWithAnyRestarts_AreThoseOfTheNaiveModel()
    {
        Gen<Step> step =
            from at in Gen.Choose(0, 60)
            from kind in Gen.Elements(AttemptKind.Failure, AttemptKind.Failure, AttemptKind.Invalid, AttemptKind.Probe, AttemptKind.Probe, AttemptKind.Success, AttemptKind.Limit)
            from source in Gen.Choose(1, 2)
            from count in Gen.Frequency((5, Gen.Constant(1)), (1, Gen.Choose(2, 5)))
            select new Step(at * 1000, kind, source, count);
        Arbitrary<(Step[] Steps, int[] Restarts)> histories = (
            from steps in step.ArrayOf()
            from ordered in Gen.Elements(true, false)
            from restarts in Gen.Choose(0, 40).ArrayOf()
            select (ordered ? [.. steps.OrderBy(s => s.At)] : Late(steps), restarts)).ToArbitrary();
        Prop.ForAll(histories, history =>
        {
            var run = new History(history.Restarts);
            foreach (Step s in history.Steps) run.Add(s);
            return run.Offences.SequenceEqual(Naive.Offences(history.Steps));
        }).QuickCheckThrowOnFailure();
    }

    // Late by less than the shortest window, as lines of several files are.
    private static Step[] Late(Step[] steps) => [.. steps.OrderBy(s => s.At + ((s.At * 7919) % 4000))];

    private static Attempt Try(Step step) => new()
    {
        UnixMilliseconds = step.At,
        Service = "ssh",
        Kind = step.Kind,
        HasSource = true,
        Source = SourceAddress.FromIPv4(0xC0000200u + (uint)step.Source),
        Count = step.Count,
        Rule = "",
    };

    internal sealed record Step(long At, AttemptKind Kind, int Source, int Count);

    private sealed class History(int[] restarts)
    {
        private readonly MemoryState state = new();
        private Correlator? correlator;
        private int seen;

        public List<Offence> Offences { get; } = [];

        public void Add(Step step)
        {
            correlator ??= new([Ssh], SourceKeys.Default, state, Trust);
            correlator.Observe(Try(step), Offences);
            if (!restarts.Contains(seen++)) return;
            state.Save(correlator);
            correlator.Clear();
            if (seen % 2 == 0) correlator = null;
        }
    }

    private sealed class MemoryState : ICorrelationState
    {
        private readonly Dictionary<WindowId, IReadOnlyList<long>> windows = [];
        private readonly Dictionary<(AddressPrefix, string), long> successes = [];

        public void Save(Correlator correlator)
        {
            foreach (WindowState window in correlator.Changed) windows[window.Window] = window.Stamps;
            foreach (SuccessSeen success in correlator.Successes)
                successes[(success.Key, success.Family)] = Math.Max(success.UnixMilliseconds, successes.GetValueOrDefault((success.Key, success.Family), long.MinValue));
        }

        public IReadOnlyList<long> LoadWindow(in WindowId window) => windows.GetValueOrDefault(window) ?? [];

        public long? LastSuccess(AddressPrefix key, string family) => successes.TryGetValue((key, family), out long at) ? at : null;
    }

    /// <summary>Keeps everything and looks at every stretch of time: slow, and plainly what is meant.</summary>
    private static class Naive
    {
        public static List<Offence> Offences(Step[] steps)
        {
            List<Offence> offences = [];
            var tries = new Dictionary<(int Source, bool Probe), List<long>>();
            var success = new Dictionary<int, long>();
            foreach (Step step in steps)
            {
                if (step.Kind == AttemptKind.Success) success[step.Source] = Math.Max(step.At, success.GetValueOrDefault(step.Source, long.MinValue));
                if (step.Kind is AttemptKind.Success or AttemptKind.Limit) continue;
                bool probe = step.Kind == AttemptKind.Probe;
                bool trusted = success.TryGetValue(step.Source, out long at) && step.At - at <= Trust.TotalMilliseconds;
                if (probe && trusted) continue;
                Threshold threshold = probe ? Ssh.Probes! : Ssh.Failures!;
                int limit = threshold.Count * (trusted ? Ssh.TrustedFactor : 1);
                long length = (long)threshold.Within.TotalMilliseconds;
                if (!tries.TryGetValue((step.Source, probe), out List<long>? all)) tries[(step.Source, probe)] = all = [];
                all.AddRange(Enumerable.Repeat(step.At, step.Count));
                long[] best = all.Where(start => start <= step.At && step.At < start + length).Distinct().Order()
                    .Select(start => all.Where(t => t >= start && t < start + length).Order().ToArray())
                    .MaxBy(window => window.Length)!;
                if (best.Length < limit) continue;
                all.Clear();
                offences.Add(new(
                    probe ? "probes" : "failures", "ssh", AddressPrefix.Single(SourceAddress.FromIPv4(0xC0000200u + (uint)step.Source)),
                    DateTimeOffset.FromUnixTimeMilliseconds(step.At), best.Length, DateTimeOffset.FromUnixTimeMilliseconds(best[0]), threshold.Within));
            }

            return offences;
        }
    }
}
