using System.Globalization;

namespace RateWall.Storage;

/// <summary>What is done with a state file that cannot be used: it is kept, under another name.</summary>
internal static class DamagedState
{
    /// <summary>A file whose presence asks the next writer to check every page.</summary>
    public static string SuspectMark(string path) => path + ".suspect";

    /// <summary>Notes that reading met damage. A reader that may not write leaves it to the hourly check.</summary>
    /// <param name="path">The database.</param>
    /// <param name="certain">What is certainly wrong although every page is sound; empty when the pages are to be checked.</param>
    public static void MarkSuspect(string path, string certain = "")
    {
        try
        {
            File.WriteAllText(SuspectMark(path), certain);
        }
        catch (IOException)
        {
            // The damage is told by the caller's exception; the mark only makes the check come sooner.
        }
        catch (UnauthorizedAccessException)
        {
            // As above.
        }
    }

    /// <summary>Renames the database and its journal files; says the new name.</summary>
    public static string SetAside(string path, TimeProvider time)
    {
        string stamp = time.GetUtcNow().ToString("yyyyMMdd'T'HHmmss'Z'", CultureInfo.InvariantCulture);
        string aside = $"{path}.damaged-{stamp}";
        for (int i = 2; Path.Exists(aside); i++) aside = $"{path}.damaged-{stamp}-{i}";
        // The database goes last: were it first, a kill in between would leave its journal beside the new database.
        foreach (string suffix in new[] { "-shm", "-wal" })
            if (File.Exists(path + suffix)) File.Move(path + suffix, aside + suffix);
        if (Directory.Exists(path)) Directory.Move(path, aside);
        else File.Move(path, aside);
        File.Delete(SuspectMark(path));
        return aside;
    }
}
