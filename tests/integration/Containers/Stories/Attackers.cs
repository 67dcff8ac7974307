using System.Globalization;
using RateWall.IntegrationTests.Machine;

namespace RateWall.IntegrationTests.Containers.Stories;

/// <summary>The attackers: one machine with many addresses, each an attacker of its own.</summary>
public sealed class Attackers : IDisposable
{
    private const string Running = "/run/attacks";

    private readonly Container machine;
    private readonly string host;
    private readonly HashSet<string> addresses = new(StringComparer.Ordinal);

    public Attackers(Container machine, string host)
    {
        this.machine = machine;
        this.host = host;
        machine.CopyIn(Checkout.Path("containers", "hold.pl"), "/usr/local/bin/hold");
        machine.Exec("mkdir", Running).MustSucceed("mkdir");
    }

    /// <summary>The first so many addresses of 203.0.113.0/24 and, when those are used up, of the host's own network from 200 on.</summary>
    public IReadOnlyList<string> Bots(int count) =>
    [
        .. Enumerable.Range(1, count).Select(i => i < 255 ? string.Create(CultureInfo.InvariantCulture, $"203.0.113.{i}") : machine.Network.Address(i - 55)),
    ];

    /// <summary>Each source opens so many connections to the host, says what the protocol of containers/hold.pl says, and holds them.</summary>
    /// <param name="attack">A name for it.</param>
    /// <param name="protocol">What is said.</param>
    /// <param name="port">The host's port.</param>
    /// <param name="sources">Where they come from.</param>
    /// <param name="each">Connections of each.</param>
    public void Hold(string attack, string protocol, int port, IEnumerable<string> sources, int each = 1)
    {
        string[] from = [.. sources];
        Have(from);
        machine.Write($"{Running}/{attack}.in", string.Concat(from.SelectMany(s => Enumerable.Repeat(
            string.Create(CultureInfo.InvariantCulture, $"{protocol} {s} {host} {port}\n"), each))));
        machine.Start("sh", "-c", $"echo $$ >{Running}/{attack}.pid; exec perl /usr/local/bin/hold <{Running}/{attack}.in >{Running}/{attack}.out 2>&1");
    }

    /// <summary>How many connections of an attack came so far at least: "open", "held" (everything said and answered) or "ended".</summary>
    public int Count(string attack, string state) =>
        machine.Exec("cat", $"{Running}/{attack}.out").Out.Split('\n').Count(line => line.EndsWith(' ' + state, StringComparison.Ordinal));

    /// <summary>True when a connection from this address opens in time; where one shall, there is no hurry.</summary>
    public bool CanConnect(string source, int port, int seconds = 2)
    {
        Have([source]);
        string connect = string.Create(
            CultureInfo.InvariantCulture,
            $"exit(IO::Socket::IP->new(LocalHost => '{source}', PeerHost => '{host}', PeerPort => {port}, Timeout => {seconds}) ? 0 : 1)");
        return machine.Exec("perl", "-MIO::Socket::IP", "-e", connect).ExitCode == 0;
    }

    /// <summary>Ends everything they hold.</summary>
    public void Leave() => machine.Exec(
        "sh", "-c", $"cd {Running} && for pid in *.pid; do [ ! -e $pid ] || kill $(cat $pid) || true; done; rm -f {Running}/*").MustSucceed("ending the attacks");

    /// <summary>What happened to each attack, for a test that failed.</summary>
    public string Log() => machine.Exec("sh", "-c", $"cd {Running} && for log in *.out; do echo $log; cut -d' ' -f2- $log | sort | uniq -c; done").Out;

    public void Dispose() => machine.Dispose();

    private void Have(IEnumerable<string> sources)
    {
        string[] missing = [.. sources.Where(addresses.Add)];
        if (missing.Length > 0) machine.AddAddresses(missing);
    }
}
