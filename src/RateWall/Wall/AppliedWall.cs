using System.Text;
using RateWall.Detection;

namespace RateWall.Wall;

/// <summary>
/// The wall that the operator last asked for, and how the kernel listed it once it stood. While it is recorded the wall is
/// wanted: whoever finds it lost or changed puts it back. Comparing later listings with this one finds every foreign change
/// without guessing how nft spells a rule.
/// </summary>
/// <param name="Text">The ruleset that was applied.</param>
/// <param name="Allow">The allow list that was applied.</param>
/// <param name="Listing">The kernel's own listing, without counters and elements, or what stands for it
/// (<see cref="Unlisted"/>); null while an `apply` is at work, or after it was killed.</param>
public sealed record AppliedWall(string Text, IReadOnlyList<AddressPrefix> Allow, string? Listing)
{
    private const string TextFile = "wall.nft";
    private const string AllowFile = "wall.allow";
    private const string ListingFile = "wall.list";
    private const string UnlistedHead = "# too full to be listed, so these are the rules as they were sent\n";

    /// <summary>Stands for the listing of a wall that was too full to be listed; only its <see cref="FrameMark"/> tells changes.</summary>
    public static string Unlisted(string sent) => UnlistedHead + sent;

    /// <summary>True for a listing that the kernel gave.</summary>
    public static bool IsListed(string listing)
    {
        ArgumentNullException.ThrowIfNull(listing);
        return !listing.StartsWith(UnlistedHead, StringComparison.Ordinal);
    }

    /// <summary>What was recorded in a state directory, or null when no wall is wanted: never applied, or removed.</summary>
    public static AppliedWall? Read(string stateDirectory)
    {
        string text = Path.Combine(stateDirectory, TextFile);
        string allow = Path.Combine(stateDirectory, AllowFile);
        string listing = Path.Combine(stateDirectory, ListingFile);
        if (!File.Exists(text) || !File.Exists(allow)) return null;
        var networks = new List<AddressPrefix>();
        bool sound = true;
        foreach (string line in File.ReadLines(allow))
        {
            sound &= AddressPrefix.TryParse(line, out AddressPrefix network);
            networks.Add(network);
        }

        // Without a sound allow list it is not known who must not be dropped: as good as no record.
        return sound ? new(File.ReadAllText(text), networks, File.Exists(listing) ? File.ReadAllText(listing) : null) : null;
    }

    /// <summary>The ruleset alone, as it was recorded, or null.</summary>
    public static string? ReadText(string stateDirectory)
    {
        string text = Path.Combine(stateDirectory, TextFile);
        return File.Exists(text) ? File.ReadAllText(text) : null;
    }

    /// <summary>
    /// Records this wall. Each file is replaced whole, and the listing, which says that all is well, goes first and comes
    /// last: a crash in between leaves a wall that is wanted and not yet whole.
    /// </summary>
    public void Write(string stateDirectory)
    {
        FrameMark.Forget(stateDirectory);
        File.Delete(Path.Combine(stateDirectory, ListingFile));
        StateFile.Replace(Path.Combine(stateDirectory, AllowFile), Encoding.UTF8.GetBytes(string.Concat(Allow.Select(n => $"{n}\n"))));
        StateFile.Replace(Path.Combine(stateDirectory, TextFile), Encoding.UTF8.GetBytes(Text));
        if (Listing is not null) StateFile.Replace(Path.Combine(stateDirectory, ListingFile), Encoding.UTF8.GetBytes(Listing));
    }

    /// <summary>Forgets it, before the wall is removed: from then on nobody puts it back.</summary>
    public static void Forget(string stateDirectory)
    {
        File.Delete(Path.Combine(stateDirectory, TextFile));
        File.Delete(Path.Combine(stateDirectory, AllowFile));
        File.Delete(Path.Combine(stateDirectory, ListingFile));
        FrameMark.Forget(stateDirectory);
    }
}
