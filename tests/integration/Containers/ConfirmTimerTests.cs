using RateWall.IntegrationTests.Machine;

namespace RateWall.IntegrationTests.Containers;

/// <summary>`apply --confirm` where systemd is PID 1: its timer holds the deadline.</summary>
[Collection(ContainerCollection.Name)]
public sealed class ConfirmTimerTests(ContainerEngine engine)
{
    private const string First = "allow: [203.0.113.200]\n";
    private const string Second = "services: { ftp: { enabled: false } }\n";
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    [ContainerFact]
    public void Apply_NotConfirmed_IsTakenBackByPid1AndNeverComesUpAtBoot()
    {
        using ContainerNetwork network = engine.CreateNetwork();
        using Container host = engine.BootHost(network, 2);
        Apply(host, First);

        // The bus daemon's way, its shell killed like the end of a login; then PID 1's own, as where there is no daemon.
        Apply(host, Second, "sh", "-c", "ratewall apply --confirm 15s; kill -9 0");
        Assert.Equal("1s\n", host.Exec("sh", "-c", "systemctl show -P AccuracyUSec 'ratewall-confirm-*.timer'").Out);
        Assert.Equal("", host.Exec("sh", "-c", "grep -l when-[d]ue /proc/[0-9]*/cmdline").Out);
        AwaitFirst(host);
        Apply(host, Second, "env", "DBUS_SYSTEM_BUS_ADDRESS=unix:path=/nonexistent", "ratewall", "apply", "--confirm", "15s");
        Assert.NotEmpty(Units(host));
        AwaitFirst(host);
        Eventually.True("nothing is left of the timers", Patience, () => Units(host).Length == 0, () => Units(host));

        // Confirmed: the timer goes and the wall stays.
        Apply(host, Second, "ratewall", "apply", "--confirm", "10m");
        Assert.NotEmpty(Units(host));
        host.Exec("ratewall", "confirm").MustSucceed("ratewall confirm");
        Eventually.True("its timer is gone", Patience, () => Units(host).Length == 0, () => Units(host));
        Assert.False(HasFtp(host));

        // A reboot before the confirmation: what was confirmed comes up, and the unit that could not apply says why.
        host.Exec("systemctl", "enable", "ratewall.service").MustSucceed("systemctl enable");
        Apply(host, First);
        Apply(host, Second, "ratewall", "apply", "--confirm", "10m");
        engine.Restart(host, "degraded");
        Assert.True(HasFtp(host));
        Assert.Contains("never confirmed", host.Exec("journalctl", "-b", "--no-pager", "-u", "ratewall.service").Out, StringComparison.Ordinal);
    }

    private static void Apply(Container host, string policy, params string[] command)
    {
        host.Write("/etc/ratewall/ratewall.yaml", policy);
        host.Exec(command.Length == 0 ? ["ratewall", "apply"] : command);
        Assert.Equal(policy == First, HasFtp(host));
    }

    private static void AwaitFirst(Container host) =>
        Eventually.True("PID 1 takes the wall back", Patience, () => HasFtp(host), () => host.Journal());

    private static bool HasFtp(Container host) =>
        host.Exec("nft", "list", "table", "inet", "ratewall").MustSucceed("nft list").Out.Contains("counter ftp_passed", StringComparison.Ordinal);

    private static string Units(Container host) => host.Exec("systemctl", "list-units", "--all", "--plain", "--no-legend", "ratewall-confirm-*").Out;
}
