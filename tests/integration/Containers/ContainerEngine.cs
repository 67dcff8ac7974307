using System.Globalization;
using RateWall.IntegrationTests.Machine;

namespace RateWall.IntegrationTests.Containers;

/// <summary>
/// A collection's share of the container engine (<see cref="SharedEngine"/>), through the docker program, with addresses of its
/// own. Everything made carries the share's label, and disposing removes everything with that label, so that nothing is left
/// whatever happened in between. The base image alone stays with an engine that was there before: it is the cache.
/// </summary>
public sealed class ContainerEngine : IDisposable
{
    private static int counter;

    private readonly SharedEngine engine;
    private readonly string subnet;
    private readonly string label;
    private readonly Lock gate = new();
    private bool disposed;

    public ContainerEngine()
    {
        (engine, subnet) = SharedEngine.Join();
        label = string.Create(CultureInfo.InvariantCulture, $"ratewall-test={Environment.ProcessId}-{subnet}");

        // A test run that is interrupted (SIGINT, SIGTERM) ends here and not in Dispose.
        AppDomain.CurrentDomain.ProcessExit += OnExit;
    }

    /// <summary>Debian with the packages of containers/packages: an attacker's machine.</summary>
    public string BaseImage => engine.BaseImage;

    /// <summary>The base with systemd as PID 1 and RateWall installed, nothing enabled.</summary>
    public string HostImage => engine.HostImage;

    /// <summary>The names of all containers and networks of this share that exist now.</summary>
    public IReadOnlyList<string> Existing() =>
    [
        .. Lines(Docker("ps", "--all", "--filter", $"label={label}", "--format", "{{.Names}}")),
        .. Lines(Docker("network", "ls", "--filter", $"label={label}", "--format", "{{.Name}}")),
    ];

    /// <summary>A network with this share's addresses, one at a time, and IPv6's if there are to be some.</summary>
    public ContainerNetwork CreateNetwork(string? subnet6 = null)
    {
        ThrowIfDisposed();
        var network = new ContainerNetwork(this, NewName("net"), subnet);
        string[] ipv6 = subnet6 is null ? [] : ["--ipv6", "--subnet", subnet6];
        Docker(["network", "create", "--label", label, "--subnet", network.Subnet, .. ipv6, network.Name]).MustSucceed("docker network create");
        return network;
    }

    /// <summary>A protected host that has booted: systemd is PID 1 and says it is up.</summary>
    /// <param name="network">Its network.</param>
    /// <param name="number">The last number of its address there.</param>
    /// <param name="options">Further options of `docker run`.</param>
    public Container BootHost(ContainerNetwork network, int number, params string[] options)
    {
        // --privileged asks for more than some machines have to give; these are what systemd and RateWall's units need.
        Container host = Start(network, number, HostImage, [],
            ["--cap-add", "SYS_ADMIN", "--cap-add", "NET_ADMIN", "--cap-add", "SYS_PTRACE", "--cap-add", "DAC_READ_SEARCH",
            "--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined", "--cgroupns=private",
            "--tmpfs", "/run", "--tmpfs", "/run/lock", "--tmpfs", "/tmp", "-e", "container=docker", .. options]);
        WaitUntilUp(host);
        return host;
    }

    /// <summary>Boots a host again: PID 1 ends in order, what is on its disk stays.</summary>
    /// <param name="host">The host.</param>
    /// <param name="state">How systemd says that it is then: "degraded" when a unit has failed.</param>
    public void Restart(Container host, string state = "running")
    {
        Docker("restart", "-t", "20", host.Name).MustSucceed("docker restart");
        WaitUntilUp(host, state);
    }

    /// <summary>A machine that only waits for commands.</summary>
    /// <param name="network">Its network.</param>
    /// <param name="number">The last number of its address there.</param>
    /// <param name="options">Further options of `docker run`.</param>
    public Container StartMachine(ContainerNetwork network, int number, params string[] options) =>
        Start(network, number, BaseImage, ["sleep", "infinity"], ["--init", .. options]);

    /// <summary>Runs docker against this engine.</summary>
    public Answer Docker(params string[] arguments) => Docker(arguments, input: null, limit: null);

    internal Answer Docker(IReadOnlyList<string> arguments, string? input, TimeSpan? limit) =>
        engine.Docker(arguments, input, limit);

    public void Dispose()
    {
        lock (gate)
        {
            if (disposed) return;
            disposed = true;
        }

        AppDomain.CurrentDomain.ProcessExit -= OnExit;
        if (engine.IsUp) RemoveAll();
        engine.Leave(subnet);
    }

    private void RemoveAll()
    {
        string[] containers = Lines(Docker("ps", "--all", "--quiet", "--filter", $"label={label}"));
        if (containers.Length > 0) Docker(["rm", "--force", "--volumes", .. containers]);
        string[] networks = Lines(Docker("network", "ls", "--quiet", "--filter", $"label={label}"));
        if (networks.Length > 0) Docker(["network", "rm", .. networks]);
    }

    private static void WaitUntilUp(Container host, string state = "running") => Eventually.True(
        $"systemd is {state}", TimeSpan.FromMinutes(3), () => host.Exec("systemctl", "is-system-running").Out.Trim() == state,
        () => $"{host.Exec("systemctl", "--failed", "--no-pager").Out}\n{host.Journal()}\n{host.Logs()}");

    private static string[] Lines(Answer answer) => answer.Out.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    private static string NewName(string kind) =>
        string.Create(CultureInfo.InvariantCulture, $"ratewall-{kind}-{Environment.ProcessId}-{Interlocked.Increment(ref counter)}");

    private Container Start(ContainerNetwork network, int number, string image, string[] command, params string[] options)
    {
        ThrowIfDisposed();
        string name = NewName("box"), address = network.Address(number);
        Docker(["run", "--detach", "--label", label, "--name", name, "--network", network.Name, "--ip", address, .. options, image, .. command])
            .MustSucceed("docker run");
        return new(this, network, name, address);
    }

    // A test goes on for a moment after the run was interrupted.
    private void ThrowIfDisposed()
    {
        lock (gate) ObjectDisposedException.ThrowIf(disposed, this);
    }

    private void OnExit(object? sender, EventArgs e) => Dispose();
}
