namespace RateWall.Systemd;

/// <summary>Where journald keeps its files (systemd-journald.service(8)), looked at without libsystemd.</summary>
internal static class JournalFiles
{
    /// <summary>Persistent, then volatile: each holds a directory by machine id, which holds the files.</summary>
    public static readonly IReadOnlyList<string> Roots = ["/var/log/journal", "/run/log/journal"];

    private static readonly EnumerationOptions OneLevelDown = new()
    {
        RecurseSubdirectories = true,
        MaxRecursionDepth = 1,
        IgnoreInaccessible = true,
    };

    /// <summary>The files under the roots that the caller may see: *.journal and, after an unclean end, *.journal~.</summary>
    public static IEnumerable<string> Under(IEnumerable<string> roots) =>
        roots.Where(Directory.Exists).SelectMany(root => Directory.EnumerateFiles(root, "*.journal*", OneLevelDown));

    /// <summary>
    /// True when there is something under the roots and nothing of it may be read. libsystemd leaves such files out
    /// without a word, so that the journal looks empty.
    /// </summary>
    public static bool AreDenied(IEnumerable<string> roots)
    {
        bool denied = false;
        foreach (string root in roots.Where(Directory.Exists))
        {
            try
            {
                foreach (string directory in Directory.EnumerateDirectories(root).Prepend(root))
                {
                    foreach (string file in Directory.EnumerateFiles(directory, "*.journal*"))
                    {
                        if (CanBeRead(file)) return false;
                        denied = true;
                    }
                }
            }
            catch (UnauthorizedAccessException)
            {
                denied = true;
            }
            catch (DirectoryNotFoundException)
            {
                // Vacuumed between two looks.
            }
        }

        return denied;
    }

    private static bool CanBeRead(string file)
    {
        try
        {
            using FileStream stream = new(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
            return true;
        }
        catch (UnauthorizedAccessException)
        {
            return false;
        }
        catch (IOException)
        {
            // Rotated away or being created: not a question of permission.
            return true;
        }
    }
}
