using System.Globalization;
using RateWall.IntegrationTests.Machine;

namespace RateWall.IntegrationTests.Containers.Stories;

/// <summary>A host whose dovecot has 200 pupils, and the machines behind a school's addresses; made when first asked for.</summary>
public sealed class School : IDisposable
{
    /// <summary>How many have an account.</summary>
    internal const int Pupils = 200;

    private const int FirstAddress = 50;

    private const string Dovecot = """
        passdb {
          driver = passwd-file
          args = scheme=PLAIN username_format=%n /etc/dovecot/school.users
        }
        userdb {
          driver = static
          args = uid=bob gid=bob home=/var/mail/school/%n
        }
        mail_location = maildir:~/Maildir

        """;

    private readonly ContainerEngine engine;
    private readonly Lazy<Container> host;
    private ContainerNetwork? network;
    private Container? clients;

    public School(ContainerEngine engine)
    {
        this.engine = engine;
        host = new(Boot);
    }

    /// <summary>The mail host.</summary>
    internal Container Host => host.Value;

    /// <summary>A school's address: each story has one of its own, whose past no other story is in.</summary>
    internal string AddressOf(int story) => Host.Network.Address(FirstAddress + story);

    /// <summary>A pupil's name.</summary>
    internal static string Pupil(int number) => string.Create(CultureInfo.InvariantCulture, $"pupil{number}");

    /// <summary>A pupil's client with the password that is right.</summary>
    internal Login Right(string source, int pupil, string protocol = "imap") =>
        new(protocol, source, Host.Address, protocol == "pop3" ? 110 : 143, Pupil(pupil), Password(pupil));

    /// <summary>Somebody's client with one that is not.</summary>
    internal Login Wrong(string source, string name) => new("imap", source, Host.Address, 143, name, "before-the-holidays");

    /// <summary>Lets clients log in, all from the school's address; what the daemon answered.</summary>
    internal IReadOnlyList<string> Try(IReadOnlyList<Login> logins, int together = 16, int pace = 0, int patience = 60)
    {
        Assert.NotNull(Host);
        return clients!.TryLogins(logins, together, pace, patience);
    }

    /// <summary>Somebody of the school has logged in before this story begins, and RateWall has read it.</summary>
    internal void IsKnown(string address)
    {
        Assert.Equal(["ok"], Try([Right(address, 1)]));
        Eventually.True(
            "dovecot has written of it", TimeSpan.FromMinutes(2),
            () => Host.Exec("journalctl", "--no-pager", "-u", "dovecot.service", "-g", $"Login: .*rip={address},").Out.Contains("Login:", StringComparison.Ordinal), Host.Journal);
        Host.Correlate();
    }

    public void Dispose()
    {
        clients?.Dispose();
        if (host.IsValueCreated) host.Value.Dispose();
        network?.Dispose();
    }

    private static string Password(int pupil) => string.Create(CultureInfo.InvariantCulture, $"right-{pupil}");

    private Container Boot()
    {
        network = engine.CreateNetwork();
        Container booted = engine.BootHost(network, 2);
        booted.Write("/etc/dovecot/school.conf", Dovecot);
        booted.Write("/etc/dovecot/school.users", string.Concat(Enumerable.Range(1, Pupils).Select(i => $"{Pupil(i)}:{{PLAIN}}{Password(i)}\n")));
        booted.Exec("sed", "-i", "s,^!include auth-system.conf.ext,!include ../school.conf,", "/etc/dovecot/conf.d/10-auth.conf").MustSucceed("sed");
        booted.Exec("install", "-d", "-o", "bob", "-g", "bob", "/var/mail/school").MustSucceed("install -d");
        booted.StartUnit("dovecot.service");
        clients = engine.StartMachine(network, 49, "--cap-add", "NET_ADMIN");
        clients.AddAddresses(Enumerable.Range(FirstAddress, 10).Select(network.Address));
        Eventually.True("dovecot listens", TimeSpan.FromMinutes(2), () => clients.CanConnect(booted.Address, 143) && clients.CanConnect(booted.Address, 110), booted.Journal);
        return booted;
    }
}
