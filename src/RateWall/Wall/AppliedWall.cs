namespace RateWall.Wall;

/// <summary>
/// What the last `apply` put into the kernel, and how the kernel listed it right afterwards. Comparing later listings with
/// this one finds every foreign change without guessing how nft spells a rule.
/// </summary>
/// <param name="Text">The ruleset that was applied.</param>
/// <param name="Listing">The kernel's own listing of it, without counters and elements.</param>
public sealed record AppliedWall(string Text, string Listing)
{
    private const string TextFile = "wall.nft";
    private const string ListingFile = "wall.list";

    /// <summary>What was recorded in a state directory, or null when nothing was.</summary>
    public static AppliedWall? Read(string stateDirectory)
    {
        string text = Path.Combine(stateDirectory, TextFile);
        string listing = Path.Combine(stateDirectory, ListingFile);
        return File.Exists(text) && File.Exists(listing) ? new(File.ReadAllText(text), File.ReadAllText(listing)) : null;
    }

    /// <summary>Records this wall. Each file is replaced whole; a crash between the two shows as drift, never as agreement.</summary>
    public void Write(string stateDirectory)
    {
        Replace(Path.Combine(stateDirectory, ListingFile), Listing);
        Replace(Path.Combine(stateDirectory, TextFile), Text);
    }

    /// <summary>Forgets it, after the wall has been removed.</summary>
    public static void Forget(string stateDirectory)
    {
        File.Delete(Path.Combine(stateDirectory, TextFile));
        File.Delete(Path.Combine(stateDirectory, ListingFile));
    }

    private static void Replace(string path, string content)
    {
        string fresh = path + ".new";
        using (var file = new FileStream(fresh, FileMode.Create, FileAccess.Write))
        {
            file.Write(System.Text.Encoding.UTF8.GetBytes(content));
            file.Flush(flushToDisk: true);
        }

        File.Move(fresh, path, overwrite: true);
    }
}
