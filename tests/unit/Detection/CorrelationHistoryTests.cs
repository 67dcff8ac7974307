using System.Text;
using FsCheck;
using FsCheck.Fluent;
using RateWall.Detection;
using RateWall.Detection.Correlation;
using RateWall.Storage;
using RateWall.UnitTests.Storage;

namespace RateWall.UnitTests.Detection;

/// <summary>Random histories: the correlator and the naive model see the same, whatever is saved and loaded in between.</summary>
public sealed class CorrelationHistoryTests
{
    private const int TrustedFactor = 2;
    private static readonly UserNames Names = UserNames.Passing();
    private static readonly TimeSpan Trust = TimeSpan.FromHours(3);

    private static readonly DetectionSet Set = new()
    {
        Failures = new(3, TimeSpan.FromMinutes(10)),
        Slow = new(5, TimeSpan.FromMinutes(90)),
        Users = new(new(3, TimeSpan.FromMinutes(20)), new(3, TimeSpan.FromMinutes(40))),
        Probes = new(3, TimeSpan.FromMinutes(5)),
        DaemonLimit = new(2, TimeSpan.FromMinutes(10)),
        Prefix = new(new(2, TimeSpan.FromMinutes(60)), TimeSpan.FromHours(1), TimeSpan.FromHours(24)),
        Account = new(new(3, TimeSpan.FromMinutes(15)), TimeSpan.FromMinutes(10)),
        Pressure = new(new(4, TimeSpan.FromMinutes(8)), TimeSpan.FromMinutes(10)),
    };

    private static readonly string[] Sources = ["192.0.2.1", "192.0.2.2", "192.0.2.3", "198.51.100.1", "2001:db8::/64", "2001:db8:0:1::/64"];

    private static readonly Gen<AttemptKind> Kinds = Gen.Frequency(
        (12, Gen.Constant(AttemptKind.Failure)), (2, Gen.Constant(AttemptKind.Invalid)), (3, Gen.Constant(AttemptKind.Probe)),
        (2, Gen.Constant(AttemptKind.Limit)), (1, Gen.Constant(AttemptKind.Success)));

    [Fact]
    public void Events_OfAnyHistoryWithAnyRestarts_AreThoseOfTheNaiveModel()
    {
        Config many = Config.QuickThrowOnFailure.WithMaxTest(400);
        Prop.ForAll(Histories().ToArbitrary(), h => Agree(h.Steps, () => new InMemory(), h.Restarts)).Check(many);
    }

    [Fact]
    public void Events_WithTheStateInTheDatabase_AreThoseOfTheNaiveModel()
    {
        Config few = Config.QuickThrowOnFailure.WithMaxTest(15);
        Prop.ForAll(Histories().ToArbitrary(), h => Agree(h.Steps, () => new InDatabase(), h.Restarts)).Check(few);
    }

    [Fact]
    public void Enqueue_OfAnyHistoryWithAnyRestarts_ComesToWhatObserveDoes()
    {
        Config many = Config.QuickThrowOnFailure.WithMaxTest(300);
        Prop.ForAll(Histories().ToArbitrary(), h => Assert.Equal(Outcome(h.Steps, h.Restarts, ahead: false), Outcome(h.Steps, h.Restarts, ahead: true))).Check(many);
    }

    // More than are gathered at once, of more sources than have room.
    [Fact]
    public void Enqueue_OfALongHistory_ComesToWhatObserveDoes()
    {
        var random = new Random(20);
        AttemptKind[] kinds = [AttemptKind.Failure, AttemptKind.Failure, AttemptKind.Invalid, AttemptKind.Probe, AttemptKind.Success];
        Step[] steps = [.. Enumerable.Range(0, 3000).Select(i => new Step(
            i * 5000L, "imap", kinds[random.Next(kinds.Length)], random.Next(3) > 0 ? Sources[random.Next(Sources.Length)] : $"203.0.113.{random.Next(200)}",
            random.Next(2) > 0 ? "alice" : $"user{random.Next(30)}", 1))];
        Assert.Equal(Outcome(steps, [700, 1900], ahead: false), Outcome(steps, [700, 1900], ahead: true));
    }

    [Fact]
    public void Enqueue_ThenClear_CountsNothing()
    {
        var correlator = new Correlator([new("imap", "mail", Set)], SourceKeys.Default, new MemoryState(), UserNames.Passing(), Trust);
        List<Offence> offences = [];
        for (int i = 0; i < 3; i++) Give(correlator, new(0, "imap", AttemptKind.Failure, Sources[0], "alice", 1), offences, ahead: true);
        correlator.Clear();
        Assert.Empty(correlator.Changed);
        Assert.Empty(offences);
    }

    [Fact]
    public void Histories_OfTheseTests_FireEveryDetection()
    {
        var missing = new HashSet<string>(StringComparer.Ordinal) { "failures", "slow", "users", "probes", "daemon_limit", "prefix", "account", "siege" };
        // Some forty nearly always have all; what none of a thousand has is not tested.
        for (int round = 0; round < 25 && missing.Count > 0; round++)
        {
            foreach ((Step[] steps, int[] _) in Histories().Sample(60, 40))
            {
                var naive = new NaiveCorrelation(Set, TrustedFactor, (long)Trust.TotalMilliseconds);
                foreach (Step step in steps) naive.Add(step);
                missing.ExceptWith(naive.Events.Select(e => e.Split(' ')[0]));
            }
        }

        Assert.Empty(missing);
    }

    // Dense and sparse ones; in order, a little late, and as clocks that jump would write them.
    private static Gen<(Step[] Steps, int[] Restarts)> Histories() =>
        from minutes in Gen.Elements(30, 120, 400)
        from sources in Gen.Choose(1, Sources.Length)
        from steps in StepOf(minutes, sources).ArrayOf()
        from order in Gen.Choose(0, 3)
        from restarts in Gen.Choose(0, 60).ArrayOf()
        select (Ordered(steps, order), restarts);

    private static Gen<Step> StepOf(int minutes, int sources) =>
        from at in Gen.Choose(0, minutes * 2)
        from service in Gen.Frequency((4, Gen.Constant("imap")), (1, Gen.Constant("pop3")))
        from kind in Kinds
        from source in Gen.Choose(0, sources - 1)
        from user in Gen.Elements("", "alice", "bob", "carol", "dave")
        from count in Gen.Frequency((9, Gen.Constant(1)), (1, Gen.Choose(2, 4)))
        from nobody in Gen.Frequency((9, Gen.Constant(false)), (1, Gen.Constant(true)))
        select new Step(at * 30_000L, service, kind, kind == AttemptKind.Limit && nobody ? "" : Sources[source], user, count);

    private static Step[] Ordered(Step[] steps, int order) => order switch
    {
        0 or 1 => [.. steps.OrderBy(s => s.At)],
        2 => [.. steps.OrderBy(s => s.At + ((s.At * 7919) % 900_000))],
        _ => steps,
    };

    private static bool Agree(Step[] steps, Func<IPast> begin, int[] restarts)
    {
        var naive = new NaiveCorrelation(Set, TrustedFactor, (long)Trust.TotalMilliseconds);
        using IPast past = begin();
        ServiceDetection[] services = [new("imap", "mail", Set, TrustedFactor), new("pop3", "mail", Set, TrustedFactor)];
        var names = UserNames.Passing();
        Correlator? correlator = null;
        List<string> events = [];
        List<Offence> offences = [];
        var sieges = new Dictionary<string, SiegeSeen>(StringComparer.Ordinal);
        for (int i = 0; i < steps.Length; i++)
        {
            correlator ??= new(services, SourceKeys.Default, past.State, names, Trust);
            Give(correlator, steps[i], offences, ahead: false);
            events.AddRange(offences.Select(o => $"{o.Detection} {o.Service} {o.Key} {Milliseconds(o.At)} {o.Count} {Milliseconds(o.Since)}"));
            offences.Clear();
            foreach (SiegeSeen siege in correlator.Sieges)
            {
                if (sieges.TryGetValue(siege.Service, out SiegeSeen? known) && known == siege) continue;
                sieges[siege.Service] = siege;
                events.Add($"siege {siege.Service} {siege.Detection} {Milliseconds(siege.Since)} {Milliseconds(siege.Until)} {siege.Count}");
            }

            naive.Add(steps[i]);
            if (!restarts.Contains(i)) continue;
            past.Save(correlator);
            correlator.Clear();
            if (i % 2 == 0) correlator = null;
        }

        Assert.Equal(naive.Events, events);
        return true;
    }

    private static long Milliseconds(DateTimeOffset time) => time.ToUnixTimeMilliseconds();

    // All that is told of a history, looked at only when it is saved: what is ahead then has all that time.
    private static List<string> Outcome(Step[] steps, int[] restarts, bool ahead)
    {
        var past = new MemoryState();
        var correlator = new Correlator(
            [new("imap", "mail", Set, TrustedFactor), new("pop3", "mail", Set, TrustedFactor)], SourceKeys.Default, past, Names, Trust, maxWindows: 12);
        List<Offence> offences = [];
        List<string> told = [];
        for (int i = 0; i < steps.Length; i++)
        {
            Give(correlator, steps[i], offences, ahead);
            if (i % 7 == 3) correlator.Forget(AddressPrefix.Parse(Sources[i % Sources.Length]), steps[i].At - 600_000);
            if (!restarts.Contains(i) && i < steps.Length - 1) continue;
            told.AddRange(correlator.Sieges.Select(s => s.ToString()));
            told.AddRange(correlator.Changed.Select(w => $"{w.Window} {string.Join(' ', w.Marks)}"));
            told.AddRange(correlator.Successes.Select(s => s.ToString()));
            told.AddRange(correlator.Logins.Select(l => l.ToString()));
            told.Add($"{correlator.Attempts} {correlator.Overflowed}");
            past.Save(correlator);
            correlator.Clear();
        }

        told.AddRange(offences.Select(o => $"{o} {string.Join(' ', o.Members)}"));
        return told;
    }

    private static void Give(Correlator correlator, Step step, List<Offence> offences, bool ahead)
    {
        Attempt attempt = AttemptOf(step);
        if (ahead) correlator.Enqueue(attempt, offences);
        else correlator.Observe(attempt, offences);
    }

    private static Attempt AttemptOf(Step step) =>
        new()
        {
            UnixMilliseconds = step.At,
            Service = step.Service,
            Kind = step.Kind,
            HasSource = step.Source.Length > 0,
            Source = step.Source.Length > 0 ? AddressPrefix.Parse(step.Source).Address : default,
            User = Encoding.UTF8.GetBytes(step.User),
            Count = step.Count,
            Rule = "",
        };

    private interface IPast : IDisposable
    {
        ICorrelationState State { get; }

        void Save(Correlator correlator);
    }

    private sealed class InMemory : IPast
    {
        private readonly MemoryState state = new();

        public ICorrelationState State => state;

        public void Save(Correlator correlator) => state.Save(correlator);

        public void Dispose()
        {
        }
    }

    private sealed class InDatabase : IPast
    {
        private readonly TemporaryDirectory directory = new();
        private readonly StateDatabase state;

        public InDatabase() => state = StateDatabase.Open(directory.Path, TimeProvider.System, TextWriter.Null);

        public ICorrelationState State => state;

        public void Save(Correlator correlator) => state.Commit(
            new() { Source = "a", Windows = [.. correlator.Changed], Successes = [.. correlator.Successes], Logins = [.. correlator.Logins] }, [], []);

        public void Dispose()
        {
            state.Dispose();
            directory.Dispose();
        }
    }
}
