using System.Globalization;
using System.Runtime.InteropServices;
using RateWall.IntegrationTests.Machine;

namespace RateWall.IntegrationTests.Containers;

/// <summary>
/// The container engine of this run: the one that answers, or one started for these tests (containers/engine.sh). It is
/// brought up, and the images are made, when first asked for; it ends with the last of those that share it.
/// </summary>
internal sealed class SharedEngine
{
    // An engine refuses two networks with the same addresses, and these are all that documentation has but for the attackers'.
    private static readonly string[] Subnets = ["198.51.100", "192.0.2"];
    private static readonly Lock Gate = new();

    // Since .NET 10 a signal ends the process at once, without its ProcessExit.
    private static readonly PosixSignalRegistration[] Signals =
    [
        .. ((PosixSignal[])[PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGHUP]).Select(s => PosixSignalRegistration.Create(s, EndInOrder)),
    ];

    private static SharedEngine? current;
    private static int counter;

    private readonly HashSet<string> taken = new(StringComparer.Ordinal);
    private readonly string state = Directory.CreateTempSubdirectory("ratewall-engine.").FullName;
    private readonly Lazy<IReadOnlyDictionary<string, string?>> environment;
    private readonly Lazy<string> baseImage;
    private readonly Lazy<string> hostImage;

    private SharedEngine()
    {
        // Nothing starts before a test asks for it: this object is made even where every test is skipped.
        environment = new(BringUp);
        baseImage = new(() => Image("base"));
        hostImage = new(() => Image("host", string.Create(CultureInfo.InvariantCulture, $"ratewall-test/host:{Environment.ProcessId}-{Interlocked.Increment(ref counter)}")));
    }

    public string BaseImage => baseImage.Value;

    public string HostImage => hostImage.Value;

    /// <summary>True when somebody has asked it for something.</summary>
    public bool IsUp => environment.IsValueCreated;

    /// <summary>The engine, and the first three numbers of the addresses that whoever asked has for himself.</summary>
    public static (SharedEngine Engine, string Subnet) Join()
    {
        lock (Gate)
        {
            _ = Signals;
            current ??= new();
            string subnet = Subnets.FirstOrDefault(s => !current.taken.Contains(s))
                ?? throw new InvalidOperationException($"more than {Subnets.Length} collections of container tests at once");
            current.taken.Add(subnet);
            return (current, subnet);
        }
    }

    /// <summary>Gives the addresses back; nothing that has them may be left. The last one ends the engine.</summary>
    public void Leave(string subnet)
    {
        lock (Gate)
        {
            taken.Remove(subnet);
            if (taken.Count > 0) return;
            current = null;
        }

        if (hostImage.IsValueCreated) Docker(["image", "rm", "--force", hostImage.Value], input: null, limit: null);
        Script("engine.sh", ["down", state], environment: null);
    }

    private static void EndInOrder(PosixSignalContext context)
    {
        context.Cancel = true;
        Environment.Exit(1);
    }

    public Answer Docker(IReadOnlyList<string> arguments, string? input, TimeSpan? limit) =>
        Shell.Run("docker", arguments, input, environment.Value, limit);

    private Dictionary<string, string?> BringUp() =>
        Script("engine.sh", ["up", state], environment: null).MustSucceed("engine.sh up").Out.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => line.Split('=', 2))
            .ToDictionary(pair => pair[0], string? (pair) => pair[1], StringComparer.Ordinal);

    private string Image(params string[] arguments) => Script("images.sh", arguments, environment.Value).MustSucceed("images.sh").Out.Trim();

    private static Answer Script(string name, string[] arguments, IReadOnlyDictionary<string, string?>? environment) =>
        Shell.Run(Checkout.Path("containers", name), arguments, input: null, environment, TimeSpan.FromMinutes(10));
}
