using System.Globalization;
using RateWall.IntegrationTests.Machine;

namespace RateWall.IntegrationTests.Containers.Stories;

/// <summary>
/// A process per login: attackers open connections to a real dovecot's imap, each of which takes a process, until there are
/// more than the machine is to carry. `ratewall watch` climbs its ladder. Nothing else of RateWall may act here.
/// </summary>
[Collection(StoryCollection.Name)]
public sealed class ProcessPerLoginTests(StoryHosts hosts) : IClassFixture<StoryHosts>, IDisposable
{
    private const int Imap = 143;
    private const string LoginProcess = "imap-login";
    private const string Unit = "dovecot.service";
    private const int Act = 30;
    private const int Normal = 5;

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly WatchUnit watch = new(() => hosts.Host);

    private IReadOnlyList<string> Bots => hosts.Attackers.Bots(4);

    public void Dispose() => watch.Dispose();

    [ContainerFact]
    public void Culprits_OnTheBanRung_AreBannedAndDovecotGoesOn()
    {
        Begin("tell, ban");
        BobReadsHisMail();
        hosts.Follow();
        watch.Start();
        string run = watch.InvocationOf(Unit);

        Attack();

        Eventually.True("the culprits are banned", Patience, () => hosts.Set("ban4") is var bans && Bots.All(bot => bans.Contains(bot, StringComparison.Ordinal)), Seen);
        AwaitCalm();
        Assert.DoesNotContain(hosts.Connections(Imap), Bots.Contains);
        Eventually.True(
            "all that were open have ended", Patience, () => hosts.Attackers.Count("logins", "ended") >= hosts.Attackers.Count("logins", "open"), Seen);
        Assert.False(hosts.Attackers.CanConnect(Bots[0], Imap), "the banned attacker can connect");
        // On a busy machine their processes may take longer to end than a rung is given to work; then it is asked for again.
        Assert.Equal(["tell", "ban", "over"], Acts().Distinct(StringComparer.Ordinal), StringComparer.Ordinal);
        Assert.InRange(watch.ActsOn(Unit)[1].GetProperty("count").GetInt64(), Act, 60);
        Assert.Equal(run, watch.InvocationOf(Unit));
        AssertBobGotInEveryTime();
    }

    [ContainerFact]
    public void Dovecot_WithTheBanRungOff_IsRestartedOnce()
    {
        // So long that all of them are there: who came only to the next run of it would stay.
        Begin("tell, restart", pause: "15s");
        watch.Start();
        string run = watch.InvocationOf(Unit);

        Attack(40);

        Eventually.True("it is another run of dovecot", Patience, () => watch.InvocationOf(Unit) != run, Seen);
        AwaitCalm();
        Assert.Equal(["tell", "restart", "over"], Acts());
        Assert.Equal(40, hosts.Attackers.Count("logins", "ended"));
        AssertNobodyIsBanned();
        BobReadsHisMail();
        AssertBobGotInEveryTime();
    }

    [ContainerFact]
    public void Dovecot_Stopped_ComesBackByItselfWhenRateWallIsKilled()
    {
        Begin("tell, stop", stopFor: "40s", quiet: "10m");
        watch.Start(restarts: false);

        Attack();

        Eventually.True("dovecot is stopped", Patience, () => watch.StateOf(Unit) == "inactive", Seen);
        string timer = Assert.Single(watch.Timers());
        watch.Kill();
        Eventually.True("nothing of RateWall runs", Patience, () => hosts.Host.Exec("pgrep", "--list-full", "ratewall").Out.Length == 0, Seen);
        Eventually.True("dovecot is back", Patience, () => watch.StateOf(Unit) == "active", Seen);
        Assert.Empty(watch.Timers());
        AssertBefore($"Started {timer}", $"Stopping {Unit}");
        AssertNobodyIsBanned();
        BobReadsHisMail();
        AssertBobGotInEveryTime();

        // The next run sees what became of it, and does nothing about it.
        string run = watch.InvocationOf(Unit);
        watch.Start();
        Eventually.True("it is known to be back", Patience, () => Acts().Contains("back", StringComparer.Ordinal), Seen);
        Assert.Equal(["tell", "stop", "back"], Acts());
        Assert.Equal(run, watch.InvocationOf(Unit));
    }

    [ContainerFact]
    public void Dovecot_Stopped_IsStartedEarlierWhenAllIsQuiet()
    {
        Begin("tell, stop");
        watch.Start();

        Attack();

        Eventually.True("dovecot is stopped", Patience, () => Acts().Contains("stop", StringComparer.Ordinal), Seen);
        Eventually.True("dovecot is back", Patience, () => Acts().Contains("back", StringComparer.Ordinal), Seen);
        Assert.Equal(["tell", "stop", "start", "back"], Acts());
        Assert.Equal("active", watch.StateOf(Unit));
        Assert.Empty(watch.Timers());
        BobReadsHisMail();
        AssertBobGotInEveryTime();
    }

    [ContainerFact]
    public void WhatAStopTakesDown_AndWhatWouldUndoIt_ComeBackToo()
    {
        Begin("tell, stop", stopFor: "40s", quiet: "10m");
        watch.Install("webmail.service", $"[Unit]\nRequires={Unit}\nAfter={Unit}\n[Service]\nExecStart=sleep infinity\n");
        // Dovecot closes what it was not told to listen on, and systemd takes a socket that is closed for broken.
        watch.Install("dovecot.socket.d/one.conf", $"[Socket]\nListenStream=\nListenStream=0.0.0.0:{Imap.ToString(CultureInfo.InvariantCulture)}\n");
        hosts.Host.Exec("systemctl", "stop", Unit).MustSucceed("systemctl stop");
        hosts.Host.Exec("systemctl", "start", "dovecot.socket", Unit, "webmail.service").MustSucceed("systemctl start");
        string[] all = [Unit, "dovecot.socket", "webmail.service"];
        Assert.Equal("active active active", watch.StatesOf(all));
        watch.Start(restarts: false);

        Attack();

        Eventually.True("all are stopped", Patience, () => watch.StatesOf(all) is "inactive inactive inactive", Seen);
        watch.Kill();
        // The socket would have started it.
        Assert.False(hosts.Attackers.CanConnect("203.0.113.200", Imap), "something listens");
        Eventually.True("all are back", Patience, () => watch.StatesOf(all) is "active active active", Seen);
        BobReadsHisMail();
        AssertBobGotInEveryTime();
    }

    [ContainerFact]
    public void Processes_WithTheLadderAtTell_StayAsManyAsTheyAre()
    {
        Begin("tell");
        watch.Start();
        string run = watch.InvocationOf(Unit);

        Attack();

        Eventually.True("it is told of", Patience, () => Acts() is ["tell"], Seen);
        Eventually.True("the journal has it", Patience, () => Told().Length > 0, Seen);
        Assert.Single(Told());
        // Four times as long as any rung would have waited for the one before it.
        Eventually.True("they have held on", Patience, () => OlderThan(16) == 40, Seen);
        Assert.Equal(["tell"], Acts());
        Assert.Equal(run, watch.InvocationOf(Unit));
        Assert.InRange(hosts.Processes(LoginProcess), 40, 45);
        Assert.Equal(40, hosts.Connections(Imap).Count(Bots.Contains));
        AssertNobodyIsBanned();

        string[] Told() => [.. watch.Journal().Where(l => l.Contains(Unit, StringComparison.Ordinal) && l.Contains("too many", StringComparison.Ordinal))];
    }

    private void Begin(string ladder, string stopFor = "1d", string quiet = "2s", string pause = "4s")
    {
        hosts.Begin($$"""
            services:
              imap: { holders: off, pressure: off }
            watch: { interval: 1s }
            units:
              dovecot: { enabled: false }
              pop3_login: { enabled: false }
              imap_login: { unit: {{Unit}}, process: {{LoginProcess}}, services: [imap], warn: {{Act}}, act: {{Act}}, normal: {{Normal}}, after: 1s, quiet: {{quiet}}, pause: {{pause}}, stop-for: {{stopFor}}, ladder: [{{ladder}}] }
            """);
        watch.Begin();
    }

    // As many from each as its own limit lets through, and none says a word. On a busy machine the first may be acted upon before
    // the last are answered.
    private void Attack(int least = Act)
    {
        hosts.Attackers.Hold("logins", "silent", Imap, Bots, each: 10);
        Eventually.True("the attackers are there", Patience, () => hosts.Attackers.Count("logins", "open") >= least, Seen);
    }

    private void AwaitCalm()
    {
        Eventually.True("few processes are left", Patience, () => hosts.Processes(LoginProcess) <= Normal, Seen);
        Eventually.True("it is over", Patience, () => Acts().Contains("over", StringComparer.Ordinal), Seen);
    }

    private string[] Acts() => [.. watch.ActsOn(Unit).Select(a => a.GetProperty("act").GetString()!)];

    private void AssertNobodyIsBanned() =>
        Assert.DoesNotContain("203.0.113.", hosts.Set("ban4") + hosts.Set("bannet4") + hosts.Set("banport4"), StringComparison.Ordinal);

    private void AssertBefore(string first, string second)
    {
        string journal = hosts.Host.Exec("journalctl", "--no-pager", "--output", "cat", "_PID=1").MustSucceed("journalctl").Out;
        Assert.InRange(journal.IndexOf(first, StringComparison.Ordinal), 0, journal.LastIndexOf(second, StringComparison.Ordinal));
    }

    private void BobReadsHisMail() => hosts.Customers.Keep(new Login("imap", hosts.Customers.AddressOf(0), hosts.Address, Imap, "bob", "correct"));

    private void AssertBobGotInEveryTime()
    {
        hosts.Customers.AwaitRounds(1, Seen);
        IReadOnlyList<string> answers = hosts.Customers.Enough();
        Assert.NotEmpty(answers);
        Assert.Equal(["ok"], answers.Distinct(StringComparer.Ordinal), StringComparer.Ordinal);
    }

    private int OlderThan(int seconds) => hosts.OlderThan(seconds, LoginProcess);

    private string Seen() => $"{watch.Seen()}\n{hosts.Seen()}";
}
