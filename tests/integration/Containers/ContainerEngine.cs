using System.Globalization;
using RateWall.IntegrationTests.Machine;

namespace RateWall.IntegrationTests.Containers;

/// <summary>
/// The container engine, through the docker program: the one that answers, or one started for these tests and ended with
/// them (containers/engine.sh). It makes the images once. Everything made carries the engine's label, and disposing removes
/// everything with that label, so that nothing is left whatever happened in between. The base image alone stays with an
/// engine that was there before: it is the cache.
/// </summary>
public sealed class ContainerEngine : IDisposable
{
    private static int counter;

    private readonly string label = string.Create(CultureInfo.InvariantCulture, $"ratewall-test={Environment.ProcessId}");
    private readonly string state = Directory.CreateTempSubdirectory("ratewall-engine.").FullName;
    private readonly Lazy<IReadOnlyDictionary<string, string?>> environment;
    private readonly Lazy<string> baseImage;
    private readonly Lazy<string> hostImage;
    private readonly Lock gate = new();
    private bool disposed;

    public ContainerEngine()
    {
        // Nothing starts before a test asks for it: this object is made even where every test is skipped.
        environment = new(BringUp);
        baseImage = new(() => Image("base"));
        hostImage = new(() => Image("host", string.Create(CultureInfo.InvariantCulture, $"ratewall-test/host:{Environment.ProcessId}")));

        // A test run that is interrupted (SIGINT, SIGTERM) ends here and not in Dispose.
        AppDomain.CurrentDomain.ProcessExit += OnExit;
    }

    /// <summary>Debian with the packages of containers/packages: an attacker's machine.</summary>
    public string BaseImage => baseImage.Value;

    /// <summary>The base with systemd as PID 1 and RateWall installed, nothing enabled.</summary>
    public string HostImage => hostImage.Value;

    /// <summary>The names of all containers and networks of this engine object that exist now.</summary>
    public IReadOnlyList<string> Existing() =>
    [
        .. Lines(Docker("ps", "--all", "--filter", $"label={label}", "--format", "{{.Names}}")),
        .. Lines(Docker("network", "ls", "--filter", $"label={label}", "--format", "{{.Name}}")),
    ];

    /// <summary>A network with subnets of the documentation ranges, IPv4's first, and IPv6's if there is to be one.</summary>
    public ContainerNetwork CreateNetwork(string subnet, string? subnet6 = null)
    {
        string name = NewName("net");
        string[] ipv6 = subnet6 is null ? [] : ["--ipv6", "--subnet", subnet6];
        Docker(["network", "create", "--label", label, "--subnet", subnet, .. ipv6, name]).MustSucceed("docker network create");
        return new(this, name);
    }

    /// <summary>A protected host that has booted: systemd is PID 1 and says it is up.</summary>
    /// <param name="options">Further options of `docker run`.</param>
    public Container BootHost(ContainerNetwork network, string address, params string[] options)
    {
        // --privileged asks for more than some machines have to give; these are what systemd and RateWall's units need.
        Container host = Start(network, address, HostImage, [],
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
    /// <param name="options">Further options of `docker run`.</param>
    public Container StartMachine(ContainerNetwork network, string address, params string[] options) =>
        Start(network, address, BaseImage, ["sleep", "infinity"], ["--init", .. options]);

    /// <summary>Runs docker against this engine.</summary>
    public Answer Docker(params string[] arguments) => Docker(arguments, input: null, limit: null);

    internal Answer Docker(IReadOnlyList<string> arguments, string? input, TimeSpan? limit) =>
        Shell.Run("docker", arguments, input, environment.Value, limit);

    public void Dispose()
    {
        lock (gate)
        {
            if (disposed) return;
            disposed = true;
        }

        AppDomain.CurrentDomain.ProcessExit -= OnExit;
        if (environment.IsValueCreated) RemoveAll();
        Script("engine.sh", ["down", state], environment: null);
    }

    private void RemoveAll()
    {
        string[] containers = Lines(Docker("ps", "--all", "--quiet", "--filter", $"label={label}"));
        if (containers.Length > 0) Docker(["rm", "--force", "--volumes", .. containers]);
        string[] networks = Lines(Docker("network", "ls", "--quiet", "--filter", $"label={label}"));
        if (networks.Length > 0) Docker(["network", "rm", .. networks]);
        if (hostImage.IsValueCreated) Docker("image", "rm", "--force", hostImage.Value);
    }

    private Dictionary<string, string?> BringUp() =>
        Lines(Script("engine.sh", ["up", state], environment: null).MustSucceed("engine.sh up"))
            .Select(line => line.Split('=', 2))
            .ToDictionary(pair => pair[0], string? (pair) => pair[1], StringComparer.Ordinal);

    private static void WaitUntilUp(Container host, string state = "running") => Eventually.True(
        $"systemd is {state}", TimeSpan.FromMinutes(1), () => host.Exec("systemctl", "is-system-running").Out.Trim() == state,
        () => $"{host.Exec("systemctl", "--failed", "--no-pager").Out}\n{host.Journal()}\n{host.Logs()}");

    private static string[] Lines(Answer answer) => answer.Out.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    private static string NewName(string kind) =>
        string.Create(CultureInfo.InvariantCulture, $"ratewall-{kind}-{Environment.ProcessId}-{Interlocked.Increment(ref counter)}");

    private Container Start(ContainerNetwork network, string address, string image, string[] command, params string[] options)
    {
        string name = NewName("box");
        Docker(["run", "--detach", "--label", label, "--name", name, "--network", network.Name, "--ip", address, .. options, image, .. command])
            .MustSucceed("docker run");
        return new(this, name, address);
    }

    private string Image(params string[] arguments) => Script("images.sh", arguments, environment.Value).MustSucceed("images.sh").Out.Trim();

    private static Answer Script(string name, string[] arguments, IReadOnlyDictionary<string, string?>? environment) =>
        Shell.Run(Checkout.Path("containers", name), arguments, input: null, environment, TimeSpan.FromMinutes(10));

    private void OnExit(object? sender, EventArgs e) => Dispose();
}
