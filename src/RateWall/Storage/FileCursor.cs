using System.Globalization;

namespace RateWall.Storage;

/// <summary>Where reading of a log file stopped.</summary>
/// <param name="Device">The file's device.</param>
/// <param name="Inode">The file's inode.</param>
/// <param name="Offset">Bytes read, to the end of a complete line.</param>
/// <param name="Head">Fingerprint of the first 1 KiB, as far as it had been read.</param>
/// <param name="Tail">Fingerprint of the 64 bytes before the offset, as far as there were so many.</param>
internal sealed record FileCursor(ulong Device, ulong Inode, long Offset, string Head, string Tail)
{
    private const string Form = "file1";

    /// <summary>Reads what <see cref="ToString"/> writes.</summary>
    public static bool TryParse(string text, out FileCursor cursor)
    {
        cursor = new(0, 0, 0, "", "");
        string[] parts = text.Split(' ');
        if (parts.Length != 6 || parts[0] != Form) return false;
        if (!ulong.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out ulong device)) return false;
        if (!ulong.TryParse(parts[2], NumberStyles.None, CultureInfo.InvariantCulture, out ulong inode)) return false;
        if (!long.TryParse(parts[3], NumberStyles.None, CultureInfo.InvariantCulture, out long offset)) return false;
        cursor = new(device, inode, offset, parts[4], parts[5]);
        return true;
    }

    /// <summary>The form in which it is stored.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Form} {Device} {Inode} {Offset} {Head} {Tail}");
}
