using System.Buffers;
using System.Globalization;
using System.Text;

namespace RateWall.Output;

/// <summary>
/// Makes text that others wrote (log lines, user names, files) harmless for a terminal: nothing in it moves the cursor, sets
/// colours, turns writing direction or hides. Escaped text is for eyes, not for reading back.
/// </summary>
public static class TerminalText
{
    /// <summary>Escapes a text of one line: control characters, line ends, bidi controls and invisible characters.</summary>
    public static string Escape(string text) => Escape(text, keepLineFeeds: false);

    /// <summary>Escapes a text of several lines: as <see cref="Escape(string)"/>, but line feeds stay.</summary>
    public static string EscapeLines(string text) => Escape(text, keepLineFeeds: true);

    /// <summary>Decodes hostile bytes as UTF-8 and escapes them; bytes that are none become \xNN.</summary>
    public static string FromBytes(ReadOnlySpan<byte> bytes)
    {
        var output = new StringBuilder(bytes.Length);
        while (!bytes.IsEmpty)
        {
            if (Rune.DecodeFromUtf8(bytes, out Rune rune, out int consumed) == OperationStatus.Done)
            {
                Append(output, rune, keepLineFeeds: false);
            }
            else
            {
                foreach (byte b in bytes[..consumed]) output.Append(CultureInfo.InvariantCulture, $"\\x{b:x2}");
            }

            bytes = bytes[consumed..];
        }

        return output.ToString();
    }

    private static string Escape(string text, bool keepLineFeeds)
    {
        if (IsPlainAscii(text)) return text;
        var output = new StringBuilder(text.Length + 16);
        ReadOnlySpan<char> rest = text;
        while (!rest.IsEmpty)
        {
            if (Rune.DecodeFromUtf16(rest, out Rune rune, out int consumed) == OperationStatus.Done)
                Append(output, rune, keepLineFeeds);
            else
                output.Append(CultureInfo.InvariantCulture, $"\\u{(int)rest[0]:x4}");
            rest = rest[consumed..];
        }

        return output.ToString();
    }

    private static bool IsPlainAscii(string text)
    {
        foreach (char c in text)
            if (c is < ' ' or > '~') return false;
        return true;
    }

    private static void Append(StringBuilder output, Rune rune, bool keepLineFeeds)
    {
        if (rune.Value == '\n' && keepLineFeeds) output.Append('\n');
        else if (!IsHarmful(rune)) output.Append(rune.ToString());
        else if (rune.Value == '\t') output.Append("\\t");
        else if (rune.Value == '\n') output.Append("\\n");
        else if (rune.Value == '\r') output.Append("\\r");
        else if (rune.Value < 0x100) output.Append(CultureInfo.InvariantCulture, $"\\x{rune.Value:x2}");
        else output.Append(CultureInfo.InvariantCulture, $"\\u{{{rune.Value:x}}}");
    }

    // Cc: C0, DEL and C1 (a terminal may take U+009B for ESC [). Cf: bidi controls, joiners, tags and other invisible
    // characters. Zl, Zp: line ends for some viewers. Cn and Co: whatever a font makes of them.
    private static bool IsHarmful(Rune rune) => Rune.GetUnicodeCategory(rune) is
        UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator
        or UnicodeCategory.OtherNotAssigned or UnicodeCategory.PrivateUse or UnicodeCategory.Surrogate;
}
