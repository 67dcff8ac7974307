using RateWall.IntegrationTests.Machine;

namespace RateWall.IntegrationTests.Containers.Stories;

/// <summary>
/// The botnet: 300 addresses, each of which tries one password at imap and one at submission and then holds on. No source does
/// anything that could be counted against it. All the while ten users, known from earlier, read and send their mail. Dovecot
/// and postfix are real, and carry a hundred connections each, as they do by default.
/// </summary>
[Collection(StoryCollection.Name)]
public sealed class BotnetStoryTests(StoryHosts hosts) : IClassFixture<StoryHosts>
{
    private const int Imap = 143;
    private const int Submission = 587;

    // 60 of a hundred are the sign; then come all the others at once.
    private const int Vanguard = 65;
    private const int Everybody = 300;

    // A server waits five minutes for the next command (RFC 5321, 4.5.3.2.7), also when many are waiting for it.
    private const string Patient = "postconf -e smtpd_timeout=300s smtpd_hard_error_limit=20";
    private const int StrangersUnderSiege = 5;

    private static readonly string Protected = $$"""
        defaults:
          pressure: { for: 15s }
          siege: { connections: {{StrangersUnderSiege}}, per: 1h }
        services:
          imap: { capacity: 100 }
          submission: { capacity: 100 }
        """;

    private const string Unprotected = """
        defaults: { pressure: off }
        services:
          imap: { capacity: 100 }
          submission: { capacity: 100 }
        """;

    [ContainerFact]
    public void Botnet_FillingTheDaemons_MeetsASiegeThatKnownUsersPassEveryTimeAndThatEndsByItself()
    {
        Begin(Protected);

        Attack(hosts.Attackers.Bots(Vanguard), "vanguard");
        Eventually.True("imap and submission are under siege", TimeSpan.FromMinutes(2), () => hosts.IsUnderSiege(Imap) && hosts.IsUnderSiege(Submission), hosts.Seen);
        Attack(hosts.Attackers.Bots(Everybody).Skip(Vanguard), "rest");
        Eventually.True(
            "the others have knocked", TimeSpan.FromMinutes(2),
            () => Refused("imap") >= Everybody - Vanguard - StrangersUnderSiege && Refused("submission") >= Everybody - Vanguard - StrangersUnderSiege, hosts.Seen);
        hosts.Customers.AwaitRounds(3, hosts.Seen);

        // Whoever came before the siege still holds on; of the others only those came in whom all strangers together may be.
        foreach ((string service, int port) in new[] { ("imap", Imap), ("submission", Submission) })
        {
            Assert.InRange(Came("vanguard", service), Vanguard - 4, Vanguard);
            Assert.InRange(Came("vanguard", service) + Came("rest", service), Vanguard, Vanguard + StrangersUnderSiege);
            Assert.True(hosts.IsUnderSiege(port), $"{service} is not under siege");
        }

        // Nobody is banned for one wrong password.
        Assert.DoesNotContain("expires", hosts.Set("ban4") + hosts.Set("bannet4") + hosts.Set("banport4"), StringComparison.Ordinal);

        // RateWall is killed, the attackers leave, and the kernel ends the siege.
        hosts.Host.Exec("systemctl", "kill", "--signal", "KILL", "ratewall-follow.service").MustSucceed("systemctl kill");
        hosts.Host.Exec("systemctl", "stop", "ratewall-follow.service").MustSucceed("systemctl stop");
        hosts.Attackers.Leave();
        Eventually.True("the siege is over", TimeSpan.FromMinutes(2), () => !hosts.IsUnderSiege(Imap) && !hosts.IsUnderSiege(Submission), hosts.Seen);
        foreach (string stranger in hosts.Attackers.Bots(Everybody).Skip(Everybody - (2 * StrangersUnderSiege)))
            Assert.True(hosts.Attackers.CanConnect(stranger, Imap, seconds: 20), $"{stranger} is still refused");

        hosts.Customers.AwaitRounds(1, hosts.Seen);
        IReadOnlyList<string> answers = hosts.Customers.Enough();
        Assert.All(answers, a => Assert.Equal("ok", a));
    }

    [ContainerFact]
    public void Botnet_AllAtOnceBeforeAnySiege_GivesWayToKnownUsersEveryTime()
    {
        // The policy is as it comes, but for who may come in meanwhile. A mail program waits so long (mailnews.tcptimeout).
        Begin($"defaults: {{ siege: {{ connections: {StrangersUnderSiege}, per: 1h }} }}", customersWait: 100);

        Attack(hosts.Attackers.Bots(Everybody), "all");

        // Faster than anybody looks: the daemons are full first, and say so. Where they are slow to take what has come, the looks at
        // what is open tell it before them.
        Eventually.True("imap and submission are under siege", TimeSpan.FromMinutes(2), () => hosts.IsUnderSiege(Imap) && hosts.IsUnderSiege(Submission), hosts.Seen);
        Eventually.True(
            "submission was full", TimeSpan.FromMinutes(2),
            () => hosts.Logged("postfix@-.service", "has reached its process limit").Count > 0 || IsToldFull(), hosts.Seen);
        hosts.Customers.AwaitRounds(3, hosts.Seen);

        // Strangers made room; nobody is banned for one wrong password.
        Eventually.True("room was made at submission", TimeSpan.FromMinutes(2), IsToldFull, hosts.Seen);
        string[] bots = [.. hosts.Attackers.Bots(Everybody)];
        Assert.InRange(hosts.Connections(Submission).Count(c => bots.Contains(c, StringComparer.Ordinal)), 1, 90);
        Assert.DoesNotContain("expires", hosts.Set("ban4") + hosts.Set("bannet4") + hosts.Set("banport4"), StringComparison.Ordinal);
        Assert.All(hosts.Customers.Enough(), a => Assert.Equal("ok", a));
    }

    [ContainerFact]
    public void Botnet_WithSiegesOff_FillsTheDaemonsAndKeepsKnownUsersOut()
    {
        Begin(Unprotected);

        Attack(hosts.Attackers.Bots(Vanguard), "vanguard");
        Eventually.True("the vanguard is in", TimeSpan.FromMinutes(2), () => Came("vanguard", "submission") == Vanguard, hosts.Seen);
        Attack(hosts.Attackers.Bots(Everybody).Skip(Vanguard), "rest");
        Eventually.True(
            "the daemons are full", TimeSpan.FromMinutes(2),
            () => hosts.Logged("postfix@-.service", "has reached its process limit").Count > 0 && hosts.Logged("dovecot.service", "Connection queue full").Count > 0,
            hosts.Seen);

        Eventually.True(
            "a known user is kept out", TimeSpan.FromSeconds(150),
            () => hosts.Customers.Answers().Contains("error: no answer", StringComparer.Ordinal), hosts.Seen);
        Assert.InRange(hosts.Connections(Submission).Count, 100, Everybody);
        Assert.False(hosts.IsUnderSiege(Imap), "imap is under siege");
        Assert.False(hosts.IsUnderSiege(Submission), "submission is under siege");
    }

    // The users have logged in, and do so again and again; RateWall follows the journal and knows them.
    private void Begin(string policy, int customersWait = 30)
    {
        hosts.Begin(policy);
        hosts.Customers.Patience = customersWait;
        hosts.Host.Exec("sh", "-c", $"{Patient} && systemctl restart postfix").MustSucceed("postconf");
        hosts.Customers.Keep([.. StoryHosts.Users.SelectMany((user, i) => new[]
        {
            new Login("imap", hosts.Customers.AddressOf(i), hosts.Address, Imap, user, "correct"),
            new Login("smtp-plain", hosts.Customers.AddressOf(i), hosts.Address, Submission, user, "correct"),
        })]);
        hosts.Follow();
        Eventually.True("the users are known", TimeSpan.FromMinutes(2), () =>
        {
            string trusted = hosts.Set("trusted4_mail");
            return StoryHosts.Users.Select((_, i) => hosts.Customers.AddressOf(i)).All(a => trusted.Contains(a + " ", StringComparison.Ordinal));
        }, hosts.Seen);
    }

    private void Attack(IEnumerable<string> bots, string name)
    {
        hosts.Attackers.Hold($"{name}-imap", "imap-login", Imap, bots);
        hosts.Attackers.Hold($"{name}-submission", "smtp-plain", Submission, bots);
    }

    // How many were answered.
    private int Came(string name, string service) => hosts.Attackers.Count($"{name}-{service}", "open");

    private bool IsToldFull() => hosts.Logged("ratewall-follow.service", "submission is full").Count > 0;

    private int Refused(string service) => hosts.Counter($"{service}_siegedropped");
}
