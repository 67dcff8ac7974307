using RateWall.IntegrationTests.Correlate;
using RateWall.IntegrationTests.Machine;

namespace RateWall.IntegrationTests.Commands;

/// <summary>The real program: bans by hand, seen in the kernel.</summary>
public sealed class BanCommandTests : IDisposable
{
    private readonly NetworkNamespace network = new();
    private readonly RateWallProgram ratewall;

    public BanCommandTests() => ratewall = new(network);

    public void Dispose()
    {
        ratewall.Dispose();
        network.Dispose();
    }

    [LinuxFact]
    public void Ban_Again_MovesTheKernelsDeadlineBothWays()
    {
        ratewall.Run("apply").MustSucceed("apply");
        (string Target, string Set, string Key)[] cases =
        [
            ("203.0.113.7", "ban4", "203.0.113.7"), ("198.51.100.0/24", "bannet4", "198.51.100.0/24"),
            ("2001:db8:7::1", "ban6", "2001:db8:7::"), ("2001:db8:8::/48", "bannet6", "2001:db8:8::/48"),
        ];
        foreach ((string target, string set, string key) in cases)
        {
            foreach ((int hours, string action) in ((int, string)[])[(2, "banned"), (3, "extended"), (1, "shortened")])
            {
                Assert.Equal(action, ratewall.Json("ban", target, "--for", $"{hours}h").GetProperty("items")[0].GetProperty("action").GetString());
                KernelDeadlines.AssertEnds(DateTimeOffset.UtcNow.AddHours(hours), KernelDeadlines.Of(network, set)[key]);
            }
        }

        // The history says so too: what it gives back to a lost wall is the operator's last word.
        Assert.All(ratewall.Json("list").GetProperty("bans").EnumerateArray(), b => Assert.InRange(b.GetProperty("remaining_s").GetInt64(), 3300, 3600));
        network.Nft("flush ruleset");
        ratewall.Run("apply").MustSucceed("apply");
        foreach ((string _, string set, string key) in cases)
            Assert.InRange((KernelDeadlines.Of(network, set)[key] - DateTimeOffset.UtcNow).TotalSeconds, 3300, 3600);
    }

    [LinuxFact]
    public void Ban_PrefixThatOverlapsAnOwnAddress_IsRefused()
    {
        network.Ip("addr", "add", "192.0.2.1/24", "dev", "lo");
        network.AddAddress("2001:db8:1::1/64", "lo");
        ratewall.Run("apply").MustSucceed("apply");
        foreach (string target in (string[])["192.0.2.1", "192.0.2.0/30", "192.0.0.0/16", "2001:db8:1::1", "2001:db8:1::/64", "2001:db8::/32"])
        {
            Answer answer = ratewall.Run("ban", target);
            Assert.Equal(2, answer.ExitCode);
            Assert.Matches(@"(192\.0\.2\.1|2001:db8:1::1) is an address of this host \(lo\)", answer.Error);
        }

        Assert.Empty(ratewall.Json("list").GetProperty("bans").EnumerateArray());
        foreach (string set in (string[])["ban4", "ban6", "bannet4", "bannet6"]) Assert.Empty(KernelDeadlines.Of(network, set));
        // Beside it a ban is possible.
        ratewall.Run("ban", "192.0.2.4/30").MustSucceed("ban");
    }

    [LinuxFact]
    public void Ports_WrongUse_EndsWithTwoAndOneSentence()
    {
        File.WriteAllText(ratewall.ConfigFile, $"defaults: {{ log: {{ file: {ratewall.LogFile} }} }}\nservices: {{ sieve: {{ enabled: false }} }}\n");
        (string Line, string Told)[] cases =
        [
            ("siege imap", "say how long"),
            ("siege imap --for 1h --end", "exclude each other"),
            ("siege imap --for 31d", "1s to 30d"),
            ("siege imp --for 1h", "did you mean 'imap'?"),
            ("lockdown imap --for x", "is not a duration"),
            ("lockdown imap --for 1h --except 0.0.0.0/0", "let everybody in"),
            ("lockdown imap --for 1h --except nowhere", "is not an address or network"),
            ("lockdown sieve --for 1h", "is not enabled"),
            ("ban 203.0.113.0/24 --service imap", "only single addresses"),
            ("ban 203.0.113.7 --service imp", "did you mean 'imap'?"),
            ("ban 127.0.0.1 --service imap", "never banned"),
        ];
        foreach ((string line, string told) in cases)
        {
            Answer answer = ratewall.Run(line.Split(' '));
            Assert.Equal(2, answer.ExitCode);
            Assert.Contains(told, Assert.Single(answer.Error.TrimEnd().Split('\n')), StringComparison.Ordinal);
        }
    }
}
