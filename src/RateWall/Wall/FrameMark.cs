using System.Globalization;

namespace RateWall.Wall;

/// <summary>
/// The frame in the kernel at a moment when its listing was the recorded one. While it is the same, the listing is too, and
/// need not be made: libnftables reads every element for it, which takes minutes and gigabytes with a million bans.
/// </summary>
internal static class FrameMark
{
    private const string FileName = "wall.frame";

    /// <summary>True when the frame is the marked one.</summary>
    public static bool IsAt(string stateDirectory, ulong fingerprint)
    {
        string path = Path.Combine(stateDirectory, FileName);
        return File.Exists(path) && File.ReadAllText(path) == Text(fingerprint);
    }

    /// <summary>Marks the frame.</summary>
    public static void Write(string stateDirectory, ulong fingerprint) => File.WriteAllText(Path.Combine(stateDirectory, FileName), Text(fingerprint));

    /// <summary>Forgets the mark, before the recorded listing changes.</summary>
    public static void Forget(string stateDirectory) => File.Delete(Path.Combine(stateDirectory, FileName));

    private static string Text(ulong fingerprint) =>
        string.Create(CultureInfo.InvariantCulture, $"{SoundRuleset.Of((uint)(fingerprint >> 32))} {(uint)fingerprint}\n");
}
