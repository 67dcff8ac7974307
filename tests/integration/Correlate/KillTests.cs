using System.Globalization;
using System.Text.Json;
using RateWall.Detection;
using RateWall.Detection.Correlation;
using RateWall.IntegrationTests.Machine;
using RateWall.Storage;

namespace RateWall.IntegrationTests.Correlate;

/// <summary>kill -9 of the real program between its first message to the kernel and its commit.</summary>
public sealed class KillTests
{
    private const int Boundaries = 24;
    private static readonly string[] Sources = ["192.0.2.7", "192.0.2.8", "192.0.2.9", "198.51.100.1", "2001:db8:0:1::"];

    [LinuxFact("strace")]
    public void Correlate_KilledAtEveryBoundary_LosesAndDoublesNoLine()
    {
        SshLog log = new SshLog(DateTimeOffset.UtcNow.AddMinutes(-4))
            .Success("192.0.2.9", 0)
            .Failures("192.0.2.7", 6, 1)
            .Failures("192.0.2.8", 5, 8)
            .Failures("198.51.100.1", 13, 14)
            .Failures("192.0.2.9", 7, 30)
            .Failures("2001:db8:0:1::5", 8, 40);
        SshLog more = new SshLog(log.Start).Failures("192.0.2.8", 1, 60).Failures("192.0.2.9", 1, 61);

        using var quiet = new NetworkNamespace();
        using var undisturbed = new RateWallProgram(quiet);
        LengthenBans(undisturbed);
        File.WriteAllText(undisturbed.LogFile, log.Text);
        undisturbed.Run("apply").MustSucceed("apply");
        undisturbed.Run("correlate").MustSucceed("correlate");
        string before = Outcome(undisturbed);
        IReadOnlyDictionary<string, DateTimeOffset> deadlines = KernelDeadlines.Of(quiet, "ban4");
        File.AppendAllText(undisturbed.LogFile, more.Text);
        undisturbed.Run("correlate").MustSucceed("correlate");
        string after = Outcome(undisturbed);

        using var network = new NetworkNamespace();
        using var program = new RateWallProgram(network);
        LengthenBans(program);
        File.WriteAllText(program.LogFile, log.Text);
        program.Run("apply").MustSucceed("apply");
        SyscallPoint[] points = PointsOf(program);
        int killed = 0;
        for (int i = 0; i < points.Length; i++)
        {
            foreach (string set in new[] { "ban4", "ban6" }) network.Nft("flush", "set", "inet", "ratewall", set);
            File.WriteAllText(program.LogFile, log.Text);
            program.StateDirectory = program.Scratch(string.Create(CultureInfo.InvariantCulture, $"state-{i}"));
            string point = $"{points[i].Name} {points[i].Occurrence}";
            if (Kill(program, points[i])) killed++;
            program.Run("correlate").MustSucceed($"correlate after a kill at {point}");
            Assert.Equal($"{point}\n{before}", $"{point}\n{Outcome(program)}");
            IReadOnlyDictionary<string, DateTimeOffset> found = KernelDeadlines.Of(network, "ban4");
            Assert.Equal(string.Join(' ', deadlines.Keys.Order(StringComparer.Ordinal)), string.Join(' ', found.Keys.Order(StringComparer.Ordinal)));
            foreach ((string target, DateTimeOffset until) in deadlines) Assert.InRange((found[target] - until).TotalSeconds, -10, 10);
            File.AppendAllText(program.LogFile, more.Text);
            program.Run("correlate").MustSucceed("correlate");
            Assert.Equal($"{point}\n{after}", $"{point}\n{Outcome(program)}");
        }

        Assert.True(killed >= 20, $"{killed} of {points.Length} runs were killed");
    }

    // None may run out while the test does.
    private static void LengthenBans(RateWallProgram program) => File.AppendAllText(program.ConfigFile, "bans: { first: 1d }\n");

    // One traced run tells which calls there are; the log is then read anew with a state of its own.
    private static SyscallPoint[] PointsOf(RateWallProgram program)
    {
        program.StateDirectory = program.Scratch("state-traced");
        string trace = program.Scratch("trace");
        program.Trace(["-f", "-qq", "-o", trace, "-e", $"trace={SyscallTrace.Traced}"], "correlate").MustSucceed("strace correlate");
        IReadOnlyList<SyscallPoint> all = SyscallTrace.Read(trace).Points;
        int step = Math.Max(1, all.Count / Boundaries);
        return [.. all.Where((_, i) => i % step == 0 || i == all.Count - 1)];
    }

    private static bool Kill(RateWallProgram program, SyscallPoint point)
    {
        string inject = string.Create(CultureInfo.InvariantCulture, $"inject={point.Name}:signal=KILL:when={point.Occurrence}");
        Answer answer = program.Trace(["-f", "-qq", "-o", "/dev/null", "-e", $"trace={point.Name}", "-e", inject], "correlate");
        return answer.ExitCode != 0;
    }

    // History, windows, trust and evidence: everything that counts lines.
    private static string Outcome(RateWallProgram program)
    {
        JsonElement traced = program.Json("trace");
        IEnumerable<string> bans = traced.GetProperty("bans").EnumerateArray()
            .Select(b => $"{b.GetProperty("target")} {b.GetProperty("since")} {b.GetProperty("until")} {b.GetProperty("reason")} {b.GetProperty("count")} {b.GetProperty("lines")}")
            .Order(StringComparer.Ordinal);
        using StateDatabase? state = StateDatabase.OpenReadOnly(program.StateDirectory);
        IEnumerable<string> windows = Sources.Select(s => Network(s)).Select(
            key => $"{key}: {string.Join(',', state!.LoadWindow(new WindowId(WindowId.Tries, "ssh", key)).Select(m => m.UnixMilliseconds))} trusted {state.LastSuccess(key, "ssh")}");
        return string.Join('\n', bans.Concat(windows).Append($"pending {state!.CountPending(ipv4: true, behind: 0)}"));
    }

    private static AddressPrefix Network(string source) =>
        SourceKeys.Default.KeyOf(AddressPrefix.Parse(source).Address);
}
