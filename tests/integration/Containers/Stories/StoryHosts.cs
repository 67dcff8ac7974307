using System.Globalization;
using RateWall.IntegrationTests.Machine;

namespace RateWall.IntegrationTests.Containers.Stories;

/// <summary>
/// Where the stories happen: a host with real daemons and RateWall from its own package layout, a machine of the attackers with
/// as many addresses as a story needs, and one of the customers. They are booted once for a class of tests; each story begins
/// anew on them (<see cref="Begin"/>).
/// </summary>
public sealed class StoryHosts(ContainerEngine engine) : IDisposable
{
    /// <summary>Users of the host besides bob, each with the password "correct".</summary>
    public static IReadOnlyList<string> Users { get; } = [.. Enumerable.Range(0, 10).Select(i => $"user{i}")];

    private static readonly string[] Daemons = ["dovecot", "postfix"];

    private ContainerNetwork? network;
    private Container? host;

    /// <summary>The protected host.</summary>
    public Container Host => host ?? throw new InvalidOperationException("a story begins with Begin");

    /// <summary>Its address.</summary>
    public string Address => Host.Address;

    /// <summary>Who attacks it.</summary>
    public Attackers Attackers { get; private set; } = null!;

    /// <summary>Who only wants to log in.</summary>
    public Customers Customers { get; private set; } = null!;

    /// <summary>
    /// Begins a story: nobody is connected, the daemons have just started, the journal is empty, RateWall remembers nothing, and
    /// the wall of this policy stands. Nothing reads logs yet.
    /// </summary>
    public void Begin(string policy)
    {
        if (host is null) Boot();
        Attackers.Leave();
        Customers.Leave();
        Host.Exec("systemctl", "stop", "ratewall-follow.service", "ratewall-correlate.timer", "ratewall-correlate.service", "ratewall.service").MustSucceed("systemctl stop");
        if (Host.Exec("nft", "list", "table", "inet", "ratewall").ExitCode == 0) Host.Exec("ratewall", "remove").MustSucceed("ratewall remove");
        Host.Exec(["systemctl", "restart", .. Daemons]).MustSucceed("systemctl restart");
        Host.Exec("find", "/var/lib/ratewall", "-mindepth", "1", "-delete").MustSucceed("find -delete");
        Host.Exec("journalctl", "--rotate").MustSucceed("journalctl --rotate");
        Host.Exec("journalctl", "--vacuum-files=1").MustSucceed("journalctl --vacuum-files");
        Host.Write("/etc/ratewall/ratewall.yaml", policy);
        Host.StartUnit("ratewall.service");
    }

    /// <summary>Starts the timer's runs, one a second after the last instead of one every 15 seconds.</summary>
    public void StartTimer()
    {
        Host.Exec("mkdir", "-p", "/run/systemd/system/ratewall-correlate.timer.d").MustSucceed("mkdir");
        Host.Write("/run/systemd/system/ratewall-correlate.timer.d/often.conf", "[Timer]\nOnBootSec=\nOnActiveSec=0\nOnUnitInactiveSec=1s\nAccuracySec=100ms\n");
        Host.Exec("systemctl", "daemon-reload").MustSucceed("systemctl daemon-reload");
        Host.StartUnit("ratewall-correlate.timer");
    }

    /// <summary>Starts `ratewall correlate --follow`, as its unit does; it has made its first round when this returns.</summary>
    public void Follow() => Host.StartUnit("ratewall-follow.service");

    /// <summary>From where connections to a port are open.</summary>
    public IReadOnlyList<string> Connections(int port) =>
    [
        .. Host.Exec("ss", "-Htn", "state", "established", "sport", "=", string.Create(CultureInfo.InvariantCulture, $":{port}")).MustSucceed("ss").Out
            .Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[3])
            .Select(peer => peer[..peer.LastIndexOf(':')].Trim('[', ']').Replace("::ffff:", "", StringComparison.Ordinal)),
    ];

    /// <summary>How many processes of a name run.</summary>
    public int Processes(string name) => int.Parse(Host.Exec("pgrep", "--count", "--exact", name).Out, CultureInfo.InvariantCulture);

    /// <summary>How many processes of a name have run for so many seconds.</summary>
    public int OlderThan(int seconds, string name) => Host.Exec("ps", "-C", name, "-o", "etimes=").Out
        .Split('\n', StringSplitOptions.RemoveEmptyEntries)
        // Of a process that began after ps had looked at the clock it tells an age below zero, without the sign: no number of seconds.
        .Count(age => int.TryParse(age, CultureInfo.InvariantCulture, out int ran) && ran >= seconds);

    /// <summary>What a set of the wall has, as nft lists it.</summary>
    public string Set(string name) => Host.Exec("nft", "list", "set", "inet", "ratewall", name).MustSucceed("nft list set").Out;

    /// <summary>The packets of a counter of the wall.</summary>
    public int Counter(string name) => int.Parse(
        Host.Exec("nft", "list", "counter", "inet", "ratewall", name).MustSucceed("nft list counter").Out.Split("packets ")[1].Split(' ')[0],
        CultureInfo.InvariantCulture);

    /// <summary>True while strangers share one bucket at this port.</summary>
    public bool IsUnderSiege(int port) =>
        Set("siege").Contains(string.Create(CultureInfo.InvariantCulture, $" {port} timeout"), StringComparison.Ordinal);

    /// <summary>What the daemons of a unit have written so far that has this text.</summary>
    public IReadOnlyList<string> Logged(string unit, string text)
    {
        Host.Exec("journalctl", "--sync").MustSucceed("journalctl --sync");
        return
        [
            .. Host.Exec("journalctl", "--no-pager", "--output", "cat", "--unit", unit).MustSucceed("journalctl").Out.Split('\n')
                .Where(l => l.Contains(text, StringComparison.Ordinal)),
        ];
    }

    /// <summary>The state of things, for a test that failed.</summary>
    public string Seen() =>
        $"{Set("siege")}\n{Set("ban4")}\n{Host.Exec("ss", "-s").Out}\n{Host.Exec("ratewall", "status").Out}\n{Attackers.Log()}\n{Host.Journal()}";

    public void Dispose()
    {
        Customers?.Dispose();
        Attackers?.Dispose();
        host?.Dispose();
        network?.Dispose();
    }

    private void Boot()
    {
        network = engine.CreateNetwork();
        Container booted = engine.BootHost(network, 2);
        Attackers = new(engine.StartMachine(network, 3, "--cap-add", "NET_ADMIN"), booted.Address);
        Customers = new(engine.StartMachine(network, 4, "--cap-add", "NET_ADMIN"));
        // The attackers' network is on the same wire.
        booted.Exec("ip", "route", "add", "203.0.113.0/24", "dev", "eth0").MustSucceed("ip route add");
        booted.Exec("sh", "-c", $"for name in {string.Join(' ', Users)}; do useradd --create-home $name || exit 1; done").MustSucceed("useradd");
        booted.ExecWithInput(string.Concat(Users.Select(user => $"{user}:correct\n")), "chpasswd", "--crypt-method", "SHA256", "--sha-rounds", "1000").MustSucceed("chpasswd");
        host = booted;
    }
}
