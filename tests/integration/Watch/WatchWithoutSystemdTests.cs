using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Text;
using RateWall.IntegrationTests.Machine;

namespace RateWall.IntegrationTests.Watch;

/// <summary>
/// `ratewall watch` where systemd is not PID 1, and where it is and nobody answers: the program sees a /run of its own, so that
/// it does not matter what this machine runs.
/// </summary>
public sealed class WatchWithoutSystemdTests : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private readonly NetworkNamespace network = new();
    private readonly RateWallProgram ratewall;

    public WatchWithoutSystemdTests() => ratewall = new(network);

    public void Dispose()
    {
        ratewall.Dispose();
        network.Dispose();
    }

    [LinuxTheory]
    [InlineData]
    [InlineData("--once")]
    [InlineData("--record")]
    public void Watch_SystemdIsNotPid1_EndsWithFourAndSaysWhatElseCanBeDone(params string[] options)
    {
        Answer answer = ratewall.RunUnder("unshare", WithARun(""), ["watch", .. options]);
        Assert.Equal((4, ""), (answer.ExitCode, answer.Out));
        Assert.Contains("systemd is not this machine's init, so it has no units to watch", answer.Error, StringComparison.Ordinal);
        Assert.Contains("run it where systemd is PID 1", answer.Error, StringComparison.Ordinal);
    }

    [LinuxTheory]
    [InlineData("--once")]
    [InlineData("--record")]
    public void Watch_NobodyAnswers_EndsWithFourAndNamesTheBus(string option)
    {
        Answer answer = ratewall.RunUnder("unshare", WithARun("mkdir -p /run/systemd/system && "), "watch", option);
        Assert.Equal((4, ""), (answer.ExitCode, answer.Out));
        Assert.Contains("connecting to the system bus", answer.Error, StringComparison.Ordinal);
    }

    // Who starts the service does not wait for the bus, and it goes on trying.
    [LinuxFact]
    public void Watch_NobodyAnswers_SaysSoAndIsReadyAndEndsWhenTold()
    {
        using var manager = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        string notify = ratewall.Scratch("notify");
        manager.Bind(new UnixDomainSocketEndPoint(notify));
        manager.ReceiveTimeout = (int)Limit.TotalMilliseconds;
        using Process watch = ratewall.StartUnder(
            "unshare", WithARun("mkdir -p /run/systemd/system && "), new Dictionary<string, string?>(StringComparer.Ordinal) { ["NOTIFY_SOCKET"] = notify }, "watch");
        try
        {
            Eventually.True("it is ready", Limit, () => Receive(manager) == "READY=1");
            Assert.Contains("PID 1 does not answer, so no unit is watched; trying again until it does", watch.StandardError.ReadLine(), StringComparison.Ordinal);
            Assert.False(watch.HasExited);
            Shell.Run("kill", "-TERM", watch.Id.ToString(CultureInfo.InvariantCulture)).MustSucceed("kill");
            Assert.True(watch.WaitForExit(Limit), "it does not end");
            Assert.Equal(0, watch.ExitCode);
        }
        finally
        {
            if (!watch.HasExited) watch.Kill();
            watch.WaitForExit();
        }
    }

    // sh becomes the program, so the process is the program's own.
    private static string[] WithARun(string prepare) => ["--mount", "sh", "-c", $"mount -t tmpfs tmpfs /run && {prepare}exec \"$@\"", "sh"];

    private static string Receive(Socket manager)
    {
        byte[] message = new byte[4096];
        return Encoding.UTF8.GetString(message, 0, manager.Receive(message));
    }
}
