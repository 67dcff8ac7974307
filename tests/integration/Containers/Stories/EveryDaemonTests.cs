using System.Globalization;
using System.Text.Json;
using RateWall.Detection;
using RateWall.IntegrationTests.Machine;
using Xunit.Abstractions;

namespace RateWall.IntegrationTests.Containers.Stories;

/// <summary>Every daemon of the machine is guessed at, five passwords a second each, while its customer goes on working.</summary>
[Collection(ContainerCollection.Name)]
public sealed class EveryDaemonTests(MailServer server, ITestOutputHelper output) : IClassFixture<MailServer>
{
    private const int PerSecond = 5;
    private const int InFlight = 5;
    private const string Run = "ratewall-correlate.service";

    // The coarsest stamp of a daemon's log: the failure came within this second.
    private static readonly TimeSpan Stamp = TimeSpan.FromSeconds(1);

    [ContainerFact]
    public void Attacker_FiveTriesASecondAtEachDaemon_IsOutWithinHisThresholdAndOneRunOfTheTimer()
    {
        Container host = server.Host;
        host.Protect(MailServer.Policy());
        string begin = host.JournalEnd();
        StartTimer(host);
        Assert.Empty(server.CustomerRefused());
        Eventually.True(
            "the customer is known", TimeSpan.FromMinutes(2),
            () => ((string[])["ssh", "ftp", "mail"]).All(f => host.Exec("nft", "list", "set", "inet", "ratewall", $"trusted4_{f}").Out.Contains(server.Customer.Address, StringComparison.Ordinal)), host.Journal);

        AttackUntilBanned(host);

        Assert.Empty(server.CustomerRefused());
        // Not one of them is answered any more.
        Login[] again = server.WrongPasswords(0, MailServer.Doors, rounds: 1);
        Assert.All(server.Attacker.TryLogins(again, together: again.Length, patience: 3), answer => Assert.StartsWith("error: no ", answer, StringComparison.Ordinal));
        StopTimer(host);
        AssertInTime(host, begin);
    }

    [ContainerFact]
    public void Attacker_FailuresSwitchedOff_GoesOnAndOn()
    {
        Container host = server.Host;
        StopTimer(host);
        host.Protect(MailServer.Policy(", failures: off, limit: off"));
        Login[] attack = server.WrongPasswords(1, MailServer.Doors, rounds: 12);

        server.Attacker.TryLogins(attack, together: InFlight * MailServer.Doors.Count, patience: 60);

        IReadOnlyList<Seen> failures = Failures(host, attack: 1);
        Assert.All(MailServer.Doors, door => Assert.InRange(failures.Where(f => f.Source == server.Against(1, door)).Sum(f => f.Count), Threshold(door), int.MaxValue));
        JsonElement run = host.Correlate();
        Assert.InRange(run.GetProperty("attempts").GetInt32(), failures.Sum(f => f.Count), int.MaxValue);
        Assert.Equal(0, run.GetProperty("bans").GetInt32());
        Assert.All(server.Attacker.TryLogins(attack[..MailServer.Doors.Count], together: 4, patience: 60), answer => Assert.Equal("refused", answer));
    }

    private static void StartTimer(Container host)
    {
        // The shipped units as they are, but for PID 1's word when a run begins and ends.
        host.Exec("mkdir", "-p", $"/run/systemd/system/{Run}.d").MustSucceed("mkdir");
        host.Write($"/run/systemd/system/{Run}.d/tell.conf", "[Service]\nLogLevelMax=info\n");
        host.Exec("systemctl", "daemon-reload").MustSucceed("systemctl daemon-reload");
        string period = host.Exec("systemctl", "show", "-P", "TimersMonotonic", "ratewall-correlate.timer").Out;
        Assert.Contains("OnUnitInactiveUSec=15s", period, StringComparison.Ordinal);
        host.StartUnit("ratewall-correlate.timer");
    }

    private static void StopTimer(Container host)
    {
        host.Exec("systemctl", "stop", "ratewall-correlate.timer").MustSucceed("systemctl stop");
        Eventually.True("no run is under way", TimeSpan.FromMinutes(2), () => host.Exec("systemctl", "is-active", Run).Out == "inactive\n", host.Journal);
    }

    private void AttackUntilBanned(Container host)
    {
        Door[] left = [.. MailServer.Doors];
        Eventually.True("every attacker is banned", TimeSpan.FromMinutes(4), () =>
        {
            Task<IReadOnlyList<string>> meanwhile = Task.Run(server.CustomerRefused);
            server.Attacker.TryLogins(server.WrongPasswords(0, left, rounds: 5 * PerSecond), together: InFlight * left.Length, pace: PerSecond * left.Length, patience: 5);
            Assert.Empty(meanwhile.GetAwaiter().GetResult());
            HashSet<string> banned = [.. host.Bans().Select(b => b.GetProperty("target").GetString()!)];
            left = [.. left.Where(d => !banned.Contains(server.Against(0, d)))];
            return left.Length == 0;
        }, () => $"not banned: {string.Join(", ", left.Select(d => $"{d.Daemon} {d.Port}"))}\n{host.Journal()}");
    }

    /// <summary>
    /// By the daemons' logs and the journal's times: the first run of the timer that began after the failure that was one too
    /// many has banned, if not the one before it, and after its end comes no more than was under way.
    /// </summary>
    private void AssertInTime(Container host, string begin)
    {
        IReadOnlyList<UnitEntry> entries = host.UnitEntries(begin, Run);
        Dictionary<string, DateTimeOffset> begins = Times(e => e.Begins), ends = Times(e => e.IsDone);
        IReadOnlyList<Seen> failures = Failures(host, attack: 0);
        var problems = new List<string>();
        foreach (Door door in MailServer.Doors)
        {
            string source = server.Against(0, door);
            DateTimeOffset[] failed = [.. failures.Where(f => f.Source == source).SelectMany(f => Enumerable.Repeat(f.At, f.Count)).Order()];
            Assert.InRange(failed.Length, Threshold(door), int.MaxValue);
            DateTimeOffset reached = failed[Threshold(door) - 1];
            UnitEntry ban = Assert.Single(entries, e => e.Message.StartsWith($"banned {source} for ", StringComparison.Ordinal));
            DateTimeOffset banned = ends[ban.Invocation];
            int missed = begins.Values.Count(at => at > reached + Stamp && at < begins[ban.Invocation]);
            int late = failed.Count(at => at > banned);
            output.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{door.Daemon} {door.Port}: {failed.Length} failures logged from {source}, number {Threshold(door)} {(banned - reached).TotalSeconds:0.0} s before the ban, {late} after it"));
            if (missed > 0 || late > InFlight) problems.Add($"{door.Daemon} {door.Port}: {missed} runs before that of the ban, {late} failures after it");
        }

        Assert.True(problems.Count == 0, string.Join('\n', problems));

        Dictionary<string, DateTimeOffset> Times(Func<UnitEntry, bool> which) => entries.Where(which).ToDictionary(e => e.Invocation, e => e.At, StringComparer.Ordinal);
    }

    private IReadOnlyList<Seen> Failures(Container host, int attack)
    {
        HashSet<string> sources = [.. MailServer.Doors.Select(d => server.Against(attack, d))];
        // As the policy reads them: these two from files of their own, and from there only.
        return
        [
            .. HostLogs.Journal(host, s => s.Daemon is not ("vsftpd" or "exim"))
                .Concat(HostLogs.File(host, "/var/log/vsftpd.log", "vsftpd"))
                .Concat(HostLogs.File(host, "/var/log/exim4/mainlog", "exim"))
                .Where(s => s.Kind is AttemptKind.Failure or AttemptKind.Invalid && s.Source is not null && sources.Contains(s.Source)),
        ];
    }

    private static int Threshold(Door door) => door.Service is "ssh" or "sieve" ? 6 : 10;
}
