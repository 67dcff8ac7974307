using System.Globalization;
using RateWall.IntegrationTests.Machine;
using RateWall.Systemd;

namespace RateWall.IntegrationTests.Containers;

/// <summary>PID 1's units through the bus of a real systemd; systemctl gives the second opinion.</summary>
[Collection(ContainerCollection.Name)]
public sealed class SystemUnitsTests(ContainerEngine engine)
{
    private const string Unit = "dovecot.service";
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    [ContainerFact]
    public void Units_OfARealSystemd_AreToldAsSystemctlTellsThem()
    {
        using ContainerNetwork network = engine.CreateNetwork();
        using Container host = engine.BootHost(network, 2);
        using SystemBus bus = Connect(host);
        var units = new SystemUnits(bus, TimeProvider.System);

        StatesAreTrue(host, units);
        ProcessesHaveTheirNames(host, units);
        DependentsAndTriggersAreFound(host, units);
    }

    [ContainerFact]
    public void Signals_OfAWatchedUnit_ArriveAndALostBusIsAnError()
    {
        using ContainerNetwork network = engine.CreateNetwork();
        using Container host = engine.BootHost(network, 2);
        host.Write("/etc/systemd/system/napper.service", "[Service]\nExecStart=sleep infinity\n[Install]\nAlias=snoozer.service\n");
        host.Write("/etc/systemd/system/other.service", "[Service]\nExecStart=sleep infinity\n");
        host.Exec("systemctl", "daemon-reload").MustSucceed("daemon-reload");
        host.Exec("systemctl", "enable", "--now", "napper.service").MustSucceed("systemctl enable");

        using (SystemBus bus = Connect(host)) SignalsArrive(host, bus);

        using (SystemBus bus = Connect(host))
        {
            var signals = new UnitSignals(bus, TimeProvider.System);
            signals.Subscribe(["napper.service"]);
            host.Exec("systemctl", "kill", "--signal=KILL", "dbus.service").MustSucceed("systemctl kill");
            // Something of the unit's start may still be on its way.
            var lost = Assert.Throws<SystemdException>(() =>
            {
                for (int i = 0; i < 10; i++) signals.Wait(Patience);
            });
            Assert.True(lost.IsConnectionLost, lost.Message);
            lost = Assert.Throws<SystemdException>(() => new SystemUnits(bus, TimeProvider.System).State(Unit));
            Assert.True(lost.IsConnectionLost, lost.Message);
        }

        // The bus daemon's socket starts it again, PID 1 executes itself anew: a new connection finds both.
        host.Exec("systemctl", "start", "dbus.service").MustSucceed("systemctl start dbus");
        using (SystemBus bus = Connect(host)) SignalsArrive(host, bus);
        host.Exec("systemctl", "daemon-reexec").MustSucceed("daemon-reexec");
        using (SystemBus bus = Connect(host)) SignalsArrive(host, bus);
    }

    private static SystemBus Connect(Container host) => SystemBus.Connect(host.PathFromHere("/run/dbus/system_bus_socket"), hasDaemon: true);

    private static void StatesAreTrue(Container host, SystemUnits units)
    {
        UnitState stopped = units.State(Unit);
        Assert.Equal(
            new(Unit, "loaded", "inactive", "dead", TasksCurrent: null, stopped.TasksMax, Restarts: 0, InvocationId: "", ActiveSince: null), stopped);
        Assert.Equal("not-found", units.State("no-such-thing.service").LoadState);
        Assert.False(Assert.Throws<SystemdException>(() => units.State("no unit's name")).IsConnectionLost);
        Assert.Empty(units.Processes(Unit));

        units.Start(Unit);
        Eventually.True("it runs", Patience, () => units.State(Unit) is { ActiveState: "active", TasksCurrent: >= 4 });
        UnitState running = units.State(Unit);
        Assert.Equal("running", running.SubState);
        // Its helpers come and go while it settles.
        Eventually.True(
            "systemctl counts the same tasks", Patience, () => Shown(host, "TasksCurrent") == string.Create(CultureInfo.InvariantCulture, $"{units.State(Unit).TasksCurrent}"));
        Assert.Equal(Shown(host, "TasksMax"), string.Create(CultureInfo.InvariantCulture, $"{running.TasksMax}"));
        Assert.Equal(Shown(host, "InvocationID"), running.InvocationId);
        Assert.InRange(running.ActiveSince!.Value, DateTimeOffset.UtcNow.AddMinutes(-5), DateTimeOffset.UtcNow);

        units.Restart(Unit);
        Eventually.True("it is another run of it", Patience, () => units.State(Unit) is { SubState: "running" } now && now.InvocationId != running.InvocationId);
        units.Stop(Unit);
        Eventually.True("it is stopped", Patience, () => units.State(Unit).ActiveState == "inactive");
        units.Restart(Unit);
        Eventually.True("nothing is to be done to it", Patience, () => Shown(host, "Job").Length == 0);
        Assert.Equal("inactive", units.State(Unit).ActiveState);

        host.Write("/etc/systemd/system/restless.service", "[Service]\nExecStart=sleep infinity\nRestart=always\nRestartSec=10ms\nTasksMax=infinity\n[Install]\nAlias=dozer.service\n");
        host.Exec("systemctl", "daemon-reload").MustSucceed("daemon-reload");
        host.Exec("systemctl", "enable", "--now", "restless.service").MustSucceed("systemctl enable");
        host.Exec("systemctl", "kill", "--signal=KILL", "restless.service").MustSucceed("systemctl kill");
        Eventually.True("Restart= started it again", Patience, () => units.State("restless.service") is { SubState: "running", Restarts: 1 });
        Assert.Equal("restless.service", units.State("dozer.service").Name);
        Assert.Null(units.State("restless.service").TasksMax);
    }

    private static void ProcessesHaveTheirNames(Container host, SystemUnits units)
    {
        host.StartUnit(Unit);
        foreach (int port in new[] { 143, 143, 110 }) host.HoldConnection("127.0.0.1", port);
        Eventually.True(
            // A process that has just been forked is another dovecot.
            "a process for each login", Patience, () => Count(units, "imap-login") == 2 && Count(units, "pop3-login") == 1 && Count(units, "dovecot") == 1,
            () => string.Join('\n', units.Processes(Unit)));

        // A process writes what it likes where its name stands.
        const string Hostile = "x\u001b[31m\n/tmp/\"imap-login\": ";
        host.Exec("systemd-run", "--unit=liar", "bash", "-c", $"exec -a '{Hostile}{new string('y', 5000)}' sleep infinity").MustSucceed("systemd-run");
        UnitProcess? liar = null;
        Eventually.True("the name is there", Patience, () => (liar = units.Processes("liar.service").FirstOrDefault(p => p.CommandLine.Contains("yyy", StringComparison.Ordinal))) is not null && !liar.CommandLine.Contains("exec", StringComparison.Ordinal));
        Assert.InRange(liar!.CommandLine.Length, 500, 1024);
        Assert.NotEqual("imap-login", liar.Name, StringComparer.Ordinal);
    }

    private static int Count(SystemUnits units, string process) => units.Processes(Unit).Count(p => p.Name == process);

    private static void DependentsAndTriggersAreFound(Container host, SystemUnits units)
    {
        host.Write("/etc/systemd/system/base.service", "[Service]\nExecStart=sleep infinity\n");
        host.Write("/etc/systemd/system/base.socket", "[Socket]\nListenStream=/run/base.socket\n");
        host.Write("/etc/systemd/system/needs.service", "[Unit]\nRequires=base.service\nAfter=base.service\n[Service]\nExecStart=sleep infinity\n");
        host.Write("/etc/systemd/system/needs2.service", "[Unit]\nBindsTo=needs.service\nAfter=needs.service\n[Service]\nExecStart=sleep infinity\n");
        host.Write("/etc/systemd/system/part.service", "[Unit]\nPartOf=base.service\nAfter=base.service\n[Service]\nExecStart=sleep infinity\n");
        host.Write("/etc/systemd/system/asleep.service", "[Unit]\nRequires=base.service\n[Service]\nExecStart=sleep infinity\n");
        host.Write("/etc/systemd/system/wants.service", "[Unit]\nWants=base.service\n[Service]\nExecStart=sleep infinity\n");
        host.Exec("systemctl", "daemon-reload").MustSucceed("daemon-reload");
        host.Exec("systemctl", "start", "base.socket", "needs2.service", "part.service", "wants.service").MustSucceed("systemctl start");

        Assert.Equal(["needs.service", "needs2.service", "part.service"], units.StoppedWith("base.service"));
        Assert.Equal(["base.socket"], units.TriggersOf("base.service"));
        Assert.Empty(units.TriggersOf("needs.service"));

        // What systemd itself takes down is what was said.
        units.Stop("base.socket");
        Eventually.True("its socket is down", Patience, () => units.TriggersOf("base.service").Count == 0);
        string[] all = ["base.service", "needs.service", "needs2.service", "part.service", "wants.service"];
        units.Stop("base.service");
        Eventually.True("they are down", Patience, () => all[..4].All(unit => units.State(unit).ActiveState == "inactive"));
        Assert.Equal("active", units.State("wants.service").ActiveState);
        Assert.Empty(units.StoppedWith("base.service"));
    }

    private static void SignalsArrive(Container host, SystemBus bus)
    {
        var signals = new UnitSignals(bus, TimeProvider.System);
        signals.Subscribe(["ssh.service"]);
        signals.Subscribe(["snoozer.service", "napper.service", "not-there.service"]);
        Await(bus, signals, []);

        // Another unit's doing is no news, this one's is, under every name it was asked for by.
        host.Exec("systemctl", "restart", "other.service").MustSucceed("systemctl restart");
        Assert.Empty(signals.Wait(TimeSpan.Zero));
        host.Exec("systemctl", "restart", "napper.service").MustSucceed("systemctl restart");
        Await(bus, signals, ["napper.service", "snoozer.service"]);

        // What anybody can send does no harm: of another form, and of a unit that is not there.
        host.Exec("su", "-s", "/bin/sh", "nobody", "-c", """
            for name in $(busctl list --unique --no-legend | awk '{ print $1 }'); do
              dbus-send --system --type=signal --dest=$name /org/freedesktop/systemd1 org.freedesktop.systemd1.Manager.JobRemoved int32:1
              dbus-send --system --type=signal --dest=$name /org/freedesktop/systemd1/unit/x org.freedesktop.DBus.Properties.PropertiesChanged
            done
            """).MustSucceed("sending forged signals");
        Assert.Empty(signals.Wait(TimeSpan.Zero));
        host.Exec("systemctl", "stop", "napper.service").MustSucceed("systemctl stop");
        Await(bus, signals, ["napper.service", "snoozer.service"]);
        host.Exec("systemctl", "start", "napper.service").MustSucceed("systemctl start");
        Await(bus, signals, ["napper.service", "snoozer.service"]);
    }

    // One change is several signals: all of them are taken, to a moment's silence after PID 1 has answered a question.
    private static void Await(SystemBus bus, UnitSignals signals, string[] expected)
    {
        if (expected.Length > 0) Assert.Equal(expected, signals.Wait(Patience));
        _ = new SystemUnits(bus, TimeProvider.System).State("napper.service");
        while (signals.Wait(TimeSpan.FromMilliseconds(1500)).Count > 0) { }
    }

    private static string Shown(Container host, string property) => host.Exec("systemctl", "show", "-P", property, Unit).Out.Trim();
}
