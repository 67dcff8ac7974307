using RateWall.Detection;
using RateWall.IntegrationTests.Machine;
using RateWall.Wall;

namespace RateWall.IntegrationTests.Wall;

/// <summary>
/// Beside other firewalls, each in the shape its program gives it: nothing of theirs is changed, and both sides' verdicts count.
/// That nothing is read either: <see cref="OneTableTests"/>.
/// </summary>
public sealed class CoexistenceTests : IDisposable
{
    private const int Open = 22;
    private const int ClosedByTheOther = 2222;

    private readonly TwoHosts hosts = new(Open, ClosedByTheOther);
    private readonly RateWallProgram ratewall;

    public CoexistenceTests()
    {
        ratewall = new(hosts.Server);
        File.AppendAllText(ratewall.ConfigFile, $"services: {{ ssh: {{ ports: [{Open}, {ClosedByTheOther}], limit: {{ mode: window, connections: 2, per: 60s }} }} }}\n");
    }

    public void Dispose()
    {
        ratewall.Dispose();
        hosts.Dispose();
    }

    [LinuxFact]
    public void Commands_BesideFirewalld_TouchNothingAndBothCount()
    {
        hosts.Server.NftLoad(OtherFirewalls.Firewalld(Open));
        BothCount(() => hosts.Server.Nft("-a", "-s", "list", "table", "inet", "firewalld"));
    }

    [LinuxFact("iptables-nft-restore")]
    public void Commands_BesideDockerAndUfwThroughIptables_TouchNothingAndBothCount()
    {
        Restore("iptables-nft-restore", OtherFirewalls.DockerAndUfw(Open));
        BothCount(() => hosts.Server.Nft("-a", "-s", "list", "table", "ip", "nat") + hosts.Server.Nft("-a", "-s", "list", "table", "ip", "filter"));
    }

    [LinuxFact("iptables-legacy-restore")]
    public void Commands_BesideIptablesLegacy_TouchNothingAndBothCount()
    {
        Restore("iptables-legacy-restore", $"*filter\n:INPUT DROP [0:0]\n-A INPUT -p tcp -m tcp --dport {Open} -j ACCEPT\nCOMMIT\n");
        BothCount(() => hosts.Server.Exec("iptables-legacy-save", "-t", "filter").MustSucceed("iptables-legacy-save").Out
            .Split('\n').Where(l => l.StartsWith('-')).Aggregate("", (all, line) => all + line + "\n"));
    }

    [LinuxFact]
    public void Commands_BesideAnotherRateWallInAnotherNamespace_TouchNothingOfIt()
    {
        using var other = new RateWallProgram(hosts.Client);
        other.Run("apply").MustSucceed("apply");
        other.Run("ban", "203.0.113.77", "--for", "1h").MustSucceed("ban");
        string before = hosts.Client.Nft("-a", "-s", "list", "ruleset");

        ratewall.Run("apply").MustSucceed("apply");
        ratewall.Run("clear", "--yes").MustSucceed("clear");
        ratewall.Run("remove").MustSucceed("remove");

        Assert.Equal(before, hosts.Client.Nft("-a", "-s", "list", "ruleset"));
        Assert.Contains("203.0.113.77", before, StringComparison.Ordinal);
        Assert.DoesNotContain("ratewall", hosts.Server.Nft("list", "ruleset"), StringComparison.Ordinal);
    }

    // Every verb that writes, and each packet's fate at both: what the other closes stays closed, what it opens is limited
    // and banned here.
    private void BothCount(Func<string> theirs)
    {
        Assert.Equal("-", hosts.Tries(TwoHosts.Client4, ClosedByTheOther, 1));
        string before = theirs();
        ratewall.Run("apply").MustSucceed("apply");
        Assert.Equal("++-", hosts.Tries(TwoHosts.Client4, Open, 3));
        Assert.Equal("-", hosts.Tries(TwoHosts.Client4, ClosedByTheOther, 1));
        Kernel(bans => bans.Put([new(AddressPrefix.Parse(TwoHosts.Client4), DateTimeOffset.UtcNow.AddHours(1))]));
        Assert.Equal("-", hosts.Tries(TwoHosts.Client4, Open, 1));
        hosts.Server.Nft("flush chain inet ratewall early");
        Assert.Contains("mended", ratewall.Run("correlate").MustSucceed("correlate").Error, StringComparison.Ordinal);
        Assert.Equal(before, theirs());
        ratewall.Run("remove").MustSucceed("remove");
        Assert.Equal(before, theirs());
        Assert.Equal("+", hosts.Tries(TwoHosts.Client4, Open, 1));
        Assert.Equal("-", hosts.Tries(TwoHosts.Client4, ClosedByTheOther, 1));
    }

    private void Kernel(Action<KernelBans> use) => hosts.Server.Run(() =>
    {
        using KernelBans bans = KernelBans.Open(TimeProvider.System);
        use(bans);
    });

    private void Restore(string program, string rules) =>
        hosts.Server.Exec(program, [], rules, null).MustSucceed(program);
}
