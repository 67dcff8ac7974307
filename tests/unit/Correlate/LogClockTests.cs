using System.Text;
using RateWall.Detection;
using RateWall.Detection.Correlation;
using RateWall.Detection.Logs;
using RateWall.UnitTests.Detection;

namespace RateWall.UnitTests.Correlate;

/// <summary>Six failures in a minute are six failures in a minute, whatever the stamps of the log say about it.</summary>
public sealed class LogClockTests
{
    private static readonly TimeZoneInfo Berlin = TimeZoneInfo.FindSystemTimeZoneById("Europe/Berlin");

    // Stamps without a year and a zone, in local time, around the moment.
    [Theory]
    [InlineData("2026-12-31T22:59:30Z")]
    [InlineData("2027-02-28T22:59:30Z")]
    [InlineData("2028-02-28T22:59:30Z")]
    [InlineData("2026-03-29T00:59:30Z")]
    [InlineData("2026-10-25T00:59:30Z")]
    [InlineData("2026-10-24T23:59:30Z")]
    public void Failures_AcrossAJumpOfTheLocalClock_AreOneOffence(string first)
    {
        DateTimeOffset start = DateTimeOffset.Parse(first, System.Globalization.CultureInfo.InvariantCulture);
        DateTimeOffset[] times = [.. Enumerable.Range(0, 6).Select(i => start.AddSeconds(i * 12))];
        // Read as they are written, as the timer does.
        List<Offence> offences = [];
        Correlator correlator = New();
        foreach (DateTimeOffset at in times) Read(correlator, at.AddSeconds(5), [Line(at)], offences);
        Offence offence = Assert.Single(offences);
        Assert.Equal((times[5], 6, times[0]), (offence.At, offence.Count, offence.Since));
    }

    [Fact]
    public void Failures_AnHourApartAtTheSameLocalTime_AreNoOffence()
    {
        DateTimeOffset first = new(2026, 10, 25, 0, 30, 0, TimeSpan.Zero);
        List<Offence> offences = [];
        Correlator correlator = New();
        foreach (DateTimeOffset hour in new[] { first, first.AddHours(1) })
            for (int i = 0; i < 3; i++) Read(correlator, hour.AddSeconds(i + 5), [Line(hour.AddSeconds(i))], offences);
        Assert.Empty(offences);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(-60)]
    [InlineData(-24 * 60)]
    [InlineData(-365 * 24 * 60)]
    [InlineData(60)]
    [InlineData(365 * 24 * 60)]
    public void Failures_AfterTheClockWasSet_AreCountedLikeAnyOthers(int minutes)
    {
        DateTimeOffset before = new(2026, 11, 21, 12, 0, 0, TimeSpan.Zero), after = before.AddMinutes(minutes);
        List<Offence> offences = [];
        Correlator correlator = New();
        for (int i = 0; i < 5; i++) Observe(correlator, before.AddSeconds(i), offences);
        Assert.Empty(offences);
        for (int i = 0; i < 6; i++) Observe(correlator, after.AddSeconds(i), offences);
        Assert.NotEmpty(offences);
        Assert.InRange(offences[0].At, after, after.AddSeconds(5));
    }

    private static Correlator New()
    {
        DetectionSet set = new() { Failures = new(6, TimeSpan.FromMinutes(10)), Slow = new(30, TimeSpan.FromHours(24)) };
        return new([new("ssh", "ssh", set)], SourceKeys.Default, new MemoryState(), UserNames.Passing(), TimeSpan.FromDays(30));
    }

    private static void Read(Correlator correlator, DateTimeOffset now, string[] lines, List<Offence> offences)
    {
        void Observe(in Attempt attempt) => correlator.Observe(attempt, offences);
        new LogParser(RuleSet.BuiltIn, now, Berlin).Read(Encoding.UTF8.GetBytes(string.Concat(lines)), [], Observe);
    }

    private static string Line(DateTimeOffset at)
    {
        DateTimeOffset local = TimeZoneInfo.ConvertTime(at, Berlin);
        return string.Create(
            System.Globalization.CultureInfo.InvariantCulture,
            $"{local:MMM} {local.Day,2} {local:HH:mm:ss} host sshd[4711]: Failed password for root from 192.0.2.7 port 40022 ssh2\n");
    }

    private static void Observe(Correlator correlator, DateTimeOffset at, List<Offence> offences) => correlator.Observe(
        new Attempt
        {
            UnixMilliseconds = at.ToUnixTimeMilliseconds(),
            Service = "ssh",
            Kind = AttemptKind.Failure,
            HasSource = true,
            Source = AddressPrefix.Parse("192.0.2.7").Address,
            Count = 1,
            Rule = "",
        },
        offences);
}
