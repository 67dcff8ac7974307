namespace RateWall.Policy;

/// <summary>What this machine has to read log lines from: all that `log: auto` depends on.</summary>
/// <param name="HasJournal">There is a systemd journal with files in it.</param>
/// <param name="FileExists">Tells whether a log file is there.</param>
public sealed record LogFacts(bool HasJournal, Func<string, bool> FileExists)
{
    private static readonly string[] JournalDirectories = ["/run/log/journal", "/var/log/journal"];

    /// <summary>Looks at this machine.</summary>
    public static LogFacts OfThisMachine() => new(JournalDirectories.Any(HasJournalFiles), File.Exists);

    /// <summary>Where the lines of a family are when the policy says auto; null when it has no usual place.</summary>
    public LogSource? Auto(string family)
    {
        string[] files = family switch
        {
            "ssh" or "ftp" => ["/var/log/auth.log", "/var/log/secure"],
            "mail" => ["/var/log/mail.log", "/var/log/maillog"],
            // Web servers write their own access logs, wherever each site says.
            _ => [],
        };
        if (files.Length == 0) return null;
        if (HasJournal) return LogSource.Journal;
        return new LogSource(Array.Find(files, f => FileExists(f)) ?? files[0], Program: null) { IsUsualPlace = true };
    }

    // Journal files lie in one directory for each machine id (sd-journal, systemd-journald.service(8) FILES).
    private static bool HasJournalFiles(string directory) => Directory.Exists(directory) && Directory.EnumerateFiles(
        directory, "*.journal",
        new EnumerationOptions { RecurseSubdirectories = true, MaxRecursionDepth = 1, IgnoreInaccessible = true }).Any();
}
