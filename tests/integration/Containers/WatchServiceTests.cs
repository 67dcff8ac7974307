using System.Globalization;
using System.Text.Json;
using RateWall.IntegrationTests.Containers.Stories;
using RateWall.IntegrationTests.Machine;

namespace RateWall.IntegrationTests.Containers;

/// <summary>
/// ratewall-watch.service and a real PID 1: what it remembers outlives it, a bus that is lost is found again, and what nobody
/// allowed is not stopped. The watched unit has three tasks, always.
/// </summary>
[Collection(ContainerCollection.Name)]
public sealed class WatchServiceTests(ContainerEngine engine)
{
    private const string Unit = "worker.service";
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    [ContainerFact]
    public void Restarts_ThatDoNotHelp_WaitLongerEachTimeAlsoWhenTheWatchIsKilled()
    {
        using ContainerNetwork network = engine.CreateNetwork();
        using Container host = Boot(network);
        using var watch = new WatchUnit(() => host);
        // While it restarts it has no tasks, on a busy machine for longer than a second: that is no end of the trouble.
        Write(host, "interval: 1s", "act: 2, quiet: 1m, pause: 2s, ladder: [tell, restart]");
        watch.Begin();
        watch.Start();

        AwaitActs(watch, 3);
        watch.Kill();
        AwaitActs(watch, 4);

        IReadOnlyList<JsonElement> acts = watch.ActsOn(Unit);
        Assert.Equal(["tell", "restart", "restart", "restart"], acts.Take(4).Select(Act), StringComparer.Ordinal);
        // Twice the pause, and twice that; times are told in whole seconds.
        Assert.InRange((At(acts[2]) - At(acts[1])).TotalSeconds, 3, double.MaxValue);
        Assert.InRange((At(acts[3]) - At(acts[2])).TotalSeconds, 7, double.MaxValue);
    }

    [ContainerFact]
    public void UnitsByWhichSshOrMailComesIn_AreNotStopped()
    {
        using ContainerNetwork network = engine.CreateNetwork();
        using Container host = Boot(network);
        foreach (string unit in new[] { "ssh.service", "sshd.service", "postfix.service", "postfix@-.service" })
        {
            host.Write("/etc/ratewall/ratewall.yaml", $"units:\n  mine: {{ unit: {unit}, ladder: [tell, stop] }}\n");
            Answer refused = host.Exec("ratewall", "check");
            Assert.Equal(2, refused.ExitCode);
            Assert.Contains("/etc/ratewall/ratewall.yaml:2:", refused.Error, StringComparison.Ordinal);
            Assert.Contains("allow-stop: true", refused.Error, StringComparison.Ordinal);
            host.Write("/etc/ratewall/ratewall.yaml", $"units:\n  mine: {{ unit: {unit}, ladder: [tell, stop], allow-stop: true }}\n");
            Assert.NotEqual(2, host.Exec("ratewall", "check").ExitCode);
        }

        // Under another name, and by a unit that it needs.
        host.Exec("ln", "-s", "/lib/systemd/system/ssh.service", "/run/systemd/system/door.service").MustSucceed("ln");
        host.Exec("mkdir", "/run/systemd/system/ssh.service.d").MustSucceed("mkdir");
        host.Write("/run/systemd/system/ssh.service.d/needs.conf", $"[Unit]\nRequires={Unit}\nAfter={Unit}\n");
        host.Exec("systemctl", "daemon-reload").MustSucceed("daemon-reload");
        foreach (string unit in new[] { "door.service", Unit })
        {
            bool isSsh = unit != Unit;
            host.Write("/etc/ratewall/ratewall.yaml", $"units:\n  mine: {{ unit: {unit}, process: {(isSsh ? "sshd" : "sleep")}, warn: 2, act: 2, normal: 1, after: 1s, pause: 1s, ladder: [stop] }}\n");
            for (int i = 0; isSsh && i < 2; i++) host.HoldConnection("127.0.0.1", 22);
            string run = Shown(host, "ssh.service", "InvocationID");
            string said = "";
            Eventually.True($"stopping {unit} is refused", Patience, () =>
            {
                Answer answer = host.Exec("ratewall", "watch", "--once");
                said = answer.Out + answer.Error;
                return answer.ExitCode == 4;
            }, () => said);
            Assert.Contains("not stopped, because a unit would stop with it: ssh.service", said, StringComparison.Ordinal);
            Assert.Equal(run, Shown(host, "ssh.service", "InvocationID"));
            Assert.Equal("active", Shown(host, "ssh.service", "ActiveState"));
        }
    }

    [ContainerFact]
    public void Bus_LostAndFoundAgain_IsToldOnceEachWayAndTheWatchGoesOn()
    {
        using ContainerNetwork network = engine.CreateNetwork();
        using Container host = Boot(network);
        using var watch = new WatchUnit(() => host);
        // Only a signal lets it look before a minute is over.
        Write(host, "interval: 1m", "act: 100, quiet: 1s, ladder: [tell]");
        watch.Begin();
        // Started means that it has looked, also when it has to wait for another writer.
        host.Start("sh", "-c", "mkdir -p /var/lib/ratewall && exec flock /var/lib/ratewall/wall.lock sleep 3");
        watch.Start();
        Assert.Contains("\"watched_at\":\"2", host.Exec("ratewall", "status", "--format", "json").MustSucceed("ratewall status").Out, StringComparison.Ordinal);
        AwaitNews(host, watch, 1);

        host.Exec("systemctl", "kill", "--signal=KILL", "dbus.service").MustSucceed("systemctl kill");
        AwaitLines(watch, "PID 1 does not answer", 1);
        AwaitLines(watch, "PID 1 answers again", 1);
        AwaitNews(host, watch, 2);

        // PID 1 executes itself anew: the bus daemon stays, and who asks in between may have no answer.
        host.Exec("systemctl", "daemon-reexec").MustSucceed("daemon-reexec");
        // What it does before it is on the bus again, nobody there is told.
        Eventually.True(
            "PID 1 is on the bus", Patience,
            () => host.Exec("busctl", "call", "org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.DBus.Peer", "Ping").ExitCode == 0, watch.Seen);
        AwaitNews(host, watch, 3);
        int lost = Lines(watch, "PID 1 does not answer");
        Assert.InRange(lost, 1, 2);
        Assert.Equal(lost, Lines(watch, "PID 1 answers again"));

        // What keeps the first look from being made ends it.
        Answer broken = host.Exec("sh", "-c", "mkdir -p /tmp/other/wall.lock && timeout 30 ratewall watch --state-dir /tmp/other");
        Assert.Equal(3, broken.ExitCode);
        Assert.Contains("/tmp/other/wall.lock", broken.Error, StringComparison.Ordinal);

        // Without a bus daemon PID 1 itself is asked.
        host.Exec("systemctl", "stop", "dbus.socket", "dbus.service").MustSucceed("systemctl stop");
        AwaitLines(watch, "PID 1 answers again", lost + 1);
        AwaitNews(host, watch, 4);
        Assert.Equal(lost + 1, Lines(watch, "PID 1 does not answer"));
    }

    private Container Boot(ContainerNetwork network)
    {
        Container host = engine.BootHost(network, 2);
        host.Write($"/run/systemd/system/{Unit}", "[Service]\nExecStart=sh -c 'sleep infinity & sleep infinity'\n");
        host.StartUnit(Unit);
        return host;
    }

    private static void Write(Container host, string watch, string worker) => host.Write("/etc/ratewall/ratewall.yaml", $$"""
        watch: { {{watch}} }
        units:
          worker: { unit: {{Unit}}, warn: 2, normal: 1, after: 1s, {{worker}} }
        """);

    // Somebody else's restart is noticed.
    private static void AwaitNews(Container host, WatchUnit watch, int restarts)
    {
        host.Exec("systemctl", "restart", Unit).MustSucceed("systemctl restart");
        // Sooner than the next look would come by itself.
        Eventually.True("the restart is noticed", TimeSpan.FromSeconds(45), () => watch.ActsOn(Unit).Count(a => Act(a) == "restarted") == restarts, watch.Seen);
    }

    private static void AwaitActs(WatchUnit watch, int count) =>
        Eventually.True(string.Create(CultureInfo.InvariantCulture, $"{count} acts"), Patience, () => watch.ActsOn(Unit).Count >= count, watch.Seen);

    private static void AwaitLines(WatchUnit watch, string text, int count) =>
        Eventually.True($"it says '{text}'", Patience, () => Lines(watch, text) == count, watch.Seen);

    private static int Lines(WatchUnit watch, string text) => watch.Journal().Count(l => l.Contains(text, StringComparison.Ordinal));

    private static string Act(JsonElement act) => act.GetProperty("act").GetString()!;

    private static DateTimeOffset At(JsonElement act) => act.GetProperty("time").GetDateTimeOffset();

    private static string Shown(Container host, string unit, string property) => host.Exec("systemctl", "show", "-P", property, unit).MustSucceed("systemctl show").Out.Trim();
}
