using System.Globalization;
using System.Text.Json;
using RateWall.IntegrationTests.Machine;

namespace RateWall.IntegrationTests.Containers.Stories;

/// <summary>The machine is started anew while an attacker is banned.</summary>
[Collection(ContainerCollection.Name)]
public sealed class RebootTests(MailServer server) : IClassFixture<MailServer>
{
    private const string Wall = "ratewall.service";
    private const int AttackerTries = 6;

    private static readonly string[] Daemons =
        ["ssh.service", "dovecot.service", "postfix@-.service", "vsftpd.service", "proftpd.service", "cyrus-imapd.service", "exim.service"];

    [ContainerFact]
    public void Reboot_EverythingEnabled_HasTheWallBeforeAnyDaemonAndTheBansWithWhatIsLeftOfThem()
    {
        Container host = server.Host;
        Prepare(host, "enable");
        host.Exec("ratewall", "ban", "203.0.113.0/25", "--for", "1h").MustSucceed("ratewall ban");
        host.Exec("ratewall", "ban", "203.0.113.200", "--service", "imap", "--for", "2h").MustSucceed("ratewall ban");
        Dictionary<string, DateTimeOffset> before = Deadlines(host);
        Assert.Equal(3, before.Count);

        string begin = host.JournalEnd();
        server.Engine.Restart(host);

        Assert.Equal(before, Deadlines(host));
        AssertInKernel(host, "ban4", before[server.Attacker.Address]);
        AssertInKernel(host, "bannet4", before["203.0.113.0/25"]);
        AssertInKernel(host, "banport4", before["203.0.113.200"]);
        Assert.False(server.Attacker.CanConnect(host.Address, 22));
        Eventually.True("the customer gets in everywhere", TimeSpan.FromMinutes(2), () => server.CustomerRefused().Count == 0, host.Journal);
        Assert.Contains(server.Customer.Address, host.Exec("nft", "list", "set", "inet", "ratewall", "trusted4_mail").Out, StringComparison.Ordinal);

        IReadOnlyList<UnitEntry> entries = host.UnitEntries(begin, [Wall, .. Daemons]);
        TimeSpan wall = Assert.Single(entries, e => e.Unit == Wall && e.IsDone).Monotonic;
        foreach (string daemon in Daemons)
        {
            // Of a simple service PID 1 tells only that its process is there.
            UnitEntry? starts = entries.FirstOrDefault(e => e.Unit == daemon && (e.Begins || e.IsDone));
            Assert.True(starts is not null, $"{daemon} did not start");
            Assert.True(wall < starts.Monotonic, $"{daemon} starts at {starts.Monotonic}, the wall stands at {wall}");
        }
    }

    [ContainerFact]
    public void Reboot_UnitsNotEnabled_LetsTheAttackerIn()
    {
        Container host = server.Host;
        Prepare(host, "disable");

        server.Engine.Restart(host);

        Assert.True(server.Attacker.CanConnect(host.Address, 22, seconds: 20));
        Assert.NotEqual(0, host.Exec("nft", "list", "table", "inet", "ratewall").ExitCode);

        // Whenever it comes up, the bans of before are back.
        host.StartUnit(Wall);
        Assert.False(server.Attacker.CanConnect(host.Address, 22));
    }

    // An attacker is banned, for tries that he really made, and the customer is known.
    private void Prepare(Container host, string what)
    {
        host.Protect(MailServer.Policy());
        host.Exec("systemctl", "enable", "ssh", "dovecot", "postfix", "vsftpd", "proftpd", "cyrus-imapd").MustSucceed("systemctl enable");
        host.Exec("systemctl", "add-wants", "multi-user.target", "exim.service").MustSucceed("systemctl add-wants");
        host.Exec("systemctl", what, Wall, "ratewall-correlate.timer").MustSucceed($"systemctl {what}");
        Assert.Empty(server.CustomerRefused());
        Login guess = new("ssh", server.Attacker.Address, host.Address, 22, "guest", "wrong");
        Assert.All(server.Attacker.TryLogins([.. Enumerable.Repeat(guess, AttackerTries)], patience: 60), answer => Assert.Equal("refused", answer));
        Eventually.True("the attacker is banned", TimeSpan.FromMinutes(2), () =>
        {
            host.Correlate();
            return host.Bans().Count > 0;
        }, host.Journal);
        Assert.Equal(server.Attacker.Address, Assert.Single(host.Bans()).GetProperty("target").GetString());
        Assert.False(server.Attacker.CanConnect(host.Address, 22));
    }

    private static Dictionary<string, DateTimeOffset> Deadlines(Container host) => host.Bans().ToDictionary(
        b => b.GetProperty("target").GetString()!, b => b.GetProperty("until").GetDateTimeOffset(), StringComparer.Ordinal);

    // A set of one ban: what the kernel has left for it, between two looks at the clock. It counts from when it was told, which is
    // some time after somebody has looked how much that should be.
    private static void AssertInKernel(Container host, string set, DateTimeOffset until)
    {
        string[] answer = host.Exec("sh", "-c", $"date +%s; nft -j list set inet ratewall {set}; date +%s").MustSucceed("nft").Out.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(3, answer.Length);
        using var listing = JsonDocument.Parse(answer[1]);
        JsonElement[] elements = [.. listing.RootElement.GetProperty("nftables").EnumerateArray().Where(o => o.TryGetProperty("set", out _))
            .SelectMany(o => o.GetProperty("set").GetProperty("elem").EnumerateArray())];
        Assert.NotEmpty(elements);
        foreach (JsonElement element in elements)
        {
            long left = element.GetProperty("elem").GetProperty("expires").GetInt64();
            Assert.InRange(until.ToUnixTimeSeconds(), Clock(answer[0]) + left - 10, Clock(answer[2]) + left + 2);
        }

        static long Clock(string text) => long.Parse(text, CultureInfo.InvariantCulture);
    }
}
