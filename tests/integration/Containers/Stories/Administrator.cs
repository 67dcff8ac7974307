using RateWall.IntegrationTests.Machine;

namespace RateWall.IntegrationTests.Containers.Stories;

/// <summary>Who looks after a host from a machine of his own: root there, over ssh, with a key.</summary>
internal sealed class Administrator
{
    private const string Key = "/root/.ssh/id_ed25519";

    private readonly Container machine;
    private readonly Container host;

    /// <summary>Makes him a key that the host knows.</summary>
    public Administrator(Container machine, Container host)
    {
        this.machine = machine;
        this.host = host;
        machine.Exec("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", Key).MustSucceed("ssh-keygen");
        string known = machine.Exec("cat", Key + ".pub").MustSucceed("the public key").Out;
        host.ExecWithInput(known, "sh", "-c", "umask 077; mkdir -p /root/.ssh; cat >>/root/.ssh/authorized_keys").MustSucceed("authorized_keys");
    }

    /// <summary>Where he sits.</summary>
    public string Address => machine.Address;

    /// <summary>True when a connection to the host's sshd opens.</summary>
    public bool IsLetIn => machine.CanConnect(host.Address, 22);

    /// <summary>Has a shell there run a command, in a session of its own, that reads what is given.</summary>
    public Answer Over(string command, string input = "") => machine.ExecWithInput(
        input, "ssh", "-i", Key, "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR",
        "-o", "ConnectTimeout=3", $"root@{host.Address}", command);
}
