using System.Text;
using RateWall.Output;

namespace RateWall.Wall;

/// <summary>
/// The frame in the kernel at a moment when its listing was the recorded one. While it is the same, the listing is too, and
/// need not be made, nor libnftables loaded. Where it is not, and the wall too crowded to be listed, it still tells which
/// chains, rules and sets are others.
/// </summary>
internal static class FrameMark
{
    private const string FileName = "wall.frame";

    /// <summary>True when the frame is the marked one.</summary>
    public static bool IsAt(string stateDirectory, string frame) => Read(stateDirectory) == frame;

    /// <summary>What has to change to come back to the mark; null when there is none to compare with.</summary>
    public static IReadOnlyList<string>? Difference(string stateDirectory, string frame) =>
        Read(stateDirectory) is { } marked ? TextDifference.Between("kernel", frame, "applied", marked) : null;

    /// <summary>Marks the frame.</summary>
    public static void Write(string stateDirectory, string frame) =>
        StateFile.Replace(Path.Combine(stateDirectory, FileName), Encoding.UTF8.GetBytes($"{Here()}\n{frame}"));

    /// <summary>Forgets the mark, before the recorded listing changes.</summary>
    public static void Forget(string stateDirectory) => File.Delete(Path.Combine(stateDirectory, FileName));

    // Of another boot or network namespace it says nothing.
    private static string? Read(string stateDirectory)
    {
        string path = Path.Combine(stateDirectory, FileName);
        if (!File.Exists(path)) return null;
        string text = File.ReadAllText(path), head = $"{Here()}\n";
        return text.StartsWith(head, StringComparison.Ordinal) ? text[head.Length..] : null;
    }

    private static string Here()
    {
        SoundRuleset here = SoundRuleset.Of(0);
        return $"{here.Boot} {here.NetworkNamespace}";
    }
}
