using System.Net.Sockets;
using System.Text.Json;
using RateWall.IntegrationTests.Correlate;
using RateWall.IntegrationTests.Machine;
using RateWall.IntegrationTests.Wall;

namespace RateWall.IntegrationTests.Commands;

public sealed class WhyTests : IDisposable
{
    private readonly NetworkNamespace network = new();
    private readonly RateWallProgram program;

    public WhyTests() => program = new(network);

    public void Dispose()
    {
        program.Dispose();
        network.Dispose();
    }

    [LinuxFact]
    public void Why_ConnectionThatNobodyHasLookedAt_IsOfUnknownAge()
    {
        using var hosts = new TwoHosts(143);
        using RateWallProgram fresh = new(hosts.Server);
        fresh.Run("apply").MustSucceed("apply");
        // There is a state, and no run of correlate has ever made its key for names.
        fresh.Run("ban", "203.0.113.7", "--for", "1h").MustSucceed("ban");
        using Socket held = hosts.Connect(TwoHosts.Client4, 143)!;
        JsonElement connection = Assert.Single(fresh.Json("why", TwoHosts.Client4).GetProperty("connections").EnumerateArray());
        Assert.Equal(("imap", "unknown"), (Text(connection, "service"), Text(connection, "login")));
    }

    [LinuxFact("setpriv")]
    public void Why_SourceWithAPast_TellsBansTrustCountsAndWhatIsMissing()
    {
        File.WriteAllText(program.ConfigFile, $"allow: [203.0.113.0/24]\ndefaults: {{ log: {{ file: {program.LogFile} }} }}\n");
        program.Run("apply").MustSucceed("apply");
        SshLog log = new(DateTimeOffset.UtcNow.AddMinutes(-2));
        log.Failures("192.0.2.7", 6, 0).Failures("192.0.2.8", 4, 10).Success("192.0.2.9", 20);
        File.WriteAllText(program.LogFile, log.Text);
        program.Run("correlate").MustSucceed("correlate");
        program.Run("ban", "198.51.100.0/24", "--for", "1h").MustSucceed("ban");
        program.Run("ban", "192.0.2.8", "--service", "imap", "--for", "1h").MustSucceed("ban");
        program.Run("siege", "ssh", "--for", "1h").MustSucceed("siege");
        program.Run("lockdown", "pop3", "--for", "1h").MustSucceed("lockdown");

        JsonElement banned = Assert.Single(Why("192.0.2.7").GetProperty("bans").EnumerateArray());
        Assert.Equal(("192.0.2.7", "all", true), (Text(banned, "target"), Text(banned, "scope"), banned.GetProperty("in_kernel").GetBoolean()));
        Assert.InRange(banned.GetProperty("remaining_s").GetInt64(), 400, 500);

        JsonElement near = Why("192.0.2.8");
        Assert.Equal("imap", Text(Assert.Single(near.GetProperty("bans").EnumerateArray()), "scope"));
        JsonElement count = near.GetProperty("counts").EnumerateArray().Single(c => Text(c, "detection") == "failures");
        Assert.Equal(("ssh", 4, 6, 600, 600), (Text(count, "service"), Int(count, "count"), Int(count, "threshold"), Int(count, "within_s"), Int(count, "ban_s")));
        Assert.Equal("192.0.2.8", Text(count, "subject"));
        JsonElement account = near.GetProperty("counts").EnumerateArray().Single(c => Text(c, "detection") == "account");
        Assert.Equal((2, 10, 3600, 600), (Int(account, "count"), Int(account, "threshold"), Int(account, "within_s"), Int(account, "ban_s")));
        Assert.StartsWith("account.", Text(account, "subject"), StringComparison.Ordinal);
        // One of them offended, and somebody who logged in keeps the network from being banned.
        JsonElement prefix = near.GetProperty("counts").EnumerateArray().Single(c => Text(c, "detection") == "prefix");
        Assert.Equal((1, 5, "192.0.2.0/24", JsonValueKind.Null), (Int(prefix, "count"), Int(prefix, "threshold"), Text(prefix, "subject"), prefix.GetProperty("ban_s").ValueKind));
        Assert.Matches("ssh +prefix +192.0.2.0/24 +1 +5 +1h +4 +no further ban", program.Run("why", "192.0.2.8").Out);
        Assert.Matches("ssh +account +who tried one account +2 +10 +1h +8 +a ban for 10m", program.Run("why", "192.0.2.8").Out);
        Assert.Empty(near.GetProperty("connections").EnumerateArray());
        Assert.Contains("'ratewall unban 192.0.2.8 --service imap'", program.Run("why", "192.0.2.8").Out, StringComparison.Ordinal);

        JsonElement trusted = Why("192.0.2.9");
        Assert.Equal("ssh", Text(Assert.Single(trusted.GetProperty("trusted").EnumerateArray()), "family"));
        Assert.Equal(("bucket", 60, JsonValueKind.Null), (Text(Limit(trusted, "ssh"), "mode"), Int(Limit(trusted, "ssh"), "connections"), Limit(trusted, "ssh").GetProperty("siege_until").ValueKind));
        Assert.Equal(JsonValueKind.String, Limit(near, "ssh").GetProperty("siege_until").ValueKind);
        Assert.Equal(JsonValueKind.String, Limit(near, "pop3").GetProperty("locked_until").ValueKind);

        Assert.Equal("198.51.100.0/24", Text(Assert.Single(Why("198.51.100.20").GetProperty("bans").EnumerateArray()), "target"));
        Assert.Equal("on the allow list", Text(Why("203.0.113.5").GetProperty("exempt"), "reason"));
        Assert.Equal("2001:db8:1:2::/64", Text(Why("2001:db8:1:2::3"), "key"));
        Assert.Equal(2, program.Run("why", "192.0.2.0/24").ExitCode);

        Answer nobody = program.RunUnder("setpriv", ["--bounding-set=-all", "--inh-caps=-all"], "why", "192.0.2.7").MustSucceed("why without capabilities");
        Assert.Contains("missing: what the kernel knows", nobody.Out, StringComparison.Ordinal);
        Assert.Contains("6 failures at ssh", nobody.Out, StringComparison.Ordinal);
    }

    [LinuxFact]
    public void Why_StrangerBesideOffenders_TellsWhatItsNetworkCounts()
    {
        program.Run("apply").MustSucceed("apply");
        SshLog log = new(DateTimeOffset.UtcNow.AddMinutes(-2));
        for (int i = 1; i < 4; i++) log.Failures($"198.51.100.{i}", 6, 10 * i);
        log.Failures("198.51.100.9", 3, 40);
        File.WriteAllText(program.LogFile, log.Text);
        program.Run("correlate").MustSucceed("correlate");

        JsonElement prefix = Assert.Single(Why("198.51.100.77").GetProperty("counts").EnumerateArray());
        Assert.Equal(
            ("prefix", "198.51.100.0/24", 3, 5, 3600), (Text(prefix, "detection"), Text(prefix, "subject"), Int(prefix, "count"), Int(prefix, "threshold"), Int(prefix, "ban_s")));
        // It tried nothing, so it is none of those who tried the account.
        Assert.Equal(4, Int(Why("198.51.100.9").GetProperty("counts").EnumerateArray().Single(c => Text(c, "detection") == "account"), "count"));
    }

    [LinuxFact]
    public void Why_SourceThatConnects_TellsWhatTheLimitCounts()
    {
        program.Run("apply").MustSucceed("apply");
        // What three SYNs would leave; the limit's own tests send them.
        for (int i = 1; i <= 3; i++) network.Nft("add", "element", "inet", "ratewall", $"ssh_v4_h{i}", "{ 192.0.2.7 }");
        JsonElement limit = Limit(Why("192.0.2.7"), "ssh");
        Assert.Equal(("window", 6, 60, 3), (Text(limit, "mode"), Int(limit, "connections"), Int(limit, "per_s"), Int(limit, "counted")));
        Assert.Matches("ssh +window 6 in 1m +3 +3", program.Run("why", "192.0.2.7").Out);
        Assert.Equal(0, Int(Limit(Why("192.0.2.8"), "ssh"), "counted"));
    }

    private JsonElement Why(string address) => program.Json("why", address);

    private static JsonElement Limit(JsonElement why, string service) => why.GetProperty("limits").EnumerateArray().Single(l => Text(l, "service") == service);

    private static string? Text(JsonElement json, string name) => json.GetProperty(name).GetString();

    private static int Int(JsonElement json, string name) => json.GetProperty(name).GetInt32();
}
