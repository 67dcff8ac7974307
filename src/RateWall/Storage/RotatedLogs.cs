using System.Globalization;

namespace RateWall.Storage;

/// <summary>The names that logrotate(8) gives: "auth.log.1", "auth.log.2.gz", and with dateext "auth.log-20260102.gz".</summary>
internal static class RotatedLogs
{
    /// <summary>The files that rotation has made of a log, the newest first; compressed ones only as gzip.</summary>
    public static IReadOnlyList<string> Of(string path)
    {
        string full = Path.GetFullPath(path);
        string name = Path.GetFileName(full);
        string? directory = Path.GetDirectoryName(full);
        if (directory is null || !Directory.Exists(directory)) return [];
        return
        [
            .. Directory.EnumerateFiles(directory)
                .Select(file => (File: file, Age: Age(Path.GetFileName(file), name)))
                .Where(candidate => candidate.Age is not null)
                .OrderBy(candidate => candidate.Age)
                .ThenBy(candidate => candidate.File, StringComparer.Ordinal)
                .Select(candidate => candidate.File),
        ];
    }

    /// <summary>Which log a file is a rotation of, and its age as <see cref="Of"/> has it; -1 for the log itself.</summary>
    public static (string Log, long Age) OriginOf(string path)
    {
        string name = Path.GetFileName(path);
        string plain = name.EndsWith(".gz", StringComparison.Ordinal) ? name[..^3] : name;
        for (int at = plain.LastIndexOfAny(['.', '-']); at > 0; at = plain.LastIndexOfAny(['.', '-'], at - 1))
            if (Age(name, plain[..at]) is { } age) return (path[..^(name.Length - at)], age);
        return (path[..^(name.Length - plain.Length)], -1);
    }

    // A number is an age. A date (and perhaps an hour or seconds behind it) is newer the larger it is.
    private static long? Age(string file, string name)
    {
        if (file.Length <= name.Length + 1 || !file.StartsWith(name, StringComparison.Ordinal)) return null;
        ReadOnlySpan<char> rest = file.AsSpan(name.Length + 1);
        if (rest.EndsWith(".gz")) rest = rest[..^3];
        switch (file[name.Length])
        {
            case '.' when rest.Length <= 4 && int.TryParse(rest, NumberStyles.None, CultureInfo.InvariantCulture, out int age):
                return age;
            case '-' when rest.Length is >= 8 and <= 19:
                Span<char> digits = stackalloc char[18];
                digits.Fill('0');
                int used = 0;
                foreach (char c in rest)
                {
                    if (c == '-') continue;
                    if (!char.IsAsciiDigit(c) || used == digits.Length) return null;
                    digits[used++] = c;
                }

                return used < 8 ? null : long.MaxValue - long.Parse(digits, NumberStyles.None, CultureInfo.InvariantCulture);
            default:
                return null;
        }
    }
}
