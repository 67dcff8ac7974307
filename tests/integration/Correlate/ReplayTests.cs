using System.Text.Json;
using RateWall.IntegrationTests.Machine;

namespace RateWall.IntegrationTests.Correlate;

/// <summary>`replay` beside `correlate`, over the same log.</summary>
public sealed class ReplayTests : IDisposable
{
    private readonly NetworkNamespace network = new();
    private readonly RateWallProgram program;

    public ReplayTests() => program = new(network);

    public void Dispose()
    {
        program.Dispose();
        network.Dispose();
    }

    [LinuxFact("setpriv")]
    public void Replay_LogThatCorrelateRead_ComesToTheSameBansWithoutRootKernelAndState()
    {
        SshLog log = new(DateTimeOffset.UtcNow.AddMinutes(-9));
        for (int i = 1; i < 8; i++) log.Failures($"192.0.2.{i}", 4 + i, i * 20).Failures($"198.51.100.{i}", 3, 200 + i).Success($"198.51.100.{i}", 300);
        log.Failures("2001:db8:0:1::7", 30, 330);
        File.WriteAllText(program.LogFile, log.Text);

        // Before there is a wall, and as nobody.
        Answer answer = program.RunUnder(
            "setpriv", ["--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs"], "replay", "--format", "json", "--log", Readable(program.LogFile));
        using JsonDocument replayed = JsonDocument.Parse(answer.MustSucceed("replay").Out);
        Assert.False(Directory.Exists(program.StateDirectory), "a state was made");

        program.Run("apply").MustSucceed("apply");
        program.Run("correlate").MustSucceed("correlate");
        IEnumerable<string> made = program.Json("list", "--all").GetProperty("bans").EnumerateArray()
            .Select(b => $"{b.GetProperty("since")} {b.GetProperty("target")} {b.GetProperty("scope")} {b.GetProperty("until")} {b.GetProperty("reason")}");
        IEnumerable<string> told = replayed.RootElement.GetProperty("bans").EnumerateArray()
            .Select(b => $"{b.GetProperty("time")} {b.GetProperty("target")} {b.GetProperty("scope")} {b.GetProperty("until")} {b.GetProperty("reason")}");
        Assert.Equal(string.Join('\n', made.Order(StringComparer.Ordinal)), string.Join('\n', told.Order(StringComparer.Ordinal)));
        Assert.True(told.Count() > 6, answer.Out);
    }

    // The test's directory is its owner's alone.
    private string Readable(string file)
    {
        foreach (string path in new[] { file, program.ConfigFile }) File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.OtherRead);
        File.SetUnixFileMode(Path.GetDirectoryName(file)!, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.OtherExecute | UnixFileMode.OtherRead);
        return file;
    }
}
