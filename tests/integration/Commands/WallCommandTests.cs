using System.Text.Json;
using RateWall.IntegrationTests.Machine;

namespace RateWall.IntegrationTests.Commands;

/// <summary>The real program: the verbs about the wall as a whole, and what they answer.</summary>
public sealed class WallCommandTests : IDisposable
{
    private readonly NetworkNamespace network = new();
    private readonly RateWallProgram ratewall;

    public WallCommandTests() => ratewall = new(network);

    public void Dispose()
    {
        ratewall.Dispose();
        network.Dispose();
    }

    [LinuxFact]
    public void Apply_Twice_ChangesNothingAndKeepsEveryDeadline()
    {
        Assert.True(Changed(ratewall.Json("apply")));
        ratewall.Run("ban", "203.0.113.7", "--for", "1h").MustSucceed("ban");
        ratewall.Run("ban", "198.51.100.0/24", "--for", "2h").MustSucceed("ban");
        string before = network.Nft("-a", "-s", "list", "ruleset");
        Assert.False(Changed(ratewall.Json("apply")));
        Assert.Equal(before, network.Nft("-a", "-s", "list", "ruleset"));
        Assert.Matches(@"203\.0\.113\.7 .*timeout 1h expires 59m\d", network.Nft("list", "set", "inet", "ratewall", "ban4"));
        Assert.Matches(@"198\.51\.100\.0/24 .*timeout 2h expires 1h59m\d", network.Nft("list", "set", "inet", "ratewall", "bannet4"));
    }

    [LinuxFact]
    public void Apply_Check_ChangesNothing()
    {
        ratewall.Run("apply", "--check").MustSucceed("apply --check");
        Assert.Equal("", network.Nft("list", "ruleset"));
    }

    [LinuxFact]
    public void Apply_AfterTheWallWasLost_RestoresBansWithWhatRemains()
    {
        ratewall.Run("apply").MustSucceed("apply");
        ratewall.Run("ban", "203.0.113.7", "--for", "1h").MustSucceed("ban");
        ratewall.Run("ban", "2001:db8:7::1", "--for", "1h").MustSucceed("ban");
        ratewall.Run("ban", "203.0.113.8", "--for", "1h").MustSucceed("ban");
        ratewall.Run("unban", "203.0.113.8").MustSucceed("unban");
        network.Nft("flush ruleset");
        ratewall.Run("apply").MustSucceed("apply");
        string bans = network.Nft("list", "table", "inet", "ratewall");
        Assert.Matches(@"203\.0\.113\.7 .*expires 59m\d", bans);
        Assert.Matches(@"2001:db8:7:: .*expires 59m\d", bans);
        Assert.DoesNotContain("203.0.113.8", bans, StringComparison.Ordinal);
    }

    [LinuxFact("strace")]
    public void Apply_KilledBeforeItsBansAreBack_IsMadeGoodByTheNext()
    {
        ratewall.Run("apply").MustSucceed("apply");
        ratewall.Run("ban", "203.0.113.7", "--for", "1h").MustSucceed("ban");
        network.Nft("flush ruleset");
        Answer killed = ratewall.Trace(
            ["-f", "-qq", "-o", "/dev/null", "-e", "trace=rename", "-e", "inject=rename:signal=KILL:when=3"], "apply");
        Assert.NotEqual(0, killed.ExitCode);
        Assert.Contains("table inet ratewall", network.Nft("list", "ruleset"), StringComparison.Ordinal);
        network.Nft("flush", "set", "inet", "ratewall", "ban4");
        ratewall.Run("apply").MustSucceed("apply");
        Assert.Contains("203.0.113.7", network.Nft("list", "set", "inet", "ratewall", "ban4"), StringComparison.Ordinal);
    }

    [LinuxFact]
    public void Plan_BeforeAndAfterApplyAndDrift_AnswersWithItsExitCode()
    {
        Assert.Equal(1, ratewall.Run("plan").ExitCode);
        ratewall.Run("apply").MustSucceed("apply");
        Assert.Equal(0, ratewall.Run("plan").ExitCode);
        network.Nft("add rule inet ratewall early tcp dport 22 accept");
        Answer plan = ratewall.Run("plan", "--format", "json");
        Assert.Equal(1, plan.ExitCode);
        JsonElement form = JsonDocument.Parse(plan.Out).RootElement;
        Assert.Equal("ratewall.plan/1", form.GetProperty("schema").GetString());
        Assert.Contains(form.GetProperty("changes").EnumerateArray(), l => l.GetString()!.Contains("tcp dport 22 accept", StringComparison.Ordinal));
        Assert.True(ratewall.Json("status").GetProperty("wall").GetProperty("drift").GetBoolean());
    }

    [LinuxFact]
    public void Plan_Full_IsTheRulesetThatNftAccepts()
    {
        network.NftLoad(ratewall.Run("plan", "--full").MustSucceed("plan --full").Out);
        Assert.Contains("ssh_v4_h6", network.Nft("list", "sets"), StringComparison.Ordinal);
    }

    [LinuxFact]
    public void Status_FreshWall_HasThePromisedForm()
    {
        JsonElement absent = ratewall.Json("status");
        Assert.False(absent.GetProperty("wall").GetProperty("present").GetBoolean());
        ratewall.Run("apply").MustSucceed("apply");
        ratewall.Run("ban", "203.0.113.7").MustSucceed("ban");
        JsonElement form = ratewall.Json("status");
        Assert.Equal("ratewall.status/1", form.GetProperty("schema").GetString());
        Assert.True(form.GetProperty("wall").GetProperty("present").GetBoolean());
        Assert.False(form.GetProperty("wall").GetProperty("drift").GetBoolean());
        Assert.Equal(1, form.GetProperty("bans").GetProperty("active").GetInt64());
        JsonElement ssh = form.GetProperty("services").EnumerateArray().Single(s => s.GetProperty("name").GetString() == "ssh");
        Assert.Equal(22, ssh.GetProperty("ports")[0].GetInt32());
        foreach (string counter in (string[])["passed", "limited", "overflow", "banned"]) Assert.Equal(0, ssh.GetProperty(counter).GetInt64());
    }

    [LinuxFact]
    public void Remove_StandingWall_TakesItAwayAndKeepsTheHistory()
    {
        ratewall.Run("apply").MustSucceed("apply");
        ratewall.Run("ban", "203.0.113.7", "--for", "1h").MustSucceed("ban");
        Assert.True(Changed(ratewall.Json("remove")));
        Assert.Equal("", network.Nft("list", "ruleset"));
        Assert.False(Changed(ratewall.Json("remove")));
        Assert.Single(ratewall.Json("list").GetProperty("bans").EnumerateArray());
        Assert.Contains("bans: none in force; 'ratewall apply' brings back 1\n", ratewall.Run("status").MustSucceed("status").Out, StringComparison.Ordinal);
    }

    [LinuxFact]
    public void Clear_BansThatNoHistoryKnows_AreGoneToo()
    {
        ratewall.Run("apply").MustSucceed("apply");
        ratewall.Run("ban", "203.0.113.7").MustSucceed("ban");
        ratewall.Run("ban", "2001:db8:8::/48").MustSucceed("ban");
        network.Nft("add element inet ratewall ban4 { 203.0.113.99 timeout 1h }");
        ratewall.Run("clear", "--yes").MustSucceed("clear");
        string table = network.Nft("list", "table", "inet", "ratewall");
        Assert.DoesNotContain("203.0.113", table, StringComparison.Ordinal);
        Assert.DoesNotContain("2001:db8:8", table, StringComparison.Ordinal);
        Assert.Empty(ratewall.Json("list").GetProperty("bans").EnumerateArray());
    }

    [LinuxFact]
    public void Unban_AddressInsideABannedNetwork_SaysSoAndSplitsNothing()
    {
        ratewall.Run("apply").MustSucceed("apply");
        ratewall.Run("ban", "198.51.100.0/24", "--for", "1h").MustSucceed("ban");
        Answer answer = ratewall.Run("unban", "198.51.100.9");
        Assert.Equal(1, answer.ExitCode);
        Assert.Contains("198.51.100.0/24", answer.Out, StringComparison.Ordinal);
        Assert.Contains("198.51.100.0/24", network.Nft("list", "set", "inet", "ratewall", "bannet4"), StringComparison.Ordinal);
    }

    [LinuxFact]
    public void Ban_TheClientOfTheSshSession_IsRefused()
    {
        ratewall.Run("apply").MustSucceed("apply");
        Answer answer = ratewall.RunWith(
            new Dictionary<string, string?>(StringComparer.Ordinal) { ["SSH_CONNECTION"] = "203.0.113.5 40000 192.0.2.1 22" }, "ban", "203.0.113.0/24");
        Assert.Equal(2, answer.ExitCode);
        Assert.Contains("203.0.113.5", answer.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("203.0.113", network.Nft("list", "table", "inet", "ratewall"), StringComparison.Ordinal);
    }

    [LinuxTheory]
    [InlineData("203.0.113.5", "203.0.113.5")]
    [InlineData("203.0.113.0/24", "203.0.113.5")]
    [InlineData("2001:db8:7::/64", "2001:db8:7::5")]
    public void Apply_RestoringABanOfTheSshClient_IsRefusedAndNamesTheLine(string banned, string client)
    {
        ratewall.Run("apply").MustSucceed("apply");
        ratewall.Run("ban", banned, "--for", "1h").MustSucceed("ban");
        ratewall.Run("remove").MustSucceed("remove");
        File.AppendAllText(ratewall.ConfigFile, "allow: [192.0.2.200]\n");
        Answer refused = ApplyFrom(client);
        Assert.Equal(2, refused.ExitCode);
        Assert.Contains($"{ratewall.ConfigFile}:2:", refused.Error, StringComparison.Ordinal);
        Assert.Contains(client, refused.Error, StringComparison.Ordinal);
        Assert.Contains($"ratewall unban {banned}", refused.Error, StringComparison.Ordinal);
        Assert.Equal("", network.Nft("list", "ruleset"));

        ApplyFrom("203.0.114.5").MustSucceed("apply from elsewhere");
        ratewall.Run("remove").MustSucceed("remove");
        ratewall.Run("unban", banned).MustSucceed("unban");
        ApplyFrom(client).MustSucceed("apply after the remedy");
    }

    [LinuxFact]
    public void Apply_TakingTheSshClientOffTheAllowList_IsRefusedWhileItsNetworkIsBanned()
    {
        string policy = File.ReadAllText(ratewall.ConfigFile);
        File.AppendAllText(ratewall.ConfigFile, "allow: [203.0.113.5]\n");
        ratewall.Run("apply").MustSucceed("apply");
        ratewall.Run("ban", "203.0.113.0/24", "--for", "1h", "--force").MustSucceed("ban");
        string before = network.Nft("-s", "list", "ruleset");
        File.WriteAllText(ratewall.ConfigFile, policy);
        Answer refused = ApplyFrom("203.0.113.5");
        Assert.Equal(2, refused.ExitCode);
        Assert.StartsWith("ratewall: built-in: 'allow' does not hold 203.0.113.5", refused.Error, StringComparison.Ordinal);
        Assert.Equal(before, network.Nft("-s", "list", "ruleset"));
        ApplyFrom("203.0.114.5").MustSucceed("apply from elsewhere");
    }

    [LinuxTheory]
    [InlineData(false)]
    [InlineData(true)]
    public void Apply_TakingTheSshClientOffTheAllowList_IsRefusedWhileSshIsInLockdown(bool lost)
    {
        string policy = File.ReadAllText(ratewall.ConfigFile);
        File.AppendAllText(ratewall.ConfigFile, "allow: [203.0.113.5]\n");
        ratewall.Run("apply").MustSucceed("apply");
        ratewall.Run("lockdown", "imap", "--for", "1h").MustSucceed("lockdown");
        ratewall.Run("lockdown", "ssh", "--for", "1h", "--except", "192.0.2.0/24", "--trusted").MustSucceed("lockdown");
        File.WriteAllText(ratewall.ConfigFile, policy);
        if (lost) network.Nft("delete", "table", "inet", "ratewall");
        string before = network.Nft("-s", "list", "ruleset");

        Answer refused = ApplyFrom("203.0.113.5");

        Assert.Equal(2, refused.ExitCode);
        Assert.StartsWith("ratewall: built-in: 'allow' does not hold 203.0.113.5", refused.Error, StringComparison.Ordinal);
        Assert.Contains("ssh is in lockdown until ", refused.Error, StringComparison.Ordinal);
        Assert.Equal(before, network.Nft("-s", "list", "ruleset"));
        ApplyFrom("192.0.2.9").MustSucceed("apply from an exception");
        network.Nft("add element inet ratewall trusted4_ssh { 203.0.113.5 timeout 1h }");
        ApplyFrom("203.0.113.5").MustSucceed("apply of one who is trusted");
        network.Nft("flush set inet ratewall trusted4_ssh");
        Assert.Equal(2, ApplyFrom("203.0.113.5").ExitCode);
        ratewall.Run("lockdown", "ssh", "--end").MustSucceed("lockdown --end");
        ApplyFrom("203.0.113.5").MustSucceed("apply after the remedy");
    }

    private Answer ApplyFrom(string client) => ratewall.RunWith(
        new Dictionary<string, string?>(StringComparer.Ordinal) { ["SSH_CONNECTION"] = $"{client} 40000 192.0.2.1 22" }, "apply");

    [LinuxFact]
    public void Ban_BehindSudo_StillFindsTheSshClient()
    {
        ratewall.Run("apply").MustSucceed("apply");
        // As sudo does: the parent has the variable, the child has not.
        Answer answer = ratewall.RunUnder(
            "env", ["SSH_CONNECTION=203.0.113.5 40000 192.0.2.1 22", "sh", "-c", "env -u SSH_CONNECTION \"$@\"; exit $?", "sh"], "ban", "203.0.113.5");
        Assert.Equal(2, answer.ExitCode);
        Assert.Contains("ssh session", answer.Error, StringComparison.Ordinal);
    }

    [LinuxFact("setpriv")]
    public void Apply_WithoutCapability_SaysSoWithCodeThree()
    {
        Answer answer = ratewall.RunUnder("setpriv", ["--bounding-set=-net_admin", "--inh-caps=-net_admin"], "plan");
        Assert.Equal(3, answer.ExitCode);
        Assert.Contains("CAP_NET_ADMIN", answer.Error, StringComparison.Ordinal);
        Assert.Single(answer.Error.TrimEnd().Split('\n'));
    }

    [LinuxFact("strace")]
    public void Apply_KernelWithoutNftables_SaysSoWithCodeFour()
    {
        Answer answer = ratewall.Trace(
            ["-f", "-o", "/dev/null", "-e", "trace=socket", "-e", "inject=socket:error=EPROTONOSUPPORT"], "plan");
        Assert.Equal(4, answer.ExitCode);
        Assert.Contains("nfnetlink", answer.Error, StringComparison.Ordinal);
        Assert.Single(answer.Error.TrimEnd().Split('\n'));
    }

    [LinuxTheory]
    [InlineData("services: { shh: { enabled: false } }", "ssh")]
    [InlineData("services: { ssh: { limit: { mode: windw } } }", "window")]
    [InlineData("allow: [0.0.0.0/0]", "0.0.0.0/0")]
    [InlineData("bans: { first: 10 }", "10s")]
    public void Apply_WrongPolicy_LeavesTheWallAndNamesThePlace(string policy, string told)
    {
        ratewall.Run("apply").MustSucceed("apply");
        string before = network.Nft("-a", "list", "ruleset");
        File.WriteAllText(ratewall.ConfigFile, policy + "\n");
        foreach (string verb in (string[])["apply", "check", "correlate"])
        {
            Answer answer = ratewall.Run(verb);
            Assert.Equal(2, answer.ExitCode);
            Assert.Contains($"{ratewall.ConfigFile}:1:", answer.Error, StringComparison.Ordinal);
            Assert.Contains(told, answer.Error, StringComparison.Ordinal);
        }

        Assert.Equal(before, network.Nft("-a", "list", "ruleset"));
    }

    private static bool Changed(JsonElement form)
    {
        Assert.Equal("ratewall.change/1", form.GetProperty("schema").GetString());
        return form.GetProperty("changed").GetBoolean();
    }
}
