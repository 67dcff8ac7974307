using RateWall.Detection.Logs;
using RateWall.Policy;
using RateWall.Systemd;

namespace RateWall.Storage;

/// <summary>
/// Who may say it. Any local user can write "sshd: Failed password ..." into the journal; only the fields whose names begin
/// with an underscore are journald's own word. An entry of a program counts when it comes from a unit of the rule files
/// that read this program, or from a process of root whose command name is one of their programs.
/// </summary>
internal sealed class JournalTrust
{
    private readonly List<(HashSet<string> Programs, List<string> Units)> files = [];
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
            files.Add((new(file.Programs, StringComparer.Ordinal), units));
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
        foreach ((HashSet<string> programs, List<string> units) in files)
        {
            if (!programs.Contains(program) && !programs.Contains(anyPrefixed)) continue;
            // A program that several files read must be one that all of them would believe.
            if (!units.Exists(u => Matches(u, unit)) && !(uid == "0" && programs.Any(p => CommandOf(p) == command))) return false;
            known = true;
        }

        return known;
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
