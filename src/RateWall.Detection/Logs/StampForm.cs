namespace RateWall.Detection.Logs;

/// <summary>What a stamp says, before it is placed in a zone.</summary>
internal struct StampParts
{
    /// <summary>Year, month and day.</summary>
    public int Year, Month, Day;

    /// <summary>Time of day.</summary>
    public int Hour, Minute, Second, Milliseconds;

    /// <summary>Where the stamp says its zone, or -1.</summary>
    public int ZoneStart;

    /// <summary>How long that is.</summary>
    public int ZoneLength;
}

/// <summary>
/// How a daemon writes the time into its own log file, as a pattern: w a letter of the weekday, b the month's name,
/// y n d h m s digits of year, month, day and time (a blank may stand for a day's first digit), f an optional fraction of a
/// second, z an offset such as +0100, Z a zone's name; any other byte is itself.
/// </summary>
internal sealed class StampForm(string pattern)
{
    private const string Months = "JanFebMarAprMayJunJulAugSepOctNovDec";

    // asctime(3), as vsftpd writes it; Apache's error log; PHP's error_log() and Roundcube with its offset; nginx's error
    // log; squirrel_logger; `journalctl -o short-full`; syslog where the year was asked for; lighttpd's error log.
    private static readonly StampForm[] Headers =
    [
        new("yyyy bbb dd hh:mm:ss"), new("www bbb dd hh:mm:ss yyyy"), new("[www bbb dd hh:mm:ssf yyyy]"), new("[dd-bbb-yyyy hh:mm:ssf z]:"), new("[dd-bbb-yyyy hh:mm:ss]:"), new("[dd-bbb-yyyy hh:mm:ss Z]"),
        new("yyyy/nn/dd hh:mm:ss"), new("nn/dd/yyyy hh:mm:ss"), new("[yyyy-nn-dd hh:mm:ssf]"), new("www yyyy-nn-dd hh:mm:ss Z"),
        new("bbb dd yyyy hh:mm:ss"), new("yyyy-nn-dd hh:mm:ss:"),
    ];

    // NCSA's common log format, and RFC 3339: what stands in a line as {stamp}.
    private static readonly StampForm[] Inner = [new("dd/bbb/yyyy:hh:mm:ss z"), new("yyyy-nn-ddThh:mm:ssfz")];

    /// <summary>The length of the stamp a line begins with, or 0.</summary>
    public static int HeaderLength(ReadOnlySpan<byte> line)
    {
        foreach (StampForm form in Headers)
            if (form.TryRead(line, out _, out int length) && (length == line.Length || line[length] == ' ')) return length;
        return 0;
    }

    /// <summary>Reads the stamp of a header.</summary>
    public static bool TryReadHeader(ReadOnlySpan<byte> stamp, out StampParts parts) => TryRead(Headers, stamp, out parts);

    /// <summary>Reads the stamp that begins inside a line.</summary>
    public static bool TryReadInner(ReadOnlySpan<byte> text, out StampParts parts) => TryRead(Inner, text, out parts);

    private static bool TryRead(StampForm[] forms, ReadOnlySpan<byte> text, out StampParts parts)
    {
        foreach (StampForm form in forms)
            if (form.TryRead(text, out parts, out _)) return true;
        parts = default;
        return false;
    }

    private bool TryRead(ReadOnlySpan<byte> text, out StampParts parts, out int at)
    {
        parts = new() { ZoneStart = -1 };
        at = 0;
        for (int i = 0; i < pattern.Length; i++)
        {
            char want = pattern[i];
            switch (want)
            {
                case 'f': at += Fraction(text[at..], ref parts.Milliseconds); continue;
                case 'z' or 'Z': if (!TakeZone(text, want == 'z', ref at, ref parts)) return false; continue;
            }

            if (at >= text.Length) return false;
            byte c = text[at];
            switch (want)
            {
                case 'w': if (!char.IsAsciiLetter((char)c)) return false; break;
                case 'b':
                    if (!TakeMonth(text[at..], ref parts.Month)) return false;
                    (i, at) = (i + 2, at + 3);
                    continue;
                case 'y': if (!TakeDigit(c, ref parts.Year)) return false; break;
                case 'n': if (!TakeDigit(c, ref parts.Month)) return false; break;
                case 'd': if (!(c == ' ' && parts.Day == 0) && !TakeDigit(c, ref parts.Day)) return false; break;
                case 'h': if (!TakeDigit(c, ref parts.Hour)) return false; break;
                case 'm': if (!TakeDigit(c, ref parts.Minute)) return false; break;
                case 's': if (!TakeDigit(c, ref parts.Second)) return false; break;
                default: if (c != want) return false; break;
            }

            at++;
        }

        return true;
    }

    private static bool TakeDigit(byte c, ref int value)
    {
        if (c is < (byte)'0' or > (byte)'9') return false;
        value = (value * 10) + (c - '0');
        return true;
    }

    private static bool TakeMonth(ReadOnlySpan<byte> text, ref int month)
    {
        if (text.Length < 3) return false;
        for (int m = 0; m < 12; m++)
        {
            if (text[0] != Months[m * 3] || text[1] != Months[(m * 3) + 1] || text[2] != Months[(m * 3) + 2]) continue;
            month = m + 1;
            return true;
        }

        return false;
    }

    private static int Fraction(ReadOnlySpan<byte> text, ref int milliseconds)
    {
        if (text.IsEmpty || text[0] is not ((byte)'.' or (byte)',')) return 0;
        int digits = ByteClass.Num.Run(text[1..]);
        for (int i = 0; i < 3; i++) milliseconds = (milliseconds * 10) + (i < digits ? text[1 + i] - '0' : 0);
        return digits == 0 ? 0 : digits + 1;
    }

    private static bool TakeZone(ReadOnlySpan<byte> text, bool offset, ref int at, ref StampParts parts)
    {
        parts.ZoneStart = at;
        int end = at;
        bool Belongs(byte c) => offset ? c is (byte)'+' or (byte)'-' or (byte)':' or (byte)'Z' or (>= (byte)'0' and <= (byte)'9')
            : char.IsAsciiLetterOrDigit((char)c) || c is (byte)'+' or (byte)'-' or (byte)'/' or (byte)'_';
        while (end < text.Length && Belongs(text[end])) end++;
        parts.ZoneLength = end - at;
        at = end;
        return parts.ZoneLength > 0;
    }
}
