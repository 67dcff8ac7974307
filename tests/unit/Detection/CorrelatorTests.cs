using System.Text;
using RateWall.Detection;
using RateWall.Detection.Correlation;

namespace RateWall.UnitTests.Detection;

public sealed class CorrelatorTests
{
    private static readonly ServiceDetection Ssh = new(
        "ssh", "ssh", new() { Failures = new(3, TimeSpan.FromSeconds(10)), Probes = new(4, TimeSpan.FromSeconds(5)) }, TrustedFactor: 2);

    private static readonly TimeSpan Trust = TimeSpan.FromSeconds(40);

    [Fact]
    public void Failures_ReachingTheThreshold_FireOnceAndStartAnew()
    {
        Offence offence = Assert.Single(Observe(Ssh, [.. Enumerable.Range(0, 5).Select(s => new Made(s * 1000, AttemptKind.Failure, 1))]));
        Assert.Equal((3, 0L, 2000L), (offence.Count, offence.Since.ToUnixTimeMilliseconds(), offence.At.ToUnixTimeMilliseconds()));
        Assert.Equal("192.0.2.1", offence.Key.ToString());
    }

    [Fact]
    public void Failures_JustOutsideTheWindow_DoNotFire()
    {
        Made[] outside = [new(0, AttemptKind.Failure, 1), new(5000, AttemptKind.Failure, 1), new(10_000, AttemptKind.Failure, 1)];
        Assert.Empty(Observe(Ssh, outside));
        Assert.Single(Observe(Ssh, [.. outside, new(9_999, AttemptKind.Invalid, 1)]));
    }

    [Fact]
    public void Observe_WithoutRoom_CountsTheOverflow()
    {
        var correlator = new Correlator([Ssh], SourceKeys.Default, new MemoryState(), UserNames.Passing(), Trust, maxWindows: 1);
        List<Offence> offences = [];
        correlator.Observe(Try(new(0, AttemptKind.Failure, 1, Count: 2)), offences);
        correlator.Observe(Try(new(0, AttemptKind.Failure, 2, Count: 2)), offences);
        Assert.Equal((4, 2), (correlator.Attempts, correlator.Overflowed));
        Assert.Single(correlator.Changed);
    }

    // Equal strings that are not the same, and others that begin alike and are as long.
    [Fact]
    public void Observe_ServicesNamedByManyStrings_TellsEachByItsLetters()
    {
        string[] names = ["imap", "idol", "iota", "ssh", ""];
        var correlator = new Correlator([.. names.Select(n => Ssh with { Service = n })], SourceKeys.Default, new MemoryState(), UserNames.Passing(), Trust);
        List<Offence> offences = [];
        for (int round = 0; round < 3; round++)
            foreach (string name in (string[])[.. names, "ibis"])
            {
                var made = new Attempt
                {
                    UnixMilliseconds = round,
                    Service = new(name.AsSpan()),
                    Kind = AttemptKind.Failure,
                    HasSource = true,
                    Source = SourceAddress.FromIPv4(1),
                };
                correlator.Observe(made, offences);
            }

        Assert.Equal(string.Join(' ', names), string.Join(' ', offences.Select(o => o.Service)));
    }

    [Fact]
    public void Forget_OfAKey_TakesItsStampsUpToThatTime()
    {
        var correlator = new Correlator([Ssh], SourceKeys.Default, new MemoryState(), UserNames.Passing(), Trust);
        List<Offence> offences = [];
        correlator.Observe(Try(new(0, AttemptKind.Failure, 1)), offences);
        correlator.Observe(Try(new(1000, AttemptKind.Failure, 1)), offences);
        correlator.Forget(AddressPrefix.Parse("192.0.2.1"), 0);
        Assert.Equal(1000, Assert.Single(Assert.Single(correlator.Changed).Marks).UnixMilliseconds);
    }

    [Fact]
    public void Failures_OfAUserWhoThenLogsIn_AreSettled()
    {
        Made[] keys = [.. Enumerable.Range(0, 2).Select(i => new Made(i * 100, AttemptKind.Failure, 1, "alice"))];
        Made[] after = [.. Enumerable.Range(0, 3).Select(i => new Made(1000 + i, AttemptKind.Failure, 1, "bob"))];
        // Trusted: twice the threshold, so that six would fire.
        Assert.Single(Observe(Ssh, [new(0, AttemptKind.Success, 1, "carol"), .. keys, .. after, new(1100, AttemptKind.Failure, 1, "dave")]));
        Assert.Empty(Observe(Ssh, [.. keys, new(500, AttemptKind.Success, 1, "alice"), .. after, new(1100, AttemptKind.Failure, 1, "dave")]));
    }

    [Fact]
    public void Failures_SameMistakeOfAKnownUser_CountOnceAnHour()
    {
        ServiceDetection service = Ssh with { Set = new() { Failures = new(2, TimeSpan.FromHours(3)) }, TrustedFactor = 1 };
        Made login = new(0, AttemptKind.Success, 1, "alice");
        Made Phone(int minutes, string user = "alice") => new(minutes * 60_000, AttemptKind.Failure, 1, user);
        // Trusted for forty seconds only by default here: the pair is what counts.
        var correlator = new Correlator([service], SourceKeys.Default, new MemoryState(), UserNames.Passing(), TimeSpan.FromDays(30));
        List<Offence> offences = [];
        correlator.Observe(Try(login), offences);
        for (int minutes = 1; minutes < 61; minutes++) correlator.Observe(Try(Phone(minutes)), offences);
        Assert.Empty(offences);
        correlator.Observe(Try(Phone(61)), offences);
        Assert.Single(offences);
    }

    [Fact]
    public void Observe_LimitLineOfNobody_RaisesSiege()
    {
        ServiceDetection service = Ssh with { Set = new() { Pressure = new(new(200, TimeSpan.FromMinutes(5)), TimeSpan.FromMinutes(10)) } };
        var correlator = new Correlator([service], SourceKeys.Default, new MemoryState(), UserNames.Passing(), Trust);
        correlator.Observe(new Attempt { UnixMilliseconds = 1000, Service = "ssh", Kind = AttemptKind.Limit, Count = 1, Rule = "" }, []);
        SiegeSeen siege = Assert.Single(correlator.Sieges);
        Assert.Equal(("daemon_limit", 601_000L), (siege.Detection, siege.Until.ToUnixTimeMilliseconds()));
    }

    [Fact]
    public void Observe_SamplesAboveCapacity_RaiseSiegeWhenTheySayItTwice()
    {
        ServiceDetection service = Ssh with { Set = new() { Pressure = new(new(200, TimeSpan.FromMinutes(5)), TimeSpan.FromMinutes(10)) } };
        var correlator = new Correlator([service], SourceKeys.Default, new MemoryState(), UserNames.Passing(), Trust);
        void Sample(int second, int unauthenticated) => correlator.Observe(new ServiceSample("ssh", second * 1000, unauthenticated, Capacity: 100));
        Sample(0, 61);
        Sample(10, 60);
        Sample(20, 61);
        Assert.Empty(correlator.Sieges);
        Sample(30, 61);
        Assert.Equal(630_000, Assert.Single(correlator.Sieges).Until.ToUnixTimeMilliseconds());
        Sample(40, 30);
        Sample(50, 29);
        SiegeSeen siege = Assert.Single(correlator.Sieges);
        Assert.Equal(("capacity", 30_000L, 640_000L), (siege.Detection, siege.Since.ToUnixTimeMilliseconds(), siege.Until.ToUnixTimeMilliseconds()));
    }

    [Fact]
    public void Observe_SamplesAboveCapacityInTwoRuns_RaiseSiege()
    {
        ServiceDetection service = Ssh with { Set = new() { Pressure = new(new(200, TimeSpan.FromMinutes(5)), TimeSpan.FromMinutes(10)) } };
        var state = new MemoryState();
        Assert.Empty(Run(0, 61));
        Assert.Empty(Run(10, 60));
        Assert.Empty(Run(20, 61));
        Assert.Equal("capacity", Assert.Single(Run(30, 61)).Detection);

        SiegeSeen[] Run(int second, int unauthenticated)
        {
            var correlator = new Correlator([service], SourceKeys.Default, state, UserNames.Passing(), Trust);
            correlator.Observe(new ServiceSample("ssh", second * 1000, unauthenticated, Capacity: 100));
            state.Save(correlator);
            return [.. correlator.Sieges];
        }
    }

    [Fact]
    public void Observe_WithoutRoom_RaisesSiege()
    {
        DetectionSet set = new() { Failures = new(3, TimeSpan.FromSeconds(10)), Pressure = new(new(200, TimeSpan.FromMinutes(5)), TimeSpan.FromMinutes(10)) };
        var correlator = new Correlator([Ssh with { Set = set }], SourceKeys.Default, new MemoryState(), UserNames.Passing(), Trust, maxWindows: 1);
        correlator.Observe(Try(new(0, AttemptKind.Failure, 1)), []);
        Assert.Empty(correlator.Sieges);
        correlator.Observe(Try(new(0, AttemptKind.Failure, 2)), []);
        Assert.Equal("memory", Assert.Single(correlator.Sieges).Detection);
    }

    private static Attempt Try(Made step) => new()
    {
        UnixMilliseconds = step.At,
        Service = "ssh",
        User = step.User.Length > 0 ? Encoding.UTF8.GetBytes(step.User) : [],
        Kind = step.Kind,
        HasSource = true,
        Source = SourceAddress.FromIPv4(0xC0000200u + (uint)step.Source),
        Count = step.Count,
        Rule = "",
    };

    private static List<Offence> Observe(ServiceDetection service, params Made[] steps)
    {
        var correlator = new Correlator([service], SourceKeys.Default, new MemoryState(), UserNames.Passing(), Trust);
        List<Offence> offences = [];
        foreach (Made step in steps) correlator.Observe(Try(step), offences);
        return offences;
    }

    private sealed record Made(long At, AttemptKind Kind, int Source, string User = "", int Count = 1);
}
