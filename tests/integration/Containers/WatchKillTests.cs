using System.Globalization;
using System.Text.RegularExpressions;
using RateWall.IntegrationTests.Machine;

namespace RateWall.IntegrationTests.Containers;

/// <summary>
/// kill -9 of `ratewall watch` between any two of its steps when it stops a unit: PID 1 has what brings the unit back before it
/// loses it, and nothing is done twice.
/// </summary>
[Collection(ContainerCollection.Name)]
public sealed partial class WatchKillTests(ContainerEngine engine)
{
    private const string Unit = "worker.service";
    private const int Boundaries = 10;

    // Whoever changes something outside itself does it by one of these: the bus, the state.
    private const string Traced = "sendmsg,pwrite64,fdatasync";

    // One task is one too many, so that every look finds trouble.
    private const string Policy = $$"""
        watch: { interval: 1s }
        units:
          dovecot: { enabled: false }
          imap_login: { enabled: false }
          pop3_login: { enabled: false }
          worker: { unit: {{Unit}}, warn: 2, act: 2, normal: 1, after: 1s, quiet: 1h, pause: 1s, stop-for: 1s, ladder: [stop] }
        """;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [ContainerFact("strace", "nsenter")]
    public void Stop_KilledAtAnyBoundary_LeavesAUnitThatComesBack()
    {
        using ContainerNetwork network = engine.CreateNetwork("198.51.100.0/24");
        using Container host = engine.BootHost(network, "198.51.100.2");
        using var temporary = new TemporaryDirectory();
        host.Write("/etc/ratewall/ratewall.yaml", Policy);
        host.Write($"/run/systemd/system/{Unit}", "[Service]\nExecStart=sh -c 'sleep infinity & sleep infinity'\n");
        host.StartUnit(Unit);

        string trace = temporary["trace"];
        FindTrouble(host);
        Assert.Contains("[stop]", Watch(host, "-o", trace, "-e", $"trace={Traced}").MustSucceed("the traced look").Out, StringComparison.Ordinal);
        AssertComesBack(host, "nothing killed it", 1);
        int killed = 0, stopped = 0;
        foreach ((string name, int occurrence) in PointsOf(trace))
        {
            string point = string.Create(CultureInfo.InvariantCulture, $"{name} {occurrence}");
            FindTrouble(host);
            int before = Stops(host);
            string inject = string.Create(CultureInfo.InvariantCulture, $"inject={name}:signal=KILL:when={occurrence}");
            if (Watch(host, "-o", "/dev/null", "-e", $"trace={name}", "-e", inject).ExitCode != 0) killed++;

            AssertComesBack(host, point, Stops(host) - before);
            stopped += Stops(host) - before;

            // What was done is known and not done again; what was not done is.
            host.Exec("ratewall", "watch", "--once").MustSucceed($"the look after a kill at {point}");
            AssertComesBack(host, point, Stops(host) - before);
            Assert.InRange(Stops(host) - before, 0, 1);
        }

        Assert.InRange(killed, 6, int.MaxValue);
        // Some were killed before the stop and some after it.
        Assert.InRange(stopped, 1, killed - 1);
    }

    // With nothing known from before. The second is what policy's `after` asks for: trouble that has lasted so long.
    private static void FindTrouble(Container host) =>
        host.Exec("sh", "-c", "rm -rf /var/lib/ratewall/* && ratewall watch --once && sleep 1").MustSucceed("the first look");

    // It runs, and nobody waits to do anything about it any more.
    private static void AssertComesBack(Container host, string killedAt, int stops) => Eventually.True(
        string.Create(CultureInfo.InvariantCulture, $"killed at {killedAt}, {stops} stops: {Unit} runs"), Patience,
        () => host.Exec("systemctl", "is-active", Unit).Out == "active\n"
            && host.Exec("systemctl", "list-units", "--plain", "--no-legend", "--state=active,activating", "ratewall-*.timer", "ratewall-watch-*.service").Out.Length == 0,
        host.Journal);

    private static int Stops(Container host)
    {
        host.Exec("journalctl", "--sync").MustSucceed("journalctl --sync");
        return host.Exec("journalctl", "--no-pager", "--output", "cat", "_PID=1").MustSucceed("journalctl").Out
            .Split('\n').Count(l => l.StartsWith($"Stopping {Unit}", StringComparison.Ordinal));
    }

    // The program in the container's namespaces, traced from here.
    private static Answer Watch(Container host, params string[] options) => Shell.Run("strace",
    [
        "-f", "-qq", .. options,
        "nsenter", "--target", host.ProcessId, "--mount", "--uts", "--ipc", "--net", "--pid",
        "env", "--ignore-environment", "PATH=/usr/bin:/bin", "DOTNET_EnableDiagnostics=0", "/usr/bin/ratewall", "watch", "--once",
    ]);

    // The calls of the program's first thread from its first word to the bus to its last write, evenly thinned out.
    private static IReadOnlyList<(string Name, int Occurrence)> PointsOf(string trace)
    {
        var counts = new Dictionary<(string Thread, string Name), int>();
        var calls = new List<(string Thread, string Name, int Occurrence)>();
        foreach (string line in File.ReadLines(trace))
        {
            Match match = Call().Match(line);
            if (!match.Success) continue;
            (string, string) key = (match.Groups["thread"].Value, match.Groups["name"].Value);
            counts[key] = counts.GetValueOrDefault(key) + 1;
            calls.Add((key.Item1, key.Item2, counts[key]));
        }

        string main = calls.First(c => c.Name == "sendmsg").Thread;
        (string Name, int Occurrence)[] all = [.. calls.Where(c => c.Thread == main).Select(c => (c.Name, c.Occurrence))];
        all = all[Array.FindIndex(all, c => c.Name == "sendmsg")..];
        Assert.InRange(all.Length, Boundaries, 1000);
        return [.. Enumerable.Range(0, Boundaries).Select(i => all[i * (all.Length - 1) / (Boundaries - 1)])];
    }

    [GeneratedRegex(@"^(?<thread>\d+) +(?<name>[a-z0-9_]+)\(", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Call();
}
