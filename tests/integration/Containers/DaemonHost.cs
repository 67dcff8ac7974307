using System.Globalization;
using RateWall.IntegrationTests.Machine;

namespace RateWall.IntegrationTests.Containers;

/// <summary>One login try of the attacker.</summary>
/// <param name="Door">The daemon that is asked.</param>
/// <param name="Protocol">How, in the words of containers/attack.pl.</param>
/// <param name="Source">The address it comes from.</param>
/// <param name="Name">The name, byte by byte as Latin-1.</param>
/// <param name="Password">The password.</param>
internal sealed record Try(Door Door, string Protocol, string Source, string Name, string Password);

/// <summary>A daemon's open port.</summary>
/// <param name="Daemon">Its rule file's name.</param>
/// <param name="Service">What tries at it are counted under.</param>
/// <param name="Port">The port.</param>
/// <param name="Protocols">How it can be asked.</param>
internal sealed record Door(string Daemon, string Service, int Port, params string[] Protocols);

/// <summary>
/// A host with all the daemons of containers/daemons.sh, and a machine with many addresses that has tried every hostile name
/// at every one of them, and once the right one: made once, when first asked for.
/// </summary>
public sealed class DaemonHost : IDisposable
{
    private const string Address6 = "2001:db8:5::ff";
    private const int FirstSource = 20;

    private readonly ContainerEngine engine;
    private readonly Lazy<Container> host;
    private readonly Lazy<IReadOnlyList<string>> answers;
    private readonly Lazy<IReadOnlyList<Try>> tries;
    private IReadOnlyList<Seen> journal = [];
    private ContainerNetwork? network;
    private Container? attacker;

    public DaemonHost(ContainerEngine engine)
    {
        this.engine = engine;
        host = new(Boot);
        answers = new(Attack);
        tries = new(() =>
        [
            .. from door in Doors from protocol in door.Protocols select new Try(door, protocol, Customer, "bob", "correct"),
            .. from door in Doors
               from protocol in door.Protocols
               from i in Enumerable.Range(0, HostileNames.All.Count)
               // "USER" without a name is a mistake, and nobody's try.
               where protocol is not ("ftp" or "pop3") || HostileNames.All[i].Length > 0
               select new Try(door, protocol, SourceOf(i, Array.IndexOf(door.Protocols, protocol)), HostileNames.All[i], "wrong"),
        ]);
    }

    /// <summary>Every daemon, and how it is asked.</summary>
    internal static IReadOnlyList<Door> Doors { get; } =
    [
        new("sshd", "ssh", 22, "ssh"),
        new("dovecot", "imap", 143, "imap", "imap-plain"),
        new("dovecot", "pop3", 110, "pop3", "pop3-plain"),
        new("dovecot", "sieve", 4190, "sieve"),
        new("postfix", "smtp", 25, "smtp-plain", "smtp-login"),
        new("postfix", "submission", 587, "smtp-plain", "smtp-login"),
        new("vsftpd", "ftp", 21, "ftp"),
        new("proftpd", "ftp", 2121, "ftp"),
        new("cyrus", "imap", 1143, "imap", "imap-plain"),
        new("cyrus", "pop3", 1110, "pop3", "pop3-plain"),
        new("cyrus", "sieve", 14190, "sieve"),
        new("exim", "smtp", 2525, "smtp-plain", "smtp-login"),
    ];

    /// <summary>Everything that was tried: each name from an address of its own at each door, the ones with IPv6's victim over IPv6, and bob with his password.</summary>
    internal IReadOnlyList<Try> Tries => tries.Value;

    /// <summary>The address from which bob logs in.</summary>
    internal string Customer => host.Value.Network.Address(9);

    /// <summary>The host, after the attack.</summary>
    internal Container Host
    {
        get
        {
            _ = answers.Value;
            return host.Value;
        }
    }

    /// <summary>The attacker's machine.</summary>
    internal Container Attacker => Host is not null ? attacker! : throw new InvalidOperationException();

    /// <summary>What the daemons answered, in the order of <see cref="Tries"/>: "ok", "refused" or "error: ...".</summary>
    internal IReadOnlyList<string> Answers => answers.Value;

    /// <summary>What `correlate` counts of the journal: the same reader, trust, parser and rules.</summary>
    internal IReadOnlyList<Seen> Journal => Host is not null ? journal : [];

    /// <summary>Where the host has the journal after the attack as people read it, with newlines and control bytes as they came.</summary>
    internal static string ReadableJournal => "/root/journal";

    public void Dispose()
    {
        attacker?.Dispose();
        if (host.IsValueCreated) host.Value.Dispose();
        network?.Dispose();
    }

    /// <summary>Reads the journal as it is now.</summary>
    internal IReadOnlyList<Seen> ReadJournal(Func<Seen, bool> wanted) => HostLogs.Journal(host.Value, wanted);

    /// <summary>Reads a daemon's own log.</summary>
    internal IReadOnlyList<Seen> ReadFile(string path, string program) => HostLogs.File(Host, path, program);

    /// <summary>Starts them all on a host.</summary>
    internal static void StartDaemons(Container host) =>
        host.Exec("systemctl", "start", "dovecot", "postfix", "vsftpd", "proftpd", "cyrus-imapd", "exim").MustSucceed("systemctl start");

    /// <summary>Waits until a machine can talk to every daemon, and lets bob have his mailboxes.</summary>
    internal static void AwaitDaemons(Container host, Container client)
    {
        Eventually.True("every daemon listens", TimeSpan.FromMinutes(2), () => Doors.All(d => client.CanConnect(host.Address, d.Port)), host.Journal);
        // Cyrus makes a mailbox at the first IMAP login, and lets nobody in over POP3 and sieve who has none.
        Door cyrus = Doors.First(d => d is { Daemon: "cyrus", Service: "imap" });
        Assert.Equal(["ok"], client.TryLogins([new Login("imap", client.Address, host.Address, cyrus.Port, "bob", "correct")]));
    }

    private string SourceOf(int name, int protocol)
    {
        int number = FirstSource + (100 * protocol) + name;
        return HostileNames.All[name].Contains(HostileNames.Victim6, StringComparison.Ordinal)
            ? string.Create(CultureInfo.InvariantCulture, $"2001:db8:5::{number}") : host.Value.Network.Address(number);
    }

    private Container Boot()
    {
        network = engine.CreateNetwork("2001:db8:5::/64");
        Container booted = engine.BootHost(network, 2, "--ip6", Address6);
        StartDaemons(booted);
        return booted;
    }

    private string[] Attack()
    {
        Container target = host.Value;
        attacker = engine.StartMachine(network!, 8, "--cap-add", "NET_ADMIN");
        attacker.AddAddresses(Tries.Select(t => t.Source));
        AwaitDaemons(target, attacker);
        string[] said = [.. attacker.TryLogins([.. Tries.Select(AsLogin)], together: 24, patience: 60)];
        // No client waits for the answer to its QUIT: what a daemon has to say of a connection's end it says before it lets go of it.
        Eventually.True("every daemon has let go of its connections", TimeSpan.FromMinutes(2), () => Connections(target).Length == 0, () => Connections(target));
        target.Exec("journalctl", "--sync").MustSucceed("journalctl --sync");
        Try last = Tries[^1];
        Eventually.True(
            "the journal has the last try", TimeSpan.FromMinutes(2),
            () => (journal = ReadJournal(_ => true)).Any(s => s.Daemon == last.Door.Daemon && s.Service == last.Door.Service && s.Source == last.Source), target.Journal);
        target.Exec("sh", "-c", $"journalctl --all --no-pager -o short >{ReadableJournal}").MustSucceed("journalctl");
        return said;
    }

    private static string Connections(Container host) => host.Exec(
        "ss", "-Htn", "state", "established", "state", "close-wait", "(", string.Join(" or ", Doors.Select(d => $"sport = :{d.Port}")), ")").MustSucceed("ss").Out;

    private Login AsLogin(Try one) =>
        new(one.Protocol, one.Source, one.Source.Contains(':', StringComparison.Ordinal) ? Address6 : host.Value.Address, one.Door.Port, one.Name, one.Password);
}
