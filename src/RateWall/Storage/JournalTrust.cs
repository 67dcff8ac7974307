using System.Globalization;
using RateWall.Detection.Logs;
using RateWall.Policy;
using RateWall.Systemd;

namespace RateWall.Storage;

/// <summary>
/// Who may say it. Any local user can write "sshd: Failed password ..." into the journal; only the fields whose names begin
/// with an underscore are journald's own word. An entry of a program counts when it comes from a unit of the rule files
/// that read this program, or from a process of root whose command name is one of their programs.
///
/// A unit is not enough where a person's own processes can be in it: a shell that no login manager moved out of
/// ssh.service, a command in a ~/.forward that runs in postfix's unit. So of a unit only system accounts count. What a
/// process is called or which file it runs would prove nothing here: a copy of logger can be named sshd, and anybody can
/// start the real sshd in a network namespace of his own, where every address is his. Daemons that go on to log as the
/// user who has logged in say so in their rule file.
///
/// Of a process that ended before journald looked at it (a forking daemon on a busy machine) nothing is known but its
/// account, or that and its name.
/// Root is believed then, and an account from which this reading has had an entry out of a unit of the same rule file.
/// </summary>
internal sealed class JournalTrust
{
    /// <summary>Accounts of people begin here: UID_MIN of login.defs(5) as the distributions have it.</summary>
    public const uint FirstPerson = 1000;

    private readonly List<TrustedFile> files = [];
    private readonly HashSet<string> commands = new(StringComparer.Ordinal);

    /// <param name="rules">The rule files.</param>
    /// <param name="services">The services that are read from the journal.</param>
    public JournalTrust(IEnumerable<RuleFileDescription> rules, IReadOnlyCollection<ServicePolicy> services)
    {
        foreach (RuleFileDescription file in rules)
        {
            ServicePolicy[] here = [.. services.Where(s => file.Services.Contains(s.Name, StringComparer.Ordinal))];
            if (here.Length == 0) continue;
            List<string> units = [.. file.Units.Concat(here.SelectMany(s => s.Units)).Select(Full).Distinct(StringComparer.Ordinal)];
            files.Add(new(new(file.Programs, StringComparer.Ordinal), units, [.. file.SessionUnits.Select(Full)]));
            commands.UnionWith(file.Programs.Select(CommandOf));
        }
    }

    /// <summary>Units to look for; templates ("ssh@.service") cannot be looked for by name and are left out.</summary>
    public IEnumerable<string> Units => files.SelectMany(f => f.Units).Where(u => !IsTemplate(u)).Distinct(StringComparer.Ordinal);

    /// <summary>Command names of root's processes to look for, cut to what the kernel keeps.</summary>
    public IEnumerable<string> Commands => commands;

    /// <summary>Lets a journal give only entries of these units, and of root's processes with these names.</summary>
    public void Narrow(Journal journal)
    {
        foreach (string unit in Units) journal.AddMatch("_SYSTEMD_UNIT", unit);
        journal.AddDisjunction();
        journal.AddMatch("_UID", "0");
        foreach (string command in Commands) journal.AddMatch("_COMM", command);
        // Those of processes that had ended; Permits() looks at the rest of the entry.
        journal.AddDisjunction();
        foreach (string program in files.SelectMany(f => f.Programs).Distinct(StringComparer.Ordinal)) journal.AddMatch("SYSLOG_IDENTIFIER", program);
    }

    /// <summary>True when an entry may speak for a program.</summary>
    /// <param name="program">SYSLOG_IDENTIFIER: the sender's own word.</param>
    /// <param name="unit">_SYSTEMD_UNIT, or empty.</param>
    /// <param name="uid">_UID.</param>
    /// <param name="command">_COMM.</param>
    public bool Permits(string program, string unit, string uid, string command)
    {
        bool known = false;
        string anyPrefixed = program.LastIndexOf('/') is >= 0 and var slash ? "*" + program[slash..] : program;
        bool person = !uint.TryParse(uid, NumberStyles.None, CultureInfo.InvariantCulture, out uint account) || account >= FirstPerson;
        foreach (TrustedFile file in files)
        {
            if (!file.Programs.Contains(program) && !file.Programs.Contains(anyPrefixed)) continue;
            // A program that several files read must be one that all of them would believe.
            if (!file.Believes(unit, person, account) && !(uid == "0" && file.IsCalled(command))
                && !(unit.Length == 0 && (command.Length == 0 || file.IsCalled(command)) && !person && file.Knows(account))) return false;
            known = true;
        }

        return known;
    }

    private sealed record TrustedFile(HashSet<string> Programs, List<string> Units, List<string> SessionUnits)
    {
        // System accounts: fewer than FirstPerson.
        private readonly HashSet<uint> accounts = [0];

        public bool Believes(string unit, bool person, uint account)
        {
            bool believed = (person ? SessionUnits : Units).Exists(u => Matches(u, unit));
            if (believed && !person) accounts.Add(account);
            return believed;
        }

        public bool Knows(uint account) => accounts.Contains(account);

        public bool IsCalled(string command) => Programs.Any(p => CommandOf(p) == command);
    }

    // "postfix/smtpd" is the process smtpd; the kernel keeps 15 bytes of a name (TASK_COMM_LEN, linux/sched.h).
    private static string CommandOf(string program)
    {
        string name = program[(program.LastIndexOf('/') + 1)..];
        return name.Length > 15 ? name[..15] : name;
    }

    private static string Full(string unit) => unit.Contains('.', StringComparison.Ordinal) ? unit : unit + ".service";

    private static bool IsTemplate(string unit) => unit.Contains("@.", StringComparison.Ordinal);

    private static bool Matches(string expected, string unit)
    {
        if (expected == unit) return true;
        int at = expected.IndexOf("@.", StringComparison.Ordinal);
        return at > 0 && unit.Length > expected.Length && unit.StartsWith(expected[..(at + 1)], StringComparison.Ordinal)
            && unit.EndsWith(expected[(at + 1)..], StringComparison.Ordinal);
    }
}
