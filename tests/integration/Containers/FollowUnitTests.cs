using RateWall.IntegrationTests.Machine;

namespace RateWall.IntegrationTests.Containers;

/// <summary>ratewall-follow.service under a real systemd, with the real journal and a real sshd.</summary>
[Collection(ContainerCollection.Name)]
public sealed class FollowUnitTests(ContainerEngine engine)
{
    private const string Unit = "ratewall-follow.service";

    private const string Policy = """
        services:
          ssh:
            limit: { mode: window, connections: 10 }
            failures: { count: 3, within: 10m }
        """;

    [ContainerFact]
    public void FollowUnit_InTheTimersPlace_BansFromTheJournalAndComesBackWhenKilled()
    {
        using ContainerNetwork network = engine.CreateNetwork();
        using Container host = engine.BootHost(network, 2);
        using Container attacker = engine.StartMachine(network, 66);
        using Container second = engine.StartMachine(network, 67);
        host.Write("/etc/ratewall/ratewall.yaml", Policy);
        host.StartUnit("ratewall.service");
        host.StartUnit("ratewall-correlate.timer");

        host.StartUnit(Unit);
        Assert.Equal("inactive\n", host.Exec("systemctl", "is-active", "ratewall-correlate.timer").Out);
        AssertBans(host, attacker);
        Answer status = host.Exec("ratewall", "status").MustSucceed("ratewall status");
        Assert.DoesNotContain("which units run", status.Error, StringComparison.Ordinal);

        string before = MainProcess(host);
        host.Exec("mkdir", "-p", $"/run/systemd/system/{Unit}.d").MustSucceed("mkdir");
        host.Write($"/run/systemd/system/{Unit}.d/soon.conf", "[Service]\nRestartSec=100ms\n");
        host.Exec("systemctl", "daemon-reload").MustSucceed("systemctl daemon-reload");
        host.Exec("kill", "-9", before).MustSucceed("kill -9");
        AssertBans(host, second);
        Assert.NotEqual(before, MainProcess(host), StringComparer.Ordinal);

        // Starting the timer ends it, and it ends well.
        host.StartUnit("ratewall-correlate.timer");
        Assert.Equal("inactive\n", host.Exec("systemctl", "is-active", Unit).Out);
        Assert.Equal("success\n", host.Exec("systemctl", "show", "-P", "Result", Unit).Out);
    }

    private static void AssertBans(Container host, Container attacker)
    {
        for (int i = 0; i < 3; i++) attacker.FailLogin(host.Address, "root");
        int looks = 0;
        Eventually.True($"{attacker.Address} is banned", TimeSpan.FromMinutes(2), () =>
        {
            if (host.Exec("nft", "list", "set", "inet", "ratewall", "ban4").Out.Contains(attacker.Address, StringComparison.Ordinal)) return true;
            // A login that sshd was too busy for is not counted; now and then one more, for which a ban on its way is a long wait.
            if (++looks % 20 == 0) attacker.FailLogin(host.Address, "root");
            return false;
        }, host.Journal);
    }

    private static string MainProcess(Container host) => host.Exec("systemctl", "show", "-P", "MainPID", Unit).Out.Trim();
}
