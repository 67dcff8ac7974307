using System.Globalization;
using RateWall.Commands;
using RateWall.Detection;
using RateWall.Detection.Correlation;
using RateWall.Policy;
using RateWall.Storage;
using RateWall.UnitTests.Storage;
using RateWall.Wall;

namespace RateWall.UnitTests.Correlate;

/// <summary>The program died here.</summary>
internal sealed class Killed : Exception;

/// <summary>
/// Runs over a log of "second source" lines with the real state and the real commit; reading and counting are the simplest
/// that can be right, so that what is tested is that nothing is lost or counted twice.
/// </summary>
internal sealed class ModelRun(string directory, ModelKernel kernel, TimeProvider time, IReadOnlyList<(int Second, string Source)> log)
{
    private const int Threshold = 3;
    private const int StepLines = 4;
    private static readonly TimeSpan Window = TimeSpan.FromMinutes(10);

    public static readonly DateTimeOffset Start = DateTimeOffset.FromUnixTimeSeconds(1_790_000_000);

    private static readonly EffectivePolicy Policy = new(
        [
            new("ssh", "ssh", Enabled: true, [22], new(LimitMode.Off, 0, TimeSpan.FromMinutes(1), 2, 1),
                new() { Pressure = new(new(200, TimeSpan.FromMinutes(5)), TimeSpan.FromHours(1)) }, LogSource.Journal, []),
        ],
        [], new BanPolicy(TimeSpan.FromMinutes(10), 6, TimeSpan.FromDays(7), TimeSpan.FromDays(30), 65536),
        new TrustPolicy(TimeSpan.FromDays(1), 10), []);

    /// <summary>The last run's commit.</summary>
    public StepCommit? Commit { get; private set; }

    /// <summary>One run to the log's end, or until <paramref name="passing"/> kills it; the bans it told of.</summary>
    public int Run(Action<CommitStage>? passing = null)
    {
        using StateDatabase state = StateDatabase.Open(directory, time, TextWriter.Null);
        var exemptions = new Exemptions([new(AddressPrefix.Parse("203.0.113.0/24"), "on the allow list")], SourceKeys.Default);
        var commit = new StepCommit(state, kernel.Sets, Policy, exemptions, time, () => TextReader.Null, passing);
        Commit = commit;
        int bans = (int)commit.Settle().Count;
        int line = int.Parse(state.Cursor("log") ?? "0", CultureInfo.InvariantCulture);
        while (line < log.Count)
        {
            int end = Math.Min(line + StepLines, log.Count);
            CorrelatedStep step = Step(state, line, end);
            bans += commit.Commit(step).Count(v => v.Outcome == BanOutcome.Banned);
            line = end;
        }

        return bans;
    }

    /// <summary>Everything that must be equal in the end.</summary>
    public string Outcome()
    {
        using StateDatabase? state = StateDatabase.OpenReadOnly(directory);
        IEnumerable<string> history = state!.History().OrderBy(b => b.At).ThenBy(b => b.Target)
            .Select(b => $"{b.Target} {b.At:O} {b.Until:O} {b.State} {b.Count} {string.Join(',', state.EvidenceOf(b).Select(e => e.UnixMilliseconds))}");
        IEnumerable<string> windows = log.Select(l => l.Source).Distinct(StringComparer.Ordinal)
            .Select(s => $"{s}: {string.Join(',', state.LoadWindow(IdOf(s)).Select(m => m.UnixMilliseconds))}");
        return string.Join('\n', history.Concat(windows).Concat(kernel.Bans.Select(b => $"{b.Key} {b.Value:O}")).Append(state.Cursor("log"))
            .Append($"siege {kernel.Sieges.GetValueOrDefault("ssh")?.Max():O}"));
    }

    private static WindowId IdOf(string source) => new("failures", "ssh", AddressPrefix.Parse(source));

    private CorrelatedStep Step(StateDatabase state, int from, int to)
    {
        var windows = new Dictionary<string, List<long>>(StringComparer.Ordinal);
        var offences = new List<Offence>();
        var evidence = new List<EvidenceLine>();
        for (int i = from; i < to; i++)
        {
            (int second, string source) = log[i];
            DateTimeOffset at = Start.AddSeconds(second);
            if (!windows.TryGetValue(source, out List<long>? stamps)) windows.Add(source, stamps = [.. state.LoadWindow(IdOf(source)).Select(m => m.UnixMilliseconds)]);
            stamps.Add(at.ToUnixTimeMilliseconds());
            stamps.RemoveAll(s => s <= (at - Window).ToUnixTimeMilliseconds());
            evidence.Add(new("ssh", IdOf(source).Key, at.ToUnixTimeMilliseconds(), BitConverter.GetBytes(i)));
            if (stamps.Count < Threshold) continue;
            DateTimeOffset since = DateTimeOffset.FromUnixTimeMilliseconds(stamps[0]);
            offences.Add(new("failures", "ssh", IdOf(source).Key, at, stamps.Count, since, Window));
            stamps.Clear();
        }

        return new()
        {
            Source = "log",
            Cursor = to.ToString(CultureInfo.InvariantCulture),
            Offences = offences,
            Evidence = evidence,
            Sieges = offences.Count > 0 ? [new("ssh", DetectionName.Pressure, offences[0].At, offences[^1].At.AddHours(1), 200)] : [],
            Windows = [.. windows.Select(w => new WindowState(IdOf(w.Key), [.. w.Value.Select(s => new WindowMark(s, 0, 0))]))],
        };
    }
}
