using System.Globalization;
using System.Text.RegularExpressions;
using RateWall.IntegrationTests.Machine;

namespace RateWall.IntegrationTests.Containers;

/// <summary>
/// A booted host with a unit that always has a task too many, and a socket that starts it: for looks of `ratewall watch` that
/// are killed at one of their steps. Booted once, when first asked for.
/// </summary>
public sealed partial class WatchKillHost : IDisposable
{
    public const string Unit = "worker.service";
    public const string Socket = "worker.socket";

    // Whoever changes something outside itself does it by one of these: the bus, the state.
    private const string Traced = "sendmsg,pwrite64,fdatasync";

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly ContainerEngine engine;
    private readonly Lazy<Container> booted;
    private readonly TemporaryDirectory temporary = new();
    private ContainerNetwork? network;

    public WatchKillHost(ContainerEngine engine)
    {
        this.engine = engine;
        booted = new(Boot);
    }

    private Container Host => booted.Value;

    public void Dispose()
    {
        if (booted.IsValueCreated) Host.Dispose();
        network?.Dispose();
        temporary.Dispose();
    }

    /// <summary>Nothing is known from before, and the unit is in trouble: the next look takes the ladder's first rung.</summary>
    /// <param name="entry">More of the unit's entry in the policy.</param>
    public void FindTrouble(string entry)
    {
        Host.Write("/etc/ratewall/ratewall.yaml", $$"""
            units:
              dovecot: { enabled: false }
              imap_login: { enabled: false }
              pop3_login: { enabled: false }
              worker: { unit: {{Unit}}, warn: 2, act: 2, normal: 1, after: 1s, pause: 1h, {{entry}} }
            """);
        Run("rm -rf /var/lib/ratewall/* && ratewall watch --once && sleep 1");
    }

    /// <summary>It has been stopped, and been quiet for as long as policy says (1s): the next look starts it.</summary>
    public void StopAndBeQuiet() =>
        Run($"ratewall watch --once && while systemctl is-active --quiet {Unit}; do sleep 0.1; done && ratewall watch --once && sleep 1");

    /// <summary>One look of a program that nobody kills.</summary>
    public void Look() => Host.Exec("ratewall", "watch", "--once").MustSucceed("ratewall watch --once");

    /// <summary>
    /// The steps of the next look: before each thing that it does outside itself (what it has PID 1 do, what it writes down in
    /// one go), and before its very last. What lies between two of them changes nothing.
    /// </summary>
    public IReadOnlyList<WatchStep> StepsOfNextLook(string act)
    {
        string trace = temporary["trace"];
        Assert.Contains(act, WatchTraced("-s", "400", "-o", trace, "-e", $"trace={Traced}").MustSucceed("the traced look").Out, StringComparison.Ordinal);
        var counts = new Dictionary<(string Thread, string Name), int>();
        var calls = new List<(string Thread, WatchStep Call)>();
        foreach (string line in File.ReadLines(trace))
        {
            Match match = Call().Match(line);
            if (!match.Success) continue;
            (string Thread, string Name) key = (match.Groups["thread"].Value, match.Groups["name"].Value);
            counts[key] = counts.GetValueOrDefault(key) + 1;
            calls.Add((key.Thread, new(key.Name, counts[key], Order().Match(match.Groups["rest"].Value).Value)));
        }

        string main = calls.First(c => c.Call.Name == "sendmsg").Thread;
        WatchStep[] all = [.. calls.Where(c => c.Thread == main).Select(c => c.Call)];
        all = all[Array.FindIndex(all, c => c.Name == "sendmsg")..];
        return [.. all.Where((c, i) => i == all.Length - 1 || (c.IsWrite ? !all[i - 1].IsWrite : c.Asks.Length > 0))];
    }

    /// <summary>A look that is killed at a step; false: it came to its end all the same.</summary>
    public bool Kill(WatchStep at)
    {
        string inject = string.Create(CultureInfo.InvariantCulture, $"inject={at.Name}:signal=KILL:when={at.Occurrence}");
        return WatchTraced("-o", "/dev/null", "-e", $"trace={at.Name}", "-e", inject).ExitCode != 0;
    }

    /// <summary>Both run, and nobody waits to do anything about them any more.</summary>
    public void AssertBack(object killedAt) => Eventually.True(
        $"killed at {killedAt}: {Unit} and its socket run", Patience,
        () => AreActive() && Timers().Length == 0,
        () => $"{Host.Exec("systemctl", "list-units", "--all", "--no-pager", "worker*", "ratewall*").Out}\n{Host.Journal()}");

    /// <summary>True when they run, or PID 1 has what starts them.</summary>
    public bool IsBackOrWillBe() => AreActive() || Timers().Contains(".timer", StringComparison.Ordinal);

    /// <summary>How often PID 1 has stopped the unit so far, also to restart it.</summary>
    public int Stops() => int.Parse(
        Host.Exec("sh", "-c", $"journalctl --sync && journalctl --no-pager --output cat _PID=1 | grep -c '^Stopping {Unit}'").Out, CultureInfo.InvariantCulture);

    private bool AreActive() => Host.Exec("systemctl", "is-active", Unit, Socket).Out == "active\nactive\n";

    private string Timers() =>
        Host.Exec("systemctl", "list-units", "--plain", "--no-legend", "--state=active,activating", "ratewall-*.timer", "ratewall-watch-*.service").Out;

    private void Run(string script) => Host.Exec("sh", "-c", script).MustSucceed(script);

    // The program in the container's namespaces, traced from here.
    private Answer WatchTraced(params string[] options) => Shell.Run("strace",
    [
        "-f", "-qq", .. options,
        "nsenter", "--target", Host.ProcessId, "--mount", "--uts", "--ipc", "--net", "--pid",
        "env", "--ignore-environment", "PATH=/usr/bin:/bin", "DOTNET_EnableDiagnostics=0", "/usr/bin/ratewall", "watch", "--once",
    ]);

    private Container Boot()
    {
        network = engine.CreateNetwork();
        Container host = engine.BootHost(network, 2);
        host.Write($"/run/systemd/system/{Unit}", "[Unit]\nStartLimitIntervalSec=0\n[Service]\nExecStart=sh -c 'sleep infinity & sleep infinity'\n");
        host.Write($"/run/systemd/system/{Socket}", "[Socket]\nListenStream=/run/worker.sock\n");
        host.StartUnit(Socket);
        host.StartUnit(Unit);
        return host;
    }

    [GeneratedRegex(@"^(?<thread>\d+) +(?<name>[a-z0-9_]+)\((?<rest>.*)", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Call();

    [GeneratedRegex("StartTransientUnit|StopUnit|StartUnit|TryRestartUnit", RegexOptions.CultureInvariant, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Order();
}

/// <summary>A system call of a look, before which it can be killed.</summary>
/// <param name="Name">The call.</param>
/// <param name="Occurrence">Which of the calls of that name, from 1.</param>
/// <param name="Asks">What it asks PID 1 to do; "" when it asks for nothing that changes anything.</param>
public sealed record WatchStep(string Name, int Occurrence, string Asks)
{
    /// <summary>True for a piece of the state.</summary>
    public bool IsWrite => Name != "sendmsg";
}
