using System.Text;
using RateWall.Detection;
using RateWall.Detection.Correlation;
using RateWall.Detection.Logs;
using RateWall.IntegrationTests.Machine;
using RateWall.Policy;
using RateWall.Storage;
using RateWall.Systemd;

namespace RateWall.IntegrationTests.Containers;

/// <summary>What RateWall read of a try.</summary>
internal sealed record Seen(string Daemon, string Service, AttemptKind Kind, string? Source, int Count, string Line)
{
    /// <summary>The log's time of it: the journal's, or the line's own.</summary>
    public required DateTimeOffset At { get; init; }
}

/// <summary>Reads a host's logs as `correlate` does: the same reader, trust, parser and rules.</summary>
internal static class HostLogs
{
    /// <summary>The journal as it is now.</summary>
    public static IReadOnlyList<Seen> Journal(Container host, Func<Seen, bool> wanted)
    {
        using var temporary = new TemporaryDirectory();
        host.Exec("journalctl", "--sync").MustSucceed("journalctl --sync");
        string id = host.Exec("cat", "/etc/machine-id").Out.Trim();
        host.CopyOut($"/var/log/journal/{id}", temporary["journal"]);
        RuleSet rules = RuleSet.BuiltIn;
        ServicePolicy[] services = [.. rules.Files.SelectMany(f => f.Services).Distinct(StringComparer.Ordinal).Select(Service)];
        using JournalSource source = JournalSource.Open(
            RateWall.Systemd.Journal.Open(temporary["journal"]), new JournalTrust(rules.Files, services), services.Select(s => s.Name).ToHashSet(StringComparer.Ordinal), cursor: null,
            TimeProvider.System.GetUtcNow(), TextWriter.Null);
        return Collect(rules, wanted, (parser, handler) =>
        {
            while (!source.ReadStep(parser, handler).AtEnd) { }
        });
    }

    /// <summary>A daemon's own log.</summary>
    public static IReadOnlyList<Seen> File(Container host, string path, string program)
    {
        using var temporary = new TemporaryDirectory();
        host.CopyOut(path, temporary["log"]);
        byte[] log = System.IO.File.ReadAllBytes(temporary["log"]);
        return Collect(RuleSet.BuiltIn, _ => true, (parser, handler) => Assert.Equal(log.Length, parser.Read(log, Encoding.UTF8.GetBytes(program), handler)));
    }

    private static List<Seen> Collect(RuleSet rules, Func<Seen, bool> wanted, Action<LogParser, AttemptHandler> read)
    {
        DateTimeOffset now = TimeProvider.System.GetUtcNow();
        var parser = new LogParser(rules, now, TimeZoneInfo.Utc);
        var seen = new List<Seen>();
        void Add(in Attempt attempt)
        {
            var one = new Seen(
                attempt.Rule[..attempt.Rule.IndexOf('.', StringComparison.Ordinal)], attempt.Service, attempt.Kind,
                attempt.HasSource ? attempt.Source.ToString() : null, attempt.Count, Encoding.Latin1.GetString(attempt.Line))
            {
                At = DateTimeOffset.FromUnixTimeMilliseconds(attempt.UnixMilliseconds),
            };
            if (wanted(one)) seen.Add(one);
        }

        read(parser, Add);
        // Notes that no line answered within their ten seconds.
        parser.Settle((now + TimeSpan.FromMinutes(1)).ToUnixTimeMilliseconds(), Add);
        return seen;
    }

    private static ServicePolicy Service(string name) => new(
        name, name, Enabled: true, [1], new LimitPolicy(LimitMode.Off, 0, TimeSpan.FromMinutes(1), 2, 1), new DetectionSet(),
        LogSource.Journal, []);
}
