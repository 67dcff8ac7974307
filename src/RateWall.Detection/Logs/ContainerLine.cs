using System.Text;

namespace RateWall.Detection.Logs;

/// <summary>
/// A line as Docker's json-file driver keeps it: {"log":"...\n","stream":"stderr","time":"2026-11-21T04:00:00.123456789Z"}.
/// What the program wrote stands in it as a JSON string, so nothing a client writes can end it.
/// </summary>
internal static class ContainerLine
{
    // A JSON string is never shorter than what it says.
    [ThreadStatic]
    private static byte[]? unescaped;

    private static ReadOnlySpan<byte> Begin => "{\"log\":\""u8;

    private static ReadOnlySpan<byte> Time => "\"time\":\""u8;

    /// <summary>Takes the program's line and the engine's stamp out; what is given is good until the next call in this thread.</summary>
    public static bool TryRead(ReadOnlySpan<byte> line, out ReadOnlySpan<byte> stamp, out ReadOnlySpan<byte> text)
    {
        stamp = text = default;
        if (!line.StartsWith(Begin)) return false;
        ReadOnlySpan<byte> inside = line[Begin.Length..];
        int end = EndOfString(inside);
        if (end < 0) return false;
        ReadOnlySpan<byte> rest = inside[(end + 1)..];
        int time = rest.LastIndexOf(Time);
        if (time < 0) return false;
        rest = rest[(time + Time.Length)..];
        int close = rest.IndexOf((byte)'"');
        if (close < 0) return false;
        stamp = rest[..close];
        text = inside[..end];
        if (text.EndsWith("\\n"u8)) text = text[..^2];
        return !text.Contains((byte)'\\') || TryUnescape(ref text);
    }

    private static int EndOfString(ReadOnlySpan<byte> text)
    {
        for (int at = 0; at < text.Length; at++)
        {
            int next = text[at..].IndexOfAny((byte)'"', (byte)'\\');
            if (next < 0) return -1;
            at += next;
            if (text[at] == '"') return at;
            at++;
        }

        return -1;
    }

    private static bool TryUnescape(ref ReadOnlySpan<byte> text)
    {
        if (text.Length > LogLines.MaxLine) return false;
        Span<byte> into = unescaped ??= new byte[LogLines.MaxLine];
        int written = 0;
        for (int at = 0; at < text.Length; at++)
        {
            if (text[at] != '\\')
            {
                into[written++] = text[at];
                continue;
            }

            if (++at == text.Length) return false;
            switch (text[at])
            {
                case (byte)'"' or (byte)'\\' or (byte)'/': into[written++] = text[at]; break;
                case (byte)'b': into[written++] = (byte)'\b'; break;
                case (byte)'f': into[written++] = (byte)'\f'; break;
                case (byte)'n': into[written++] = (byte)'\n'; break;
                case (byte)'r': into[written++] = (byte)'\r'; break;
                case (byte)'t': into[written++] = (byte)'\t'; break;
                case (byte)'u':
                    if (!TryReadRune(text[(at + 1)..], out Rune rune)) return false;
                    written += rune.EncodeToUtf8(into[written..]);
                    at += 4;
                    break;
                default: return false;
            }
        }

        text = into[..written];
        return true;
    }

    // Half of a surrogate pair is no character: the engine writes others as they are.
    private static bool TryReadRune(ReadOnlySpan<byte> text, out Rune rune)
    {
        rune = default;
        return text.Length >= 4 && ushort.TryParse(text[..4], System.Globalization.NumberStyles.AllowHexSpecifier, null, out ushort code)
            && Rune.TryCreate(code, out rune);
    }
}
