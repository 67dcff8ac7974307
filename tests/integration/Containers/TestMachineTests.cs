using RateWall.IntegrationTests.Machine;

namespace RateWall.IntegrationTests.Containers;

/// <summary>The test machines are what the other container tests take them for.</summary>
[Collection(ContainerCollection.Name)]
public sealed class TestMachineTests(ContainerEngine engine)
{
    [ContainerFact]
    public void Host_Booted_RunsSystemdJournaldSshdNftablesAndTheProgram()
    {
        using ContainerNetwork network = engine.CreateNetwork();
        using Container host = engine.BootHost(network, 2);

        Assert.Equal("systemd\n", host.Exec("cat", "/proc/1/comm").Out);
        Assert.Equal("active\n", host.Exec("systemctl", "is-active", "ssh.service").Out);
        host.Exec("nft", "add", "table", "inet", "probe").MustSucceed("nft in the container");
        Assert.Contains("table inet probe", host.Exec("nft", "list", "tables").Out, StringComparison.Ordinal);
        Assert.StartsWith("ratewall ", host.Exec("ratewall", "version").MustSucceed("ratewall version").Out, StringComparison.Ordinal);
        Assert.Matches("^[0-9]+\n$", host.Exec("systemctl", "show", "-P", "TasksCurrent", "ssh.service").Out);
    }

    [ContainerFact]
    public void Attacker_FailsAPasswordLogin_IsInTheHostsJournalWithTrustedFields()
    {
        using ContainerNetwork network = engine.CreateNetwork();
        using Container host = engine.BootHost(network, 2);
        using Container attacker = engine.StartMachine(network, 66);
        Assert.True(attacker.CanConnect(host.Address, 22, seconds: 20));

        Answer login = attacker.FailLogin(host.Address, "root");

        Assert.NotEqual(0, login.ExitCode);
        string line = "";
        Eventually.True("the journal has the failure", TimeSpan.FromMinutes(2), () =>
        {
            line = host.Exec("journalctl", "--no-pager", "-o", "cat", "-g", "^Failed password", "_UID=0", "_COMM=sshd", "_SYSTEMD_UNIT=ssh.service").Out;
            return line.Length > 0;
        });
        Assert.Contains($"from {attacker.Address} port ", line, StringComparison.Ordinal);
    }

    [ContainerFact]
    public void Everything_Disposed_LeavesNothing()
    {
        using (ContainerNetwork network = engine.CreateNetwork())
        using (engine.StartMachine(network, 66))
            Assert.Equal(2, engine.Existing().Count);

        Assert.Empty(engine.Existing());
    }
}
