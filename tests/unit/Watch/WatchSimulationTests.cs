using System.Globalization;
using System.Text.Json;
using RateWall.Commands;

namespace RateWall.UnitTests.Watch;

public sealed class WatchSimulationTests : IDisposable
{
    private readonly DirectoryInfo directory = Directory.CreateTempSubdirectory("ratewall-watch-");

    public void Dispose() => directory.Delete(recursive: true);

    [Fact]
    public void Simulate_RecordedTrouble_SaysWhatWouldHaveBeenDoneAndWhen()
    {
        (int code, string output, string error) = Run("{}", "json", Looks(0, 12, 90), Looks(60, 40, 10));
        Assert.Equal((0, ""), (code, error));
        using JsonDocument answer = JsonDocument.Parse(output);
        Assert.Equal("ratewall.watch-simulation/1", answer.RootElement.GetProperty("schema").GetString());
        Assert.Equal(
            "12:00:15 imap_login tell; 12:00:20 imap_login ban; 12:00:50 imap_login ban; 12:03:00 imap_login over",
            string.Join("; ", answer.RootElement.GetProperty("acts").EnumerateArray().Select(a => $"{a.GetProperty("time").GetString()![11..19]} {a.GetProperty("watch").GetString()} {a.GetProperty("act").GetString()}")));
    }

    [Fact]
    public void Simulate_StopOnTheLadder_IsToldWithItsEnd()
    {
        (_, string output, _) = Run("units: { imap_login: { ladder: [restart, stop], stop-for: 30s } }", "json", Looks(0, 30, 90));
        using JsonDocument answer = JsonDocument.Parse(output);
        JsonElement stop = answer.RootElement.GetProperty("acts").EnumerateArray().First(a => a.GetProperty("act").GetString() == "stop");
        Assert.Equal(("2026-03-01T12:00:45Z", "2026-03-01T12:01:15Z"), (stop.GetProperty("time").GetString(), stop.GetProperty("until").GetString()));
    }

    [Fact]
    public void Simulate_WrongLine_IsToldWithItsPlaceAndTheAnswerIsNo()
    {
        (int code, string output, string error) = Run("{}", "table", "nonsense\n", Looks(0, 2, 10));
        Assert.Equal(1, code);
        Assert.Contains("looks.jsonl:1: left out: it is not a look at a unit", error, StringComparison.Ordinal);
        Assert.Equal("2 looks, 0 acts; nothing was done\n", output);
    }

    [Fact]
    public void Simulate_NoSuchFile_IsWrongUse()
    {
        (int code, _, string error) = Program("watch", "--simulate", Path.Combine(directory.FullName, "none"));
        Assert.Equal(2, code);
        Assert.Contains("is not there", error, StringComparison.Ordinal);
    }

    [Fact]
    public void Check_Units_SaysWhatMayBeDone()
    {
        string config = Path.Combine(directory.FullName, "p.yaml");
        File.WriteAllText(config, "units: { dovecot: { ladder: [tell, stop], stop-for: 90s } }\n");
        string row = Program("check", "--config", config).Out.Split('\n').Single(l => l.StartsWith("dovecot ", StringComparison.Ordinal));
        Assert.Equal("dovecot dovecot.service tasks 60% 80% 50% tell, stop for 1m30s", string.Join(' ', row.Split(' ', StringSplitOptions.RemoveEmptyEntries)));
        using JsonDocument answer = JsonDocument.Parse(Program("check", "--config", config, "--format", "json").Out);
        JsonElement unit = answer.RootElement.GetProperty("units")[0];
        Assert.Equal(("dovecot", "80%", 90), (unit.GetProperty("name").GetString(), unit.GetProperty("act").GetString(), unit.GetProperty("stop_for_s").GetInt32()));
    }

    [Theory]
    [InlineData("--once", "--record")]
    [InlineData("--once", "--simulate", "-")]
    public void Watch_TwoWaysAtOnce_IsWrongUse(params string[] options) => Assert.Equal(2, Program(["watch", .. options]).Code);

    private (int Code, string Out, string Error) Run(string policy, string format, params string[] looks)
    {
        string config = Path.Combine(directory.FullName, "p.yaml"), file = Path.Combine(directory.FullName, "looks.jsonl");
        File.WriteAllText(config, policy + "\n");
        File.WriteAllText(file, string.Concat(looks));
        return Program("watch", "--simulate", file, "--config", config, "--format", format);
    }

    private static (int Code, string Out, string Error) Program(params string[] arguments)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        return (CommandLine.Run(arguments, output, error), output.ToString(), error.ToString());
    }

    // Looks at dovecot each five seconds, so many of them, the first so many seconds after twelve.
    private static string Looks(int from, int count, int processes) => string.Concat(Enumerable.Range(0, count).Select(i =>
        "{\"time\":\"" + new DateTime(2026, 3, 1, 12, 0, 0).AddSeconds(from + (i * 5)).ToString("s", CultureInfo.InvariantCulture)
        + $"Z\",\"unit\":\"dovecot.service\",\"tasks\":{processes + 9},\"tasks_max\":4000,\"invocation\":\"a\",\"processes\":{{\"imap-login\":{processes}}}}}\n"));
}
