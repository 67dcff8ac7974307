using System.Globalization;

namespace RateWall.IntegrationTests.Containers.Stories;

/// <summary>A host with every daemon of containers/daemons.sh, a customer who has his mailboxes, and an attacker of many addresses; made when first asked for.</summary>
public sealed class MailServer : IDisposable
{
    private readonly Lazy<Container> host;
    private ContainerNetwork? network;
    private Container? attacker;
    private Container? customer;

    public MailServer(ContainerEngine engine)
    {
        Engine = engine;
        host = new(Boot);
    }

    /// <summary>What it all runs on.</summary>
    internal ContainerEngine Engine { get; }

    /// <summary>The host.</summary>
    internal Container Host => host.Value;

    /// <summary>Where the attackers sit.</summary>
    internal Container Attacker => Host is not null ? attacker! : throw new InvalidOperationException();

    /// <summary>Where bob sits.</summary>
    internal Container Customer => Host is not null ? customer! : throw new InvalidOperationException();

    /// <summary>The built-in policy with every port of every daemon, and the two logs that are files.</summary>
    /// <param name="ofEach">What else each service has: ", KEY: VALUE".</param>
    internal static string Policy(string ofEach = "") => $$"""
        services:
          ssh:        { ports: [22]{{ofEach}} }
          smtp:       { ports: [25, 2525], log: [auto, { file: /var/log/exim4/mainlog, program: exim }]{{ofEach}} }
          submission: { ports: [587, 465]{{ofEach}} }
          imap:       { ports: [143, 993, 1143]{{ofEach}} }
          pop3:       { ports: [110, 995, 1110]{{ofEach}} }
          sieve:      { ports: [4190, 14190]{{ofEach}} }
          ftp:        { ports: [21, 990, 2121], log: [auto, { file: /var/log/vsftpd.log, program: vsftpd }]{{ofEach}} }

        """;

    /// <summary>Every daemon's port, the first way of asking it.</summary>
    internal static IReadOnlyList<Door> Doors => DaemonHost.Doors;

    public void Dispose()
    {
        attacker?.Dispose();
        customer?.Dispose();
        if (host.IsValueCreated) host.Value.Dispose();
        network?.Dispose();
    }

    /// <summary>Bob logs in at every door; what the daemons answered that was not "ok".</summary>
    internal IReadOnlyList<string> CustomerRefused()
    {
        Login[] logins = [.. Doors.Select(d => new Login(d.Protocols[0], Customer.Address, Host.Address, d.Port, "bob", "correct"))];
        return [.. Doors.Zip(Customer.TryLogins(logins, together: 4, patience: 60)).Where(p => p.Second != "ok").Select(p => $"{p.First.Daemon} {p.First.Port}: {p.Second}")];
    }

    /// <summary>The address that attacks a door in an attack, and at no other: each try of one is a failure of its own daemon.</summary>
    /// <param name="attack">Which attack, 0 to 3.</param>
    /// <param name="door">Which door.</param>
    internal string Against(int attack, Door door) => Host.Network.Address(NumberAgainst(attack, door));

    /// <summary>Wrong passwords, round by round of all doors.</summary>
    internal Login[] WrongPasswords(int attack, IReadOnlyCollection<Door> doors, int rounds) =>
    [
        .. from round in Enumerable.Range(0, rounds)
           from door in doors
           select new Login(door.Protocols[0], Against(attack, door), Host.Address, door.Port, string.Create(CultureInfo.InvariantCulture, $"guest{attack}-{door.Port}"), "wrong"),
    ];

    private static int NumberAgainst(int attack, Door door) => 100 + (20 * attack) + Doors.ToList().IndexOf(door);

    private Container Boot()
    {
        network = Engine.CreateNetwork();
        Container booted = Engine.BootHost(network, 2);
        DaemonHost.StartDaemons(booted);
        customer = Engine.StartMachine(network, 9);
        attacker = Engine.StartMachine(network, 8, "--cap-add", "NET_ADMIN");
        attacker.AddAddresses(from attack in Enumerable.Range(0, 4) from door in Doors select network.Address(NumberAgainst(attack, door)));
        DaemonHost.AwaitDaemons(booted, customer);
        return booted;
    }
}
