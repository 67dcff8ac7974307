using System.Globalization;
using System.Text.Json;
using RateWall.IntegrationTests.Machine;

namespace RateWall.IntegrationTests.Containers;

/// <summary>The whole way on machines of their own: units at boot, a real sshd, real failed logins, the ban and its end.</summary>
[Collection(ContainerCollection.Name)]
public sealed class RateWallBanTests(ContainerEngine engine)
{
    // It counts from the failure that was one too many, and on a busy machine much time goes by before all is looked at.
    private const int BanSeconds = 60;

    // The window would stop a fourth login in a minute before its failure is logged; the ban is what is looked at here.
    private static readonly string Policy = string.Create(CultureInfo.InvariantCulture, $$"""
        services:
          ssh:
            limit: { mode: window, connections: 10 }
            failures: { count: 3, within: 10m }
        bans: { first: {{BanSeconds}}s, factor: 1, cap: 10m }
        """);

    [ContainerFact]
    public void Attacker_FailingLogins_IsBannedForAWhileAndNobodyElse()
    {
        using ContainerNetwork network = engine.CreateNetwork();
        using Container host = engine.BootHost(network, 2);
        using Container attacker = engine.StartMachine(network, 66);
        using Container customer = engine.StartMachine(network, 77);
        Enable(host);
        host.StartUnit("ratewall.service");
        Assert.Contains("table inet ratewall", host.Exec("nft", "list", "table", "inet", "ratewall").Out, StringComparison.Ordinal);

        FailLogins(attacker, host);
        CorrelateUntilBanned(host, attacker, () => host.Exec("ratewall", "correlate").MustSucceed("ratewall correlate"));

        Assert.False(attacker.CanConnect(host.Address, 22), "the banned attacker can connect");
        Assert.True(customer.CanConnect(host.Address, 22, seconds: 20), "another address cannot connect");
        JsonElement ban = Assert.Single(host.Bans());
        Assert.Contains(attacker.Address, ban.GetProperty("target").GetString(), StringComparison.Ordinal);
        Assert.InRange(ban.GetProperty("remaining_s").GetInt64(), 0, BanSeconds);
        Assert.Contains("Failed password", host.Exec("ratewall", "trace", attacker.Address).MustSucceed("ratewall trace").Out, StringComparison.Ordinal);

        // Nothing of RateWall runs: the kernel alone holds the deadline.
        Eventually.True("the ban runs out by itself", TimeSpan.FromSeconds(BanSeconds + 60), () => attacker.CanConnect(host.Address, 22));
        Assert.Empty(host.Bans());
    }

    [ContainerFact]
    public void Host_Booting_HasTheWallBeforeTheNetworkAndTheTimerBans()
    {
        using ContainerNetwork network = engine.CreateNetwork();
        using Container host = engine.BootHost(network, 2);
        using Container attacker = engine.StartMachine(network, 66);
        Enable(host);
        host.Exec("systemctl", "enable", "ratewall.service", "ratewall-correlate.timer").MustSucceed("systemctl enable");

        engine.Restart(host);

        Assert.Equal("active\n", host.Exec("systemctl", "is-active", "ratewall.service").Out);
        Assert.Equal("active\n", host.Exec("systemctl", "is-active", "ratewall-correlate.timer").Out);
        Assert.InRange(Entered(host, "ratewall.service"), 1, Entered(host, "network-pre.target"));
        Assert.DoesNotContain("ordering cycle", host.Exec("journalctl", "-b", "--no-pager").Out, StringComparison.Ordinal);

        // Before the failures: the timer's run may come between any two things.
        attacker.HoldConnection(host.Address, 22);
        Eventually.True("a connection is open", TimeSpan.FromMinutes(2), () => Established(host).Contains(attacker.Address, StringComparison.Ordinal));
        FailLogins(attacker, host);
        CorrelateUntilBanned(host, attacker, () => { });

        Assert.False(attacker.CanConnect(host.Address, 22), "the banned attacker can connect");

        // The unit's confinement leaves it what ending connections needs; sshd would have waited two minutes. The ban may have met
        // one more login on its way.
        string said = "";
        Eventually.True(
            "the run tells what it has ended", TimeSpan.FromMinutes(2),
            () => (said = host.Exec("journalctl", "-b", "--no-pager", "-u", "ratewall-correlate.service").Out).Contains(" of banned sources", StringComparison.Ordinal), host.Journal);
        Assert.Matches("ended [12] open connections? of banned sources", said);
        Assert.DoesNotContain(attacker.Address, Established(host), StringComparison.Ordinal);
    }

    private static void Enable(Container host) => host.Write("/etc/ratewall/ratewall.yaml", Policy);

    private static void FailLogins(Container attacker, Container host)
    {
        Assert.True(attacker.CanConnect(host.Address, 22, seconds: 20), "the host does not answer");
        for (int i = 0; i < 4; i++) attacker.FailLogin(host.Address, "root");
    }

    private static void CorrelateUntilBanned(Container host, Container attacker, Action run) =>
        Eventually.True($"{attacker.Address} is banned", TimeSpan.FromMinutes(2), () =>
        {
            run();
            return host.Bans().Count > 0;
        }, host.Journal);

    private static string Established(Container host) => host.Exec("ss", "-Htn", "state", "established", "sport", "=", ":22").MustSucceed("ss").Out;

    private static long Entered(Container host, string unit) => long.Parse(
        host.Exec("systemctl", "show", "-P", "ActiveEnterTimestampMonotonic", unit).Out, CultureInfo.InvariantCulture);
}
