using System.Text.Json;
using RateWall.IntegrationTests.Machine;

namespace RateWall.IntegrationTests.Containers.Stories;

/// <summary>
/// Named, then silent: attackers connect to a real dovecot's pop3, name a user, and then just hold on. No log ever tells of it,
/// and each of them takes a process. All the while bob reads his mail.
/// </summary>
[Collection(StoryCollection.Name)]
public sealed class HoldersStoryTests(StoryHosts hosts) : IClassFixture<StoryHosts>
{
    private const int Pop3 = 110;
    private const string LoginProcess = "pop3-login";
    private const string Eve = "203.0.113.9";

    private const string Protected = """
        services:
          pop3: { holders: { count: 5, for: 3s }, siege: { connections: 5, per: 1h } }
        """;

    private const string Unprotected = """
        services:
          pop3: { holders: off, pressure: off }
        """;

    [ContainerFact]
    public void OneSource_HoldingConnections_IsFoundByTheTimersRunAndItsProcessesEnd()
    {
        hosts.Begin(Protected);
        BobReadsHisMail();
        hosts.StartTimer();
        AwaitLook();

        hosts.Attackers.Hold("eve", "pop3-user", Pop3, [Eve], each: 12);

        AwaitBan(Eve);
        AssertNothingIsLeftOf([Eve]);
        Assert.False(hosts.Attackers.CanConnect(Eve, Pop3), "the banned attacker can connect");
        AssertNoFailureWasLogged("203.0.113.");
        JsonElement ban = Assert.Single(Trace(Eve));
        // A run may come while they open.
        Assert.Matches("^([5-9]|1[0-2]) connections held at pop3 for over 3s without a login$", ban.GetProperty("reason").GetString());
        AssertBobGotInEveryTime();
    }

    [ContainerFact]
    public void TwentySources_HoldingConnections_AreFoundByFollowingAndTheirProcessesEnd()
    {
        // Four each are 80. A hundred would fill dovecot, which then throws out whoever came first, before anybody else can.
        hosts.Begin(Protected.Replace("count: 5", "count: 4", StringComparison.Ordinal));
        BobReadsHisMail();
        hosts.Follow();
        AwaitLook();
        IReadOnlyList<string> bots = hosts.Attackers.Bots(20);

        hosts.Attackers.Hold("bots", "pop3-user", Pop3, bots, each: 4);

        foreach (string bot in bots) AwaitBan(bot);
        AssertNothingIsLeftOf(bots);
        AssertNoFailureWasLogged("203.0.113.");
        // Five of one network, and nobody of it ever logged in: all of it.
        Assert.Contains("203.0.113.0/24", hosts.Set("bannet4"), StringComparison.Ordinal);
        Assert.False(hosts.Attackers.CanConnect("203.0.113.99", Pop3), "another address of the attackers' network can connect");
        AssertBobGotInEveryTime();
    }

    [ContainerFact]
    public void TwentySources_HoldingFewerEach_MeetASiegeThatBobPasses()
    {
        hosts.Begin(Protected);
        BobReadsHisMail();
        hosts.Follow();
        AwaitLook();
        IReadOnlyList<string> bots = hosts.Attackers.Bots(20);

        // 80 of the 100 that dovecot carries; each source stays below what a person with several devices needs.
        hosts.Attackers.Hold("bots", "pop3-user", Pop3, bots, each: 4);
        Eventually.True("pop3 is under siege", TimeSpan.FromMinutes(2), () => hosts.IsUnderSiege(Pop3), hosts.Seen);
        Assert.True(hosts.IsUnderSiege(995), "pop3's other port is not under siege");
        hosts.Attackers.Hold("more", "pop3-user", Pop3, hosts.Attackers.Bots(80).Skip(20));
        hosts.Customers.AwaitRounds(3, hosts.Seen);

        // Strangers share five connections.
        Assert.InRange(hosts.Attackers.Count("more", "open"), 0, 5);
        Assert.InRange(hosts.Processes(LoginProcess), 80, 95);
        Assert.DoesNotContain("203.0.113.", hosts.Set("ban4"), StringComparison.Ordinal);
        AssertNoFailureWasLogged("203.0.113.");
        AssertBobGotInEveryTime();
    }

    [ContainerFact]
    public void Holders_WithTheirDetectionOff_StayAndKeepTheirProcesses()
    {
        hosts.Begin(Unprotected);
        BobReadsHisMail();
        hosts.StartTimer();
        AwaitLook();

        hosts.Attackers.Hold("eve", "pop3-user", Pop3, [Eve], each: 12);
        hosts.Attackers.Hold("bots", "pop3-user", Pop3, hosts.Attackers.Bots(20).Where(b => b != Eve), each: 4);

        // More than three times as long as it took to be called a holder.
        Eventually.True("they have held on for ten seconds", TimeSpan.FromMinutes(2), () => OlderThan(10) >= 88, hosts.Seen);
        var runs = new HashSet<string>(StringComparer.Ordinal);
        Eventually.True("three runs have looked at that", TimeSpan.FromMinutes(2), () => runs.Add(Run()) && runs.Count > 3, hosts.Seen);
        Assert.Equal(88, hosts.Connections(Pop3).Count(c => c.StartsWith("203.0.113.", StringComparison.Ordinal)));
        // On a busy machine bob's own takes as long.
        Assert.InRange(OlderThan(10), 88, 89);
        Assert.False(hosts.IsUnderSiege(Pop3), "pop3 is under siege");
        Assert.DoesNotContain("203.0.113.", hosts.Set("ban4") + hosts.Set("bannet4") + hosts.Set("banport4"), StringComparison.Ordinal);
        Assert.True(hosts.Attackers.CanConnect(Eve, Pop3, seconds: 20), "the attacker cannot connect");
    }

    private void BobReadsHisMail() => hosts.Customers.Keep(new Login("pop3", hosts.Customers.AddressOf(0), hosts.Address, Pop3, "bob", "correct"));

    private void AwaitLook()
    {
        // Who was there before the first look is never judged, and nobody is before it is known that logins are read.
        Eventually.True(
            "bob's login was read", TimeSpan.FromMinutes(2), () => hosts.Set("trusted4_mail").Contains(hosts.Customers.AddressOf(0), StringComparison.Ordinal), hosts.Seen);
    }

    private void AwaitBan(string source) => Eventually.True($"{source} is banned", TimeSpan.FromMinutes(2), () => Trace(source).Count > 0, hosts.Seen);

    private void AssertNothingIsLeftOf(IReadOnlyList<string> sources)
    {
        // A banned source's sockets are destroyed, not left to the daemon's own three minutes.
        Eventually.True("no connection of theirs is left", TimeSpan.FromSeconds(90), () => !hosts.Connections(Pop3).Intersect(sources, StringComparer.Ordinal).Any(), hosts.Seen);
        Eventually.True("their login processes have ended", TimeSpan.FromMinutes(2), () => hosts.Processes(LoginProcess) <= 1, hosts.Seen);
    }

    // What dovecot says when it is over is that nobody tried anything.
    private void AssertNoFailureWasLogged(string sources) =>
        Assert.All(hosts.Logged("dovecot.service", sources), l => Assert.Contains("(no auth attempts", l, StringComparison.Ordinal));

    private void AssertBobGotInEveryTime()
    {
        hosts.Customers.AwaitRounds(1, hosts.Seen);
        IReadOnlyList<string> answers = hosts.Customers.Enough();
        Assert.True(answers.Count >= 3, $"bob tried {answers.Count} times only");
        Assert.All(answers, a => Assert.Equal("ok", a));
    }

    private IReadOnlyList<JsonElement> Trace(string source) => [.. hosts.Host.Ask("trace", source).GetProperty("bans").EnumerateArray()];

    private int OlderThan(int seconds) => hosts.OlderThan(seconds, LoginProcess);

    private string Run() => hosts.Host.Exec("systemctl", "show", "-P", "InvocationID", "ratewall-correlate.service").MustSucceed("systemctl show").Out;
}
