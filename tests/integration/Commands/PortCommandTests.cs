using System.Text.Json;
using RateWall.IntegrationTests.Machine;
using RateWall.IntegrationTests.Wall;

namespace RateWall.IntegrationTests.Commands;

/// <summary>The real program: siege, lockdown and bans of one service, seen by real connections.</summary>
public sealed class PortCommandTests : IDisposable
{
    // Behind the router; the client's own address is this host's gateway, which is never banned.
    private const string Source4 = "198.51.100.7";
    private const string Source6 = "2001:db8:2:7::1";

    private readonly TwoHosts hosts = new(143, 22);
    private readonly RateWallProgram ratewall;

    public PortCommandTests()
    {
        ratewall = new(hosts.Server);
        hosts.AddClientAddress(Source4 + "/32");
        hosts.AddClientAddress(Source6 + "/128");
        Policy("siege: { connections: 2, per: 1h }");
        ratewall.Run("apply").MustSucceed("apply");
    }

    public void Dispose()
    {
        ratewall.Dispose();
        hosts.Dispose();
    }

    [LinuxFact]
    public void Siege_BegunMovedAndEnded_HoldsStrangersInBetween()
    {
        Assert.Contains("share 2 new connections per 1h", ratewall.Run("siege", "imap", "--for", "1h").MustSucceed("siege").Out, StringComparison.Ordinal);
        Assert.Equal("++-", hosts.Tries(TwoHosts.Client4, 143, 3));
        Assert.Equal("+++", hosts.Tries(TwoHosts.Client4, 22, 3));
        Assert.Contains("siege: imap, ", ratewall.Run("status").MustSucceed("status").Out, StringComparison.Ordinal);
        JsonElement item = ratewall.Json("siege", "imap", "--for", "30m").GetProperty("items")[0];
        Assert.Equal(("imap", "moved"), (item.GetProperty("target").GetString(), item.GetProperty("action").GetString()));
        // The deadline moves inwards too.
        JsonElement siege = Service("imap").GetProperty("siege");
        Assert.InRange(siege.GetProperty("remaining_s").GetInt64(), 1700, 1800);
        Assert.Matches("143 timeout 30m expires 29m", Set("siege"));
        Assert.Equal((2, 1), (Service("imap").GetProperty("siege_passed").GetInt64(), Service("imap").GetProperty("siege_dropped").GetInt64()));
        ratewall.Run("siege", "imap", "--end").MustSucceed("siege --end");
        Assert.Equal("+++", hosts.Tries(TwoHosts.Client4, 143, 3));
        Assert.Equal(1, ratewall.Run("siege", "imap", "--end").ExitCode);
    }

    [LinuxFact]
    public void Lockdown_BegunSaidAnewAndEnded_LetsInWhoIsNamed()
    {
        Assert.Contains("nobody", ratewall.Run("lockdown", "imap", "--for", "2h").MustSucceed("lockdown").Out, StringComparison.Ordinal);
        Assert.Equal("-", hosts.Tries(TwoHosts.Client4, 143, 1));
        Assert.Equal("-", hosts.Tries(TwoHosts.Client6, 143, 1));
        ratewall.Run("lockdown", "imap", "--for", "1h", "--except", "192.0.2.0/24,203.0.113.0/24", "--except", "2001:db8:9::/48", "--trusted").MustSucceed("lockdown");
        Assert.Equal("+", hosts.Tries(TwoHosts.Client4, 143, 1));
        Assert.Equal("-", hosts.Tries(TwoHosts.Client6, 143, 1));
        JsonElement lockdown = Service("imap").GetProperty("lockdown");
        Assert.Equal("[\"192.0.2.0/24\",\"203.0.113.0/24\",\"2001:db8:9::/48\"]", lockdown.GetProperty("except").GetRawText());
        Assert.True(lockdown.GetProperty("trusted").GetBoolean());
        Assert.InRange(lockdown.GetProperty("remaining_s").GetInt64(), 3500, 3600);
        Assert.Equal(3, Service("imap").GetProperty("locked").GetInt64());
        hosts.Server.Nft("add element inet ratewall trusted6_mail { 2001:db8:1::2 timeout 1h }");
        Assert.Equal("+", hosts.Tries(TwoHosts.Client6, 143, 1));
        Assert.Contains("lockdown: imap, ", ratewall.Run("status").MustSucceed("status").Out, StringComparison.Ordinal);
        ratewall.Run("lockdown", "imap", "--end").MustSucceed("lockdown --end");
        Assert.Equal("+", hosts.Tries(TwoHosts.Client6, 143, 1));
        Assert.Equal(1, ratewall.Run("lockdown", "imap", "--end").ExitCode);
    }

    [LinuxFact]
    public void Lockdown_OfTheWayTheOperatorCameIn_ExceptsHimAndSaysSo()
    {
        foreach ((string service, int cameInBy, bool excepted) in ((string, int, bool)[])[("ssh", 22, true), ("ssh", 2222, true), ("imap", 143, true), ("imap", 22, false)])
        {
            var session = new Dictionary<string, string?>(StringComparer.Ordinal) { ["SSH_CONNECTION"] = $"192.0.2.2 40000 192.0.2.1 {cameInBy}" };
            Answer answer = ratewall.RunWith(session, "lockdown", service, "--for", "1h").MustSucceed("lockdown");
            Assert.Equal(excepted, answer.Out.Contains("192.0.2.2, the client of your ssh session", StringComparison.Ordinal));
            int port = service == "ssh" ? 22 : 143;
            Assert.Equal(excepted ? "+" : "-", hosts.Tries(TwoHosts.Client4, port, 1));
            Assert.Equal("-", hosts.Tries(TwoHosts.Client6, port, 1));
        }
    }

    [LinuxFact]
    public void All_SiegeAndLockdown_AreOfEveryService()
    {
        ratewall.Run("siege", "all", "--for", "1h").MustSucceed("siege");
        ratewall.Run("lockdown", "ssh", "imap", "--for", "1h").MustSucceed("lockdown");
        Assert.Equal("-", hosts.Tries(TwoHosts.Client4, 22, 1));
        JsonElement[] services = [.. ratewall.Json("status").GetProperty("services").EnumerateArray()];
        Assert.All(services, s => Assert.Equal(JsonValueKind.Object, s.GetProperty("siege").ValueKind));
        Assert.Equal("ssh imap", string.Join(' ', services.Where(s => s.GetProperty("lockdown").ValueKind == JsonValueKind.Object).Select(s => s.GetProperty("name").GetString())));
    }

    [LinuxFact]
    public void Ban_AtOneService_ClosesThatServiceAlone()
    {
        JsonElement banned = ratewall.Json("ban", Source4, "--service", "imap", "--for", "1h").GetProperty("items")[0];
        Assert.Equal((Source4, "banned"), (banned.GetProperty("target").GetString(), banned.GetProperty("action").GetString()));
        ratewall.Run("ban", Source6, "--service", "imap", "--for", "1h").MustSucceed("ban");
        foreach (string source in (string[])[Source4, Source6])
        {
            Assert.Equal("-", hosts.Tries(source, 143, 1));
            Assert.Equal("+", hosts.Tries(source, 22, 1));
        }

        Assert.All(ratewall.Json("list").GetProperty("bans").EnumerateArray(), b => Assert.Equal("imap", b.GetProperty("scope").GetString()));
        Assert.Contains($"{Source4} at imap  ", ratewall.Run("trace", Source4).Out, StringComparison.Ordinal);
        Assert.Equal("shortened", ratewall.Json("ban", Source4, "--service", "imap", "--for", "30m").GetProperty("items")[0].GetProperty("action").GetString());
        Assert.Matches(@"198\.51\.100\.7 \. 993 .*timeout 30m expires 29m", Set("banport4"));

        Assert.Equal(1, ratewall.Run("unban", Source4, "--service", "ssh").ExitCode);
        Assert.Equal("-", hosts.Tries(Source4, 143, 1));
        ratewall.Run("unban", Source4, "--service", "imap").MustSucceed("unban --service");
        Assert.Equal("+", hosts.Tries(Source4, 143, 1));
        ratewall.Run("unban", Source6).MustSucceed("unban");
        Assert.Equal("+", hosts.Tries(Source6, 143, 1));
        Assert.Empty(ratewall.Json("list").GetProperty("bans").EnumerateArray());
    }

    [LinuxFact]
    public void Unban_AtOneServiceOfSomebodyBannedEverywhere_SaysSo()
    {
        ratewall.Run("ban", "203.0.113.7", "--for", "1h").MustSucceed("ban");
        ratewall.Run("ban", "203.0.113.7", "--service", "imap", "--for", "2h").MustSucceed("ban");
        Answer answer = ratewall.Run("unban", "203.0.113.7", "--service", "imap");
        Assert.Equal(1, answer.ExitCode);
        Assert.Contains("203.0.113.7 is unbanned at imap", answer.Out, StringComparison.Ordinal);
        Assert.Contains("'ratewall unban 203.0.113.7'", answer.Out, StringComparison.Ordinal);
        Assert.Contains("203.0.113.7", Set("ban4"), StringComparison.Ordinal);
        Assert.DoesNotContain("203.0.113.7", Set("banport4"), StringComparison.Ordinal);
        ratewall.Run("ban", "203.0.113.7", "--service", "imap", "--for", "2h").MustSucceed("ban");
        ratewall.Run("clear", "--yes").MustSucceed("clear");
        Assert.DoesNotContain("203.0.113.7", Set("banport4"), StringComparison.Ordinal);
    }

    [LinuxFact]
    public void Apply_AfterTheWallWasLost_RestoresWhatIsOnPortsWithWhatRemains()
    {
        ratewall.Run("siege", "imap", "--for", "1h").MustSucceed("siege");
        ratewall.Run("siege", "pop3", "--for", "1h").MustSucceed("siege");
        ratewall.Run("siege", "pop3", "--end").MustSucceed("siege --end");
        ratewall.Run("lockdown", "ssh", "--for", "2h", "--except", "198.51.100.0/24", "--trusted").MustSucceed("lockdown");
        ratewall.Run("ban", "203.0.113.7", "--service", "imap", "--for", "3h").MustSucceed("ban");
        hosts.Server.Nft("flush ruleset");
        Assert.Contains("siege of imap, lockdown of ssh", ratewall.Run("apply").MustSucceed("apply").Out, StringComparison.Ordinal);
        AssertRestored();
        hosts.Server.Nft("flush set inet ratewall siege");
        hosts.Server.Nft("flush set inet ratewall lockdown_except4");
        Answer plan = ratewall.Run("plan");
        Assert.Equal(1, plan.ExitCode);
        Assert.Contains("+siege imap until", plan.Out, StringComparison.Ordinal);
        Assert.Contains("+lockdown ssh until", plan.Out, StringComparison.Ordinal);
        Assert.Contains("siege of imap, lockdown of ssh", ratewall.Run("correlate").MustSucceed("correlate").Error, StringComparison.Ordinal);
        AssertRestored();
        Assert.Equal("", ratewall.Run("correlate").MustSucceed("correlate").Error);
        Assert.Equal(0, ratewall.Run("plan").ExitCode);

        void AssertRestored()
        {
            Assert.Matches("143 timeout .* expires 59m", Set("siege"));
            Assert.DoesNotContain("110", Set("siege"), StringComparison.Ordinal);
            Assert.Matches("22 timeout .* expires 1h59m", Set("lockdown"));
            Assert.Matches("22 timeout .* expires 1h59m", Set("lockdown_trusted"));
            Assert.Matches(@"22 \. 198\.51\.100\.0/24 timeout .* expires 2h", Set("lockdown_except4"));
            Assert.Matches(@"203\.0\.113\.7 \. 143 .*expires 2h59m", Set("banport4"));
            Assert.DoesNotContain("203.0.113.7", Set("ban4"), StringComparison.Ordinal);
        }
    }

    [LinuxFact]
    public void Apply_OtherPolicy_KeepsWhatIsOnPortsAndFollowsTheService()
    {
        ratewall.Run("siege", "imap", "--for", "1h").MustSucceed("siege");
        ratewall.Run("lockdown", "imap", "--for", "1h", "--except", "198.51.100.0/24").MustSucceed("lockdown");
        ratewall.Run("ban", Source4, "--service", "imap", "--for", "3h").MustSucceed("ban");
        Assert.Equal("-", hosts.Tries(Source4, 143, 1));
        string counted = Element("banport4", $"{Source4} . 143");
        Assert.Matches("packets [1-9]", counted);
        Policy("siege: { connections: 3, per: 1h }", "imap: { ports: [143, 1143] }");
        ratewall.Run("apply").MustSucceed("apply");
        Assert.Equal(counted, Element("banport4", $"{Source4} . 143"));
        Assert.Contains($"{Source4} . 1143 ", Set("banport4"), StringComparison.Ordinal);
        foreach (string set in (string[])["siege", "lockdown", "lockdown_except4"])
        {
            Assert.Matches(@"\b1143 ", Set(set));
            Assert.Matches(@"\b143 ", Set(set));
            Assert.DoesNotContain("993", Set(set), StringComparison.Ordinal);
        }

        // The source, its port and its counter, without what counts down.
        string Element(string set, string key) => System.Text.RegularExpressions.Regex.Match(
            Set(set), $@"{System.Text.RegularExpressions.Regex.Escape(key)} counter packets \d+ bytes \d+ timeout \w+",
            System.Text.RegularExpressions.RegexOptions.None, TimeSpan.FromSeconds(1)).Value;
    }

    [LinuxFact]
    public void Unban_AddressInsideAPrefixBan_NamesItAndSplitsNothing()
    {
        (string Prefix, string Inside)[] cases = [("198.51.100.0/24", Source4), ("2001:db8:2::/48", Source6)];
        foreach ((string prefix, string inside) in cases)
        {
            Assert.Equal("+", hosts.Tries(inside, 143, 1));
            ratewall.Run("ban", prefix, "--for", "1h").MustSucceed("ban");
            Assert.Equal("-", hosts.Tries(inside, 143, 1));
            AssertNamed(prefix, inside);
            Assert.Equal("-", hosts.Tries(inside, 143, 1));
        }

        // Without a wall it is the history that knows.
        ratewall.Run("remove").MustSucceed("remove");
        foreach ((string prefix, string inside) in cases) AssertNamed(prefix, inside);
        ratewall.Run("apply").MustSucceed("apply");
        foreach ((string prefix, string inside) in cases)
        {
            Assert.Equal("-", hosts.Tries(inside, 143, 1));
            ratewall.Run("unban", prefix).MustSucceed("unban");
            Assert.Equal("+", hosts.Tries(inside, 143, 1));
        }

        void AssertNamed(string prefix, string inside)
        {
            Answer answer = ratewall.Run("unban", inside);
            Assert.Equal(1, answer.ExitCode);
            Assert.Contains($"'ratewall unban {prefix}' ends that one for all of it", answer.Out, StringComparison.Ordinal);
        }
    }

    [LinuxFact]
    public void Ports_WithoutAWall_AreRefusedAndCanBeEnded()
    {
        ratewall.Run("lockdown", "imap", "--for", "1h").MustSucceed("lockdown");
        ratewall.Run("remove").MustSucceed("remove");
        foreach (string verb in (string[])["siege", "lockdown"]) Assert.Equal(4, ratewall.Run(verb, "imap", "--for", "1h").ExitCode);
        ratewall.Run("lockdown", "imap", "--end").MustSucceed("lockdown --end");
        ratewall.Run("apply").MustSucceed("apply");
        Assert.Equal("+", hosts.Tries(TwoHosts.Client4, 143, 1));
    }

    private void Policy(string defaults, string services = "") => File.WriteAllText(
        ratewall.ConfigFile,
        $"defaults: {{ log: {{ file: {ratewall.LogFile} }}, {defaults} }}\nservices: {{ ssh: {{ limit: off }}, {services} }}\n");

    private string Set(string name) => hosts.Server.Nft("list", "set", "inet", "ratewall", name);

    private JsonElement Service(string name) =>
        ratewall.Json("status").GetProperty("services").EnumerateArray().Single(s => s.GetProperty("name").GetString() == name);
}
