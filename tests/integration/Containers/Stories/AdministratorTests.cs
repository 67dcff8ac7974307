using System.Text.Json;
using RateWall.IntegrationTests.Machine;

namespace RateWall.IntegrationTests.Containers.Stories;

/// <summary>The administrator makes mistakes, over the one way into the machine that he has.</summary>
[Collection(ContainerCollection.Name)]
public sealed class AdministratorTests : IClassFixture<AdministratorTests.Machines>
{
    private const string Right = "services: { ssh: { limit: { mode: window, connections: 2, per: 1s } } }\n";

    // He meant seconds.
    private const string Wrong = "services: { ssh: { limit: { mode: window, connections: 2, per: 1d } } }\n";
    private const string WriteAnd = "cat >/etc/ratewall/ratewall.yaml && ratewall ";
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly Container host;
    private readonly Administrator administrator;

    public AdministratorTests(Machines machines)
    {
        host = machines.Host;
        administrator = machines.Administrator;
        host.Protect(Right);
    }

    [ContainerFact]
    public void WrongPolicy_AppliedToBeConfirmed_RollsBackByItselfAndHeGetsInAgain()
    {
        Patiently(WriteAnd + "apply --confirm 40s", Wrong).MustSucceed("apply --confirm");
        AwaitLockedOut();

        Eventually.True("he gets in again", Patience, () => administrator.Over("true").ExitCode == 0, host.Journal);
        // The rules are back before anybody says so.
        Eventually.True(
            "nothing waits any more", Patience,
            () => host.Ask("status").GetProperty("wall").GetProperty("unconfirmed_until").ValueKind == JsonValueKind.Null, host.Journal);
        Eventually.True(
            "the journal has it", Patience,
            () => host.Exec("journalctl", "--no-pager", "-u", "ratewall-confirm-*").Out.Contains("it was not confirmed and is taken back", StringComparison.Ordinal), host.Journal);

        // And goes on getting in: of what the wrong wall had counted against him nothing is left.
        for (int i = 0; i < 3; i++)
        {
            Eventually.True("he gets in each second", Patience, () => administrator.IsLetIn);
        }
    }

    [ContainerFact]
    public void WrongPolicy_AppliedForGood_KeepsHimOut()
    {
        Patiently(WriteAnd + "apply", Wrong).MustSucceed("apply");
        AwaitLockedOut();

        // PID 1 counts the seconds in which a confirmation could have been waited for.
        host.Exec("systemd-run", "--unit=later", "--on-active=5s", "--timer-property=AccuracySec=1s", "--property=RemainAfterExit=yes", "true").MustSucceed("systemd-run");
        Eventually.True("the time goes by", Patience, () => host.Exec("systemctl", "is-active", "later.service").Out == "active\n");
        Assert.False(administrator.IsLetIn);

        // At the console he sets it right; what the day's limit had counted does not go on.
        host.Write("/etc/ratewall/ratewall.yaml", Right);
        host.Exec("ratewall", "apply").MustSucceed("apply");
        Eventually.True("he gets in", Patience, () => administrator.Over("true").ExitCode == 0);
    }

    [ContainerFact]
    public void Ban_OfHisOwnAddress_IsRefusedWhereHeIsKnownByHisSession()
    {
        // As it is, and as sudo(8) leaves it: without the variable, below a process that has it.
        foreach (string way in new[] { "{0}", "sh -c 'env -u SSH_CONNECTION {0}; exit $?'" })
        {
            Answer refused = Patiently(way.Replace("{0}", $"ratewall ban {administrator.Address} --for 1h", StringComparison.Ordinal));
            Assert.Equal(2, refused.ExitCode);
            Assert.Contains($"{administrator.Address} is never banned", refused.Error, StringComparison.Ordinal);
            Assert.Contains("ssh session", refused.Error, StringComparison.Ordinal);
        }

        Assert.Equal(2, Patiently($"ratewall ban {host.Network.Subnet} --for 1h").ExitCode);
        Assert.Empty(host.Bans());
        Assert.DoesNotContain("elements", host.Exec("nft", "list", "set", "inet", "ratewall", "ban4").MustSucceed("nft").Out, StringComparison.Ordinal);
        Patiently("true").MustSucceed("ssh");

        // At the console nobody knows that it is his.
        host.Exec("ratewall", "ban", administrator.Address, "--for", "1h").MustSucceed("ratewall ban");
        Assert.False(administrator.IsLetIn);
        host.Exec("ratewall", "unban", administrator.Address).MustSucceed("ratewall unban");
        Eventually.True("he is let in", Patience, () => administrator.IsLetIn);
    }

    // Two connections a second pass; ssh(1) ends with 255 when its own was refused, or not answered in time.
    private Answer Patiently(string command, string input = "")
    {
        Answer? answer = null;
        Eventually.True("sshd answers", Patience, () => (answer = administrator.Over(command, input)).ExitCode != 255, () => answer!.Error);
        return answer!;
    }

    private void AwaitLockedOut() => Eventually.True("the wrong policy has locked him out", TimeSpan.FromMinutes(2), () => !administrator.IsLetIn);

    /// <summary>The host and the administrator's own machine; made when first asked for.</summary>
    public sealed class Machines(ContainerEngine engine) : IDisposable
    {
        private ContainerNetwork? network;
        private Container? host;
        private Container? desk;
        private Administrator? administrator;

        internal Container Host => host ??= engine.BootHost(network = engine.CreateNetwork(), 2);

        internal Administrator Administrator => administrator ??= new(desk = engine.StartMachine(network!, 9), Host);

        public void Dispose()
        {
            desk?.Dispose();
            host?.Dispose();
            network?.Dispose();
        }
    }
}
