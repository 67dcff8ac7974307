using System.Text;
using System.Text.Unicode;

namespace RateWall.Policy;

/// <summary>Turns the bytes of a policy file into text a YAML parser may be given, or says what is wrong with them.</summary>
internal static class PolicyText
{
    /// <summary>The most bytes a policy file may have; an allow list of 50,000 networks fits.</summary>
    public const int MostBytes = 1024 * 1024;

    /// <summary>Decodes and checks; null when there was a problem.</summary>
    /// <param name="file">The file's name, for problems.</param>
    /// <param name="bytes">Its bytes, at most one more than <see cref="MostBytes"/>.</param>
    /// <param name="problems">Takes the problem.</param>
    public static string? Decode(string file, ReadOnlySpan<byte> bytes, PolicyProblems problems)
    {
        if (bytes.Length > MostBytes)
        {
            problems.Add(new ValueOrigin(file, 0, 0), "the file is larger than 1 MiB; split it into files in conf.d");
            return null;
        }

        if (bytes.StartsWith("\uFEFF"u8)) bytes = bytes[3..];
        if (bytes.StartsWith<byte>([0xFF, 0xFE]) || bytes.StartsWith<byte>([0xFE, 0xFF]))
        {
            problems.Add(new ValueOrigin(file, 1, 1), "the file is UTF-16; save it as UTF-8");
            return null;
        }

        char[] chars = new char[bytes.Length];
        System.Buffers.OperationStatus status = Utf8.ToUtf16(bytes, chars, out int read, out int written, replaceInvalidSequences: false);
        string text = new(chars, 0, written);
        if (status != System.Buffers.OperationStatus.Done)
        {
            problems.Add(PlaceOf(file, text, text.Length), $"byte 0x{bytes[read]:x2} is not UTF-8; save the file as UTF-8");
            return null;
        }

        return HasOnlyHarmlessText(file, text, problems) ? text : null;
    }

    private static bool HasOnlyHarmlessText(string file, string text, PolicyProblems problems)
    {
        bool indenting = true;
        for (int i = 0; i < text.Length; i++)
        {
            char c = text[i];
            if (c == '\n')
            {
                indenting = true;
            }
            else if (c == '\t' && indenting && !RestIsBlank(text, i))
            {
                problems.Add(PlaceOf(file, text, i), "a tab indents this line, and YAML indents by spaces only; replace it by spaces");
                return false;
            }
            else if (char.IsControl(c) && c is not ('\t' or '\r') || c is '\u2028' or '\u2029' or '\uFEFF' or '\uFFFE' or '\uFFFF')
            {
                problems.Add(PlaceOf(file, text, i), $"the character U+{(int)c:X4} has no place in a policy; remove it");
                return false;
            }

            // A carriage return alone would start a new line for YAML, but not for an editor or for us.
            if (c == '\r' && (i + 1 == text.Length || text[i + 1] != '\n'))
            {
                problems.Add(PlaceOf(file, text, i), "a carriage return stands alone here; end lines with a line feed");
                return false;
            }

            if (c is not (' ' or '\n' or '\t')) indenting = false;
        }

        return true;
    }

    private static bool RestIsBlank(string text, int from)
    {
        for (int i = from; i < text.Length; i++)
        {
            if (text[i] is '\n' or '#') return true;
            if (text[i] is not (' ' or '\t' or '\r')) return false;
        }

        return true;
    }

    private static ValueOrigin PlaceOf(string file, string text, int index)
    {
        ReadOnlySpan<char> before = text.AsSpan(0, index);
        int lastLineFeed = before.LastIndexOf('\n');
        return new ValueOrigin(file, before.Count('\n') + 1, index - lastLineFeed);
    }
}
