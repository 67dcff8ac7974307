using System.Text.Json;
using System.Text.RegularExpressions;
using RateWall.IntegrationTests.Correlate;
using RateWall.IntegrationTests.Machine;

namespace RateWall.IntegrationTests.Commands;

/// <summary>Somebody else changes the wall, or takes it away: `plan` shows it, `correlate` mends it.</summary>
public sealed partial class DriftTests : IDisposable
{
    private readonly NetworkNamespace network = new();
    private readonly RateWallProgram ratewall;
    private readonly string policy;

    public DriftTests()
    {
        ratewall = new(network);
        policy = File.ReadAllText(ratewall.ConfigFile);
        Write("allow: [192.0.2.0/28, 2001:db8:a::/48]\n");
    }

    public void Dispose()
    {
        ratewall.Dispose();
        network.Dispose();
    }

    [LinuxFact]
    public void Correlate_AnyPartOfTheWallLost_MendsItWithWhatRemainsAndSaysSoInOneLine()
    {
        File.WriteAllText(ratewall.LogFile, new SshLog(DateTimeOffset.UtcNow.AddMinutes(-2)).Success("198.51.100.200", 0).Text);
        ratewall.Run("apply").MustSucceed("apply");
        ratewall.Run("ban", "203.0.113.7", "--for", "1h").MustSucceed("ban");
        ratewall.Run("ban", "2001:db8:7::1", "--for", "2h").MustSucceed("ban");
        ratewall.Run("ban", "198.51.100.0/26", "--for", "3h").MustSucceed("ban");
        ratewall.Run("correlate").MustSucceed("correlate");
        string whole = Frame();
        (string Changes, string[] Planned, string[] Told)[] losses =
        [
            ($"delete rule inet ratewall early handle {FirstRule("early")}", ["ip saddr @ban4 goto banned"], ["1 line of its rules had been changed"]),
            (
                "add rule inet ratewall early tcp dport 22 accept; delete element inet ratewall allow4 { 192.0.2.0/28 }",
                ["tcp dport 22 accept", "+allow4 192.0.2.0/28"], ["1 line of its rules", "the allow list had been changed"]),
            (
                "delete element inet ratewall ban4 { 203.0.113.7 }; delete element inet ratewall bannet4 { 198.51.100.0/26 }; delete element inet ratewall trusted4_ssh { 198.51.100.200 }",
                ["+ban 203.0.113.7 until ", "+ban 198.51.100.0/26 until ", "+1 trusted source of the history"],
                ["2 bans and 1 trusted source put back"]),
            ("delete table inet ratewall", ["table inet ratewall"], ["it was gone; 3 bans and 1 trusted source put back"]),
        ];
        Dictionary<string, DateTimeOffset> deadlines = Deadlines();
        Assert.Equal(4, deadlines.Count);
        foreach ((string change, string[] planned, string[] told) in losses)
        {
            network.Nft(change);
            Answer plan = ratewall.Run("plan");
            Assert.Equal($"{change}: 1", $"{change}: {plan.ExitCode}");
            Assert.All(planned, p => Assert.Contains(p, plan.Out, StringComparison.Ordinal));
            Answer mended = ratewall.Run("correlate").MustSucceed($"correlate after {change}");
            string line = Assert.Single(mended.Error.TrimEnd().Split('\n'));
            Assert.StartsWith("ratewall: the wall was mended: ", line, StringComparison.Ordinal);
            Assert.All(told, t => Assert.Contains(t, line, StringComparison.Ordinal));
            Assert.Equal(whole, Frame());
            foreach ((string target, DateTimeOffset until) in Deadlines()) KernelDeadlines.AssertEnds(deadlines[target], until);
            Assert.Equal(deadlines.Count, Deadlines().Count);
        }

        ratewall.Run("plan").MustSucceed("plan");
    }

    [LinuxFact]
    public void Correlate_BanOfOneServiceLostAtOneOfItsPorts_PutsItBackWithWhatRemains()
    {
        ratewall.Run("apply").MustSucceed("apply");
        ratewall.Run("ban", "203.0.113.7", "--service", "imap", "--for", "1h").MustSucceed("ban");
        ratewall.Run("ban", "2001:db8:7::1", "--service", "imap", "--for", "2h").MustSucceed("ban");
        ratewall.Run("ban", "203.0.113.8", "--service", "imap", "--for", "1h").MustSucceed("ban");
        ratewall.Run("unban", "203.0.113.8").MustSucceed("unban");
        ratewall.Run("correlate").MustSucceed("correlate");
        DateTimeOffset first = KernelDeadlines.Of(network, "banport4")["203.0.113.7 . 993"], second = KernelDeadlines.Of(network, "banport6")["2001:db8:7:: . 143"];
        network.Nft("delete element inet ratewall banport4 { 203.0.113.7 . 993 }; flush set inet ratewall banport6");

        Answer plan = ratewall.Run("plan");
        Assert.Equal(1, plan.ExitCode);
        Assert.Contains("+ban 203.0.113.7 at imap until ", plan.Out, StringComparison.Ordinal);
        Assert.Equal("ratewall: the wall was mended: 2 bans put back", Mended());

        Assert.Equal(["203.0.113.7 . 143", "203.0.113.7 . 993"], KernelDeadlines.Of(network, "banport4").Keys.Order(StringComparer.Ordinal), StringComparer.Ordinal);
        Assert.Equal(["2001:db8:7:: . 143", "2001:db8:7:: . 993"], KernelDeadlines.Of(network, "banport6").Keys.Order(StringComparer.Ordinal), StringComparer.Ordinal);
        KernelDeadlines.AssertEnds(first, KernelDeadlines.Of(network, "banport4")["203.0.113.7 . 993"]);
        KernelDeadlines.AssertEnds(second, KernelDeadlines.Of(network, "banport6")["2001:db8:7:: . 143"]);
        ratewall.Run("plan").MustSucceed("plan");
    }

    [LinuxFact]
    public void Correlate_RulesetFlushed_PutsTheAppliedWallBackNotTheEditedPolicy()
    {
        ratewall.Run("apply").MustSucceed("apply");
        string whole = Frame();
        Write("allow: [203.0.113.0/24]\nservices: { imap: { enabled: false } }\n");
        network.Nft("flush ruleset");

        JsonElement run = ratewall.Json("correlate");

        Assert.Equal("the wall was mended: it was gone", run.GetProperty("mended").GetString());
        Assert.Equal(whole, Frame());
        Assert.Equal(1, ratewall.Run("plan").ExitCode);
        Assert.Equal(JsonValueKind.Null, ratewall.Json("correlate").GetProperty("mended").ValueKind);
    }

    [LinuxFact]
    public void Correlate_WallNeverAppliedOrRemoved_LeavesItAway()
    {
        Assert.Equal(4, ratewall.Run("correlate").ExitCode);
        ratewall.Run("apply").MustSucceed("apply");
        ratewall.Run("remove").MustSucceed("remove");

        Answer answer = ratewall.Run("correlate");

        Assert.Equal(4, answer.ExitCode);
        Assert.Contains("ratewall apply", answer.Error, StringComparison.Ordinal);
        Assert.Equal("", network.Nft("list", "ruleset"));
    }

    [LinuxFact("strace")]
    public void Correlate_NobodyTouchedTheRuleset_DoesNotReadIt()
    {
        ratewall.Run("apply").MustSucceed("apply");
        ratewall.Run("correlate").MustSucceed("correlate");
        Assert.Equal(0, RulesRead());
        network.Nft("add table ip other");
        Assert.True(RulesRead() > 0);
        Assert.Equal(0, RulesRead());
    }

    [LinuxFact("strace")]
    public void StatusAndApply_StandingWall_DumpNoSetOfBans()
    {
        ratewall.Run("apply").MustSucceed("apply");
        foreach (string verb in (string[])["status", "apply"])
        {
            string trace = ratewall.Scratch("trace");
            ratewall.Trace(["-f", "-qq", "-v", "-s", "4096", "-o", trace, "-e", "trace=sendto,sendmsg"], verb).MustSucceed(verb);
            string[] dumps = [.. File.ReadLines(trace).Where(l => l.Contains("GETSETELEM", StringComparison.Ordinal) && l.Contains("NLM_F_DUMP", StringComparison.Ordinal))];
            // strace shows names in attributes as bytes.
            Assert.Contains(dumps, l => l.Contains(Bytes("allow4"), StringComparison.Ordinal));
            Assert.DoesNotContain(dumps, l => l.Contains(Bytes("ban"), StringComparison.Ordinal) || l.Contains(Bytes("trusted4_"), StringComparison.Ordinal));
        }
    }

    [LinuxFact("strace")]
    public void Correlate_AfterAKilledApply_FinishesIt()
    {
        ratewall.Run("apply").MustSucceed("apply");
        ratewall.Run("ban", "203.0.113.7", "--for", "1h").MustSucceed("ban");
        network.Nft("flush ruleset");
        // Before the transaction: written down, not sent.
        Kill("apply", "sendmsg", 1);
        Assert.Equal("", network.Nft("list", "ruleset"));
        Assert.Contains("an 'apply' had been interrupted; 1 ban put back", Mended(), StringComparison.Ordinal);
        // After it: the table is there, its bans are not.
        network.Nft("flush ruleset");
        Kill("apply", "rename", 3);
        network.Nft("flush set inet ratewall ban4");
        Assert.Contains("an 'apply' had been interrupted; 1 ban put back", Mended(), StringComparison.Ordinal);
        Assert.Contains("203.0.113.7", network.Nft("list", "set", "inet", "ratewall", "ban4"), StringComparison.Ordinal);
        ratewall.Run("plan").MustSucceed("plan");

        // A removal that was killed is not undone.
        Kill("remove", "sendmsg", 1);
        ratewall.Run("correlate").MustSucceed("correlate");
        network.Nft("flush ruleset");
        Assert.Equal(4, ratewall.Run("correlate").ExitCode);
    }

    [LinuxFact]
    public void Apply_LostElementsOrANewSet_PutsTheHistoryBack()
    {
        File.WriteAllText(ratewall.LogFile, new SshLog(DateTimeOffset.UtcNow.AddMinutes(-2)).Success("198.51.100.200", 0).Text);
        Write("services: { ssh: { enabled: false }, sieve: { enabled: false } }\n");
        ratewall.Run("apply").MustSucceed("apply");
        ratewall.Run("ban", "203.0.113.7", "--for", "1h").MustSucceed("ban");
        Write("");
        ratewall.Run("correlate").MustSucceed("correlate");
        DateTimeOffset until = KernelDeadlines.Of(network, "ban4")["203.0.113.7"];
        network.Nft("delete element inet ratewall ban4 { 203.0.113.7 }");

        Assert.Contains("1 ban and 1 trusted source put back", ratewall.Run("apply").MustSucceed("apply").Out, StringComparison.Ordinal);

        Assert.Contains("198.51.100.200", network.Nft("list", "set", "inet", "ratewall", "trusted4_ssh"), StringComparison.Ordinal);
        KernelDeadlines.AssertEnds(until, KernelDeadlines.Of(network, "ban4")["203.0.113.7"]);
        Assert.Contains("nothing was changed", ratewall.Run("apply").MustSucceed("apply").Out, StringComparison.Ordinal);
    }

    [LinuxFact]
    public void Apply_LostWallAndLessRoom_LetsTheRestWaitForIt()
    {
        ratewall.Run("apply").MustSucceed("apply");
        for (int host = 1; host <= 3; host++) ratewall.Run("ban", $"203.0.113.{host}", "--for", "1h").MustSucceed("ban");
        Write("bans: { size: 2 }\n");
        network.Nft("flush ruleset");
        Assert.Contains("1 bans found no room", ratewall.Run("apply").MustSucceed("apply").Error, StringComparison.Ordinal);
        Assert.Equal(2, ratewall.Json("status").GetProperty("bans").GetProperty("active").GetInt64());
        ratewall.Run("plan").MustSucceed("plan");
        Write("");
        ratewall.Run("apply").MustSucceed("apply");
        ratewall.Run("correlate").MustSucceed("correlate");
        Assert.Equal(3, KernelDeadlines.Of(network, "ban4").Count);
    }

    private void Write(string more) => File.WriteAllText(ratewall.ConfigFile, policy + more);

    private string Mended()
    {
        Answer answer = ratewall.Run("correlate").MustSucceed("correlate");
        return Assert.Single(answer.Error.TrimEnd().Split('\n'));
    }

    private void Kill(string verb, string call, int occurrence)
    {
        Answer killed = ratewall.Trace(["-f", "-qq", "-o", "/dev/null", "-e", $"trace={call}", "-e", $"inject={call}:signal=KILL:when={occurrence}"], verb);
        Assert.NotEqual(0, killed.ExitCode);
    }

    private int RulesRead()
    {
        string trace = ratewall.Scratch("trace");
        ratewall.Trace(["-f", "-qq", "-o", trace, "-e", "trace=sendto,sendmsg"], "correlate").MustSucceed("correlate");
        return File.ReadLines(trace).Count(l => l.Contains("NFT_MSG_GETRULE", StringComparison.Ordinal));
    }

    private static string Bytes(string text) => string.Concat(text.Select(c => $"\\x{(int)c:x2}"));

    private string FirstRule(string chain) =>
        RuleHandle().Match(network.Nft("-a", "list", "chain", "inet", "ratewall", chain)).Groups["handle"].Value;

    // Everything but bans and trusted sources, whose remaining time changes, and in an order that mending may change.
    private string Frame() => string.Join('\n', network.Nft("-s", "-t", "list", "ruleset").Split('\n').Order(StringComparer.Ordinal))
        + network.Nft("list", "set", "inet", "ratewall", "allow4") + network.Nft("list", "set", "inet", "ratewall", "allow6")
        + network.Nft("list", "set", "inet", "ratewall", "byhost6");

    private Dictionary<string, DateTimeOffset> Deadlines() =>
        ((string[])["ban4", "ban6", "bannet4", "trusted4_ssh"]).SelectMany(s => KernelDeadlines.Of(network, s)).ToDictionary(StringComparer.Ordinal);

    [GeneratedRegex(@"\n\t\t(?!type )[^\n]* # handle (?<handle>\d+)\n", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex RuleHandle();
}
