using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using RateWall.IntegrationTests.Machine;
using RateWall.Storage;

namespace RateWall.IntegrationTests.Correlate;

/// <summary>`correlate --follow`: the real program, a log that grows, the real kernel.</summary>
public sealed class FollowTests : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);
    private static readonly Dictionary<string, string?> Plain = [];

    private readonly NetworkNamespace network = new();
    private readonly RateWallProgram program;
    private readonly List<Process> started = [];
    private readonly StringBuilder said = new();
    private readonly DateTimeOffset now = DateTimeOffset.UtcNow.AddMinutes(-1);

    public FollowTests() => program = new(network);

    public void Dispose()
    {
        foreach (Process process in started)
        {
            if (!process.HasExited) process.Kill();
            process.WaitForExit();
            process.Dispose();
        }

        program.Dispose();
        network.Dispose();
    }

    [LinuxFact]
    public void Follow_LogGrowingAndRotated_BansAndIsAlone()
    {
        program.Run("apply").MustSucceed("apply");
        Follow(Plain);
        Append("192.0.2.1", 6);
        AssertBanned("192.0.2.1");

        for (int i = 2; i < 5; i++)
        {
            File.Move(program.LogFile, $"{program.LogFile}.{10 - i}");
            Append($"192.0.2.{i}", 6);
            AssertBanned($"192.0.2.{i}");
            File.WriteAllText(program.LogFile, "");
            Append($"198.51.100.{i}", 6);
            AssertBanned($"198.51.100.{i}");
        }

        Answer beside = program.Run("correlate").MustSucceed("correlate");
        Assert.Contains("another correlate is running", beside.Error, StringComparison.Ordinal);
        Assert.Contains("banned 192.0.2.4 for", Said(), StringComparison.Ordinal);
        Assert.DoesNotContain("0 bans", Said(), StringComparison.Ordinal);
    }

    // Each period begins with the policy as it is then. Whoever is banned by a policy that has just been taken back was seen
    // before the period ended: when it was written.
    [LinuxFact]
    public void Follow_LogGrowing_IsReadBeforeThePeriodEnds()
    {
        string banning = $"defaults: {{ log: {{ file: {program.LogFile} }}, account: off, prefix: off }}\n";
        string lenient = $"defaults: {{ log: {{ file: {program.LogFile} }}, account: off, prefix: off, failures: off, slow: off, users: off }}\n";
        program.Run("apply").MustSucceed("apply");
        Follow(Plain);
        for (int attempt = 1; attempt <= 10; attempt++)
        {
            File.WriteAllText(program.ConfigFile, banning);
            AwaitBanning(attempt);
            File.WriteAllText(program.ConfigFile, lenient);
            string? before = Place();
            Append($"198.51.100.{attempt}", 6);
            Eventually.True("it reads", Limit, () => Place() != before, Said);
            if (IsBanned($"198.51.100.{attempt}")) return;
            // The machine was so slow that the period was over.
        }

        Assert.Fail($"nothing was read before a period ended\n{Said()}");
    }

    [LinuxFact]
    public void Follow_KilledAgainAndAgain_CountsEachLineOnce()
    {
        File.WriteAllText(program.ConfigFile, $"defaults: {{ log: {{ file: {program.LogFile} }}, account: off, prefix: off }}\n");
        program.Run("apply").MustSucceed("apply");
        for (int round = 0; round < 3; round++)
        {
            Process follow = Follow(Plain);
            // Of each source two lines a life: no life sees enough of them by itself.
            string? before = Place();
            for (int i = 1; i <= 20; i++) Append($"192.0.2.{i}", 1);
            Eventually.True("it reads", Limit, () => Place() != before, Said);
            for (int i = 1; i <= 20; i++) Append($"192.0.2.{i}", 1);
            follow.Kill();
            follow.WaitForExit();
        }

        program.Run("correlate").MustSucceed("correlate");
        JsonElement bans = program.Json("trace").GetProperty("bans");
        Assert.Equal(20, bans.GetArrayLength());
        Assert.All(bans.EnumerateArray(), ban => Assert.Equal((6, 6), (ban.GetProperty("count").GetInt32(), ban.GetProperty("lines").GetArrayLength())));
        Assert.Equal(20, KernelDeadlines.Of(network, "ban4").Count);
    }

    [LinuxFact]
    public void Follow_UnderAServiceManager_SaysReadyAliveAndStopping()
    {
        program.Run("apply").MustSucceed("apply");
        using var manager = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        manager.Bind(new UnixDomainSocketEndPoint(program.Scratch("notify")));
        manager.ReceiveTimeout = (int)Limit.TotalMilliseconds;
        Process follow = Follow(new Dictionary<string, string?>(StringComparer.Ordinal) { ["NOTIFY_SOCKET"] = program.Scratch("notify") });
        Assert.Equal("READY=1", Receive(manager));
        for (int i = 0; i < 5; i++) Assert.Equal("WATCHDOG=1", Receive(manager));

        Shell.Run("kill", "-TERM", follow.Id.ToString(CultureInfo.InvariantCulture)).MustSucceed("kill");
        string last;
        do last = Receive(manager);
        while (last == "WATCHDOG=1");
        Assert.Equal("STOPPING=1", last);
        Assert.True(follow.WaitForExit(Limit), "it does not end");
        Assert.Equal(0, follow.ExitCode);
    }

    [LinuxFact]
    public void Follow_WallMissing_RefusesAtFirstAndWaitsForItLater()
    {
        Process refused = Follow(Plain);
        Assert.True(refused.WaitForExit(Limit), "it does not end");
        Assert.Equal(4, refused.ExitCode);

        program.Run("apply").MustSucceed("apply");
        Process follow = Follow(Plain);
        Append("192.0.2.1", 6);
        AssertBanned("192.0.2.1");
        program.Run("remove").MustSucceed("remove");
        Append("192.0.2.2", 6);
        Eventually.True("it says that the wall is away", Limit, () => Said().Split("the wall is not up").Length == 3, Said);
        program.Run("apply").MustSucceed("apply");
        AssertBanned("192.0.2.2");
        Assert.False(follow.HasExited);
    }

    [LinuxFact]
    public void Follow_LogAway_SaysSoOnceAndReadsItWhenItComes()
    {
        program.Run("apply").MustSucceed("apply");
        string other = program.Scratch("ftp.log");
        File.WriteAllText(program.ConfigFile, $"defaults: {{ log: {{ file: {program.LogFile} }} }}\nservices: {{ ssh: {{ log: {{ file: {other} }} }} }}\n");
        Follow(Plain);
        Eventually.True("it misses the log", Limit, () => Said().Contains("is not there", StringComparison.Ordinal), Said);
        for (int i = 1; i < 4; i++)
        {
            string? before = Place();
            File.AppendAllText(program.LogFile, "a line that means nothing\n");
            Eventually.True("it reads", Limit, () => Place() != before, Said);
        }

        File.WriteAllText(other, new SshLog(now).Failures("192.0.2.1", 6, 0).Text);
        AssertBanned("192.0.2.1");
        Assert.Equal(2, Said().Split("is not there").Length);
    }

    private string? Place()
    {
        using StateDatabase? state = StateDatabase.OpenReadOnly(program.StateDirectory);
        return state?.Cursor(LogFileSource.NameOf(program.LogFile));
    }

    private Process Follow(IReadOnlyDictionary<string, string?> environment)
    {
        Process process = program.Start(environment, "correlate", "--follow");
        process.OutputDataReceived += (_, e) => Hear(e.Data);
        process.ErrorDataReceived += (_, e) => Hear(e.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        started.Add(process);
        return process;
    }

    private void Hear(string? line)
    {
        lock (said) said.Append(line).Append('\n');
    }

    private string Said()
    {
        lock (said) return said.ToString();
    }

    private void Append(string source, int count) =>
        File.AppendAllText(program.LogFile, new SshLog(now).Failures(source, count, 0).Text);

    private void AssertBanned(string source) =>
        Eventually.True($"{source} is banned", Limit, () => network.Nft("list", "set", "inet", "ratewall", "ban4").Contains($"{source} ", StringComparison.Ordinal), Said);

    // Until sources of one's own for it are banned, the policy that bans is not yet the one in force.
    private void AwaitBanning(int attempt)
    {
        int next = 0;
        Eventually.True("the policy is in force", Limit, () =>
        {
            string? before = Place();
            string source = $"203.0.113.{(attempt * 20) + next++}";
            Append(source, 6);
            Eventually.True("it reads", Limit, () => Place() != before, Said);
            return IsBanned(source);
        }, Said);
    }

    private bool IsBanned(string source) => KernelDeadlines.Of(network, "ban4").ContainsKey(source);

    private static string Receive(Socket manager)
    {
        byte[] buffer = new byte[1024];
        return Encoding.UTF8.GetString(buffer, 0, manager.Receive(buffer));
    }
}
