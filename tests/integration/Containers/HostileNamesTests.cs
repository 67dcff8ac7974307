using System.Text.Json;
using RateWall.Detection;
using RateWall.IntegrationTests.Machine;

namespace RateWall.IntegrationTests.Containers;

/// <summary>Real daemons, asked over their real protocols by clients whose names look like log lines; what they wrote is read.</summary>
[Collection(ContainerCollection.Name)]
public sealed class HostileNamesTests(DaemonHost daemons) : IClassFixture<DaemonHost>
{
    private static readonly IReadOnlyList<Door> Doors = DaemonHost.Doors;

    // Their own logs: vsftpd's syslog has PAM's lines alone. Exim writes every refusal once to its own and twice to a syslog.
    private static readonly Dictionary<string, string> OwnLogs = new(StringComparer.Ordinal)
    {
        ["vsftpd"] = "/var/log/vsftpd.log",
        ["exim"] = "/var/log/exim4/mainlog",
    };

    [ContainerFact]
    public void Attack_OnEveryDaemon_IsAnsweredAndOnlyTheRightPasswordGetsIn()
    {
        string[] wrong = [.. daemons.Tries.Zip(daemons.Answers)
            .Where(p => p.Second != (p.First.Password == "correct" ? "ok" : "refused"))
            .Select(p => $"{p.First.Door.Daemon} {p.First.Protocol} {p.First.Door.Port} '{p.First.Name}': {p.Second}")];

        Assert.Empty(wrong);
    }

    [ContainerFact]
    public void EachDaemon_HostileNames_CountOnceEachUnderTheirOwnSource()
    {
        _ = daemons.Answers;
        var problems = new List<string>();
        foreach (IGrouping<(string Daemon, string Service), Door> doors in Doors.GroupBy(d => (d.Daemon, d.Service)))
        {
            foreach (IReadOnlyList<Seen> log in LogsOf(doors.Key.Daemon)) problems.AddRange(Miscounted(doors.Key, [.. doors], log));
        }

        Assert.True(problems.Count == 0, string.Join('\n', problems));
    }

    [ContainerFact]
    public void Lines_OfEveryDaemon_NeverYieldAnAddressThatIsNotTheClients()
    {
        // From the machine's own address bob has made his mailbox.
        HashSet<string> clients = [.. daemons.Tries.Select(t => t.Source), daemons.Attacker.Address];
        Container host = daemons.Host;
        IReadOnlyList<string?> sources =
        [
            .. Explained($"ratewall explain --format json <{DaemonHost.ReadableJournal}"),
            .. OwnLogs.SelectMany(log => Explained($"ratewall explain --format json --program {log.Key} <{log.Value}")),
            .. daemons.Journal.Select(s => s.Source),
        ];

        Assert.Empty(sources.OfType<string>().Where(s => !clients.Contains(s)).Distinct(StringComparer.Ordinal));
        Assert.Empty(daemons.Tries.Select(t => t.Source).Except(sources.OfType<string>(), StringComparer.Ordinal));

        IReadOnlyList<string?> Explained(string command) =>
        [
            .. host.Exec("sh", "-c", command).MustSucceed(command).Out.Split('\n', StringSplitOptions.RemoveEmptyEntries)
                .Select(line => JsonDocument.Parse(line).RootElement.GetProperty("source").GetString()),
        ];
    }

    [ContainerFact]
    public void LocalUser_WritingDaemonsLinesIntoTheJournal_IsNotBelieved()
    {
        string victim = "203.0.113.77";
        string[] lines =
        [
            $"sshd:Failed password for root from {victim} port 22 ssh2",
            $"postfix/smtpd:warning: unknown[{victim}]: SASL LOGIN authentication failed: x",
            $"dovecot:imap-login: Disconnected (auth failed, 9 attempts in 2 secs): user=<b>, method=PLAIN, rip={victim}, lip={daemons.Host.Address}",
            $"proftpd:host ({victim}[{victim}]) - USER bob (Login failed): Incorrect password",
            $"cyrus/imap:badlogin: [{victim}] plaintext (bob) [SASL(-13): authentication failure: checkpass failed]",
        ];
        // As bob says it: with logger, with a logger of his own that is called as the daemon, and through systemd-cat.
        string forge = string.Concat(lines.Select(l => l.Split(':', 2)).Select(l => $"""
            logger -t '{l[0]}' '{l[1]}'
            cp /usr/bin/logger "$HOME/{l[0][(l[0].LastIndexOf('/') + 1)..]}"
            "$HOME/{l[0][(l[0].LastIndexOf('/') + 1)..]}" -t '{l[0]}' '{l[1]}'
            echo '{l[1]}' | systemd-cat -t '{l[0]}'

            """));
        Container host = daemons.Host;
        host.Exec("runuser", "-u", "bob", "--", "sh", "-c", "cd; HOME=/home/bob; " + forge).MustSucceed("bob's shell");

        // No login manager on this machine: a shell that comes over ssh stays in ssh.service.
        // journald does not always see what such a short process is called.
        Eventually.True("bob's line stands in ssh.service as sshd's", TimeSpan.FromMinutes(2), SaysItThroughSsh, host.Journal);

        Assert.Empty(daemons.ReadJournal(s => s.Source == victim || s.Line.Contains(victim, StringComparison.Ordinal)));

        bool SaysItThroughSsh()
        {
            daemons.Attacker.Exec(
                "sshpass", "-p", "correct", "ssh", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR",
                $"bob@{host.Address}", forge).MustSucceed("bob's shell over ssh");
            host.Exec("journalctl", "--sync").MustSucceed("journalctl --sync");
            string inUnit = host.Exec("journalctl", "--no-pager", "-o", "cat", "_SYSTEMD_UNIT=ssh.service", "_UID=1000", "_COMM=sshd", "-g", victim).Out;
            return inUnit.Contains($"Failed password for root from {victim}", StringComparison.Ordinal);
        }
    }

    // Exim says each refusal in both.
    private IEnumerable<IReadOnlyList<Seen>> LogsOf(string daemon)
    {
        bool hasOwn = OwnLogs.TryGetValue(daemon, out string? path);
        if (hasOwn) yield return daemons.ReadFile(path!, daemon);
        if (!hasOwn || daemon == "exim") yield return daemons.Journal;
    }

    private IEnumerable<string> Miscounted((string Daemon, string Service) of, Door[] doors, IReadOnlyList<Seen> log)
    {
        Seen[] seen = [.. log.Where(s => s.Daemon == of.Daemon && s.Service == of.Service)];
        foreach (IGrouping<string, Try> tries in daemons.Tries.Where(t => doors.Contains(t.Door)).GroupBy(t => t.Source, StringComparer.Ordinal))
        {
            bool enters = tries.Key == daemons.Customer;
            Seen[] here = [.. seen.Where(s => s.Source == tries.Key)];
            int failed = here.Where(s => s.Kind != AttemptKind.Success).Sum(s => s.Count);
            int entered = here.Where(s => s.Kind == AttemptKind.Success).Sum(s => s.Count);
            // Exim tells of a login only in the line of a message.
            int successes = enters && of.Daemon != "exim" ? tries.Count() : 0;
            // A name that makes a line readable in two ways costs its own try its source, and nobody else anything.
            bool ambiguous = seen.Any(s => s.Source is null && s.Line.Contains($"[{tries.Key}]", StringComparison.Ordinal));
            (int, int) expected = (enters ? 0 : tries.Count(), successes);
            if ((failed, entered) != expected && !(ambiguous && failed <= tries.Count() && entered == 0))
                yield return $"{of} '{tries.First().Name}' from {tries.Key}: {failed} failed and {entered} entered, not {expected}\n    {string.Join("\n    ", here.Select(s => s.Line))}";
        }
    }
}
