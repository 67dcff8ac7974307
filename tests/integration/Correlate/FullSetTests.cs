using System.Text.Json;
using RateWall.IntegrationTests.Machine;

namespace RateWall.IntegrationTests.Correlate;

/// <summary>More offenders than the kernel's set of bans takes.</summary>
public sealed class FullSetTests : IDisposable
{
    private readonly NetworkNamespace network = new();
    private readonly RateWallProgram program;

    public FullSetTests()
    {
        program = new(network);
        Size(4);
        program.Run("apply").MustSucceed("apply");
    }

    public void Dispose()
    {
        program.Dispose();
        network.Dispose();
    }

    [LinuxFact]
    public void Correlate_MoreOffendersThanRoom_BansWhomItCanTellsOfTheRestAndGoesOn()
    {
        DateTimeOffset start = DateTimeOffset.UtcNow.AddMinutes(-4);
        var log = new SshLog(start);
        for (int host = 1; host <= 7; host++) log.Failures($"192.0.2.{host}", 6, host * 6);
        log.Failures("2001:db8::1", 6, 60);
        File.WriteAllText(program.LogFile, log.Text);

        Answer full = program.Run("correlate", "--format", "json");

        Assert.Equal(4, full.ExitCode);
        Assert.Contains("3 offenders are not banned", full.Error, StringComparison.Ordinal);
        JsonElement run = JsonDocument.Parse(full.Out).RootElement;
        Assert.Equal((48, 8, 5), (run.GetProperty("lines").GetInt64(), run.GetProperty("offences").GetInt64(), run.GetProperty("bans").GetInt64()));
        Assert.Equal(4, KernelDeadlines.Of(network, "ban4").Count);
        Assert.Single(KernelDeadlines.Of(network, "ban6"));
        Assert.Equal(5, program.Json("list").GetProperty("bans").GetArrayLength());

        // Nothing is read again, and whoever was left out is banned as soon as there is room.
        Answer again = program.Run("correlate", "--format", "json");
        Assert.Equal(4, again.ExitCode);
        Assert.Equal(0, JsonDocument.Parse(again.Out).RootElement.GetProperty("lines").GetInt64());
        Size(8);
        program.Run("apply").MustSucceed("apply");
        JsonElement settled = program.Json("correlate");
        Assert.Equal((0, 3), (settled.GetProperty("lines").GetInt64(), settled.GetProperty("bans").GetInt64()));
        IReadOnlyDictionary<string, DateTimeOffset> deadlines = KernelDeadlines.Of(network, "ban4");
        Assert.Equal(7, deadlines.Count);
        KernelDeadlines.AssertEnds(log.Start.AddSeconds((7 * 6) + 5).AddMinutes(10), deadlines["192.0.2.7"]);
    }

    [LinuxFact]
    public void Ban_NoRoom_SaysSoAndIsNotTriedAgain()
    {
        for (int host = 1; host <= 4; host++) program.Run("ban", $"192.0.2.{host}", "--for", "1h").MustSucceed("ban");

        Answer answer = program.Run("ban", "192.0.2.5");

        Assert.Equal(4, answer.ExitCode);
        Assert.Contains("is full", Assert.Single(answer.Error.TrimEnd().Split('\n')), StringComparison.Ordinal);
        // What is in the set can still be moved.
        program.Run("ban", "192.0.2.2", "--for", "2h").MustSucceed("ban");
        KernelDeadlines.AssertEnds(DateTimeOffset.UtcNow.AddHours(2), KernelDeadlines.Of(network, "ban4")["192.0.2.2"]);
        program.Run("unban", "192.0.2.1").MustSucceed("unban");
        program.Run("correlate").MustSucceed("correlate");
        Assert.False(KernelDeadlines.Of(network, "ban4").ContainsKey("192.0.2.5"));
    }

    private void Size(int bans) =>
        File.WriteAllText(program.ConfigFile, $"defaults: {{ log: {{ file: {program.LogFile} }}, prefix: off }}\nbans: {{ size: {bans} }}\n");
}
