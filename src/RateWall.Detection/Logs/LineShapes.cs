using System.Text;

namespace RateWall.Detection.Logs;

/// <summary>A form that lines have: the words they share, with "*" for what differs.</summary>
/// <param name="Text">The form, of words that are letters and few marks. Whoever wrote the lines chose them: escape before showing.</param>
/// <param name="Count">How many lines had it.</param>
public sealed record LineShape(string Text, long Count);

/// <summary>
/// The most frequent forms of lines, in bounded memory whatever the lines say. A word with a digit, an address or anything
/// but letters in it is a "*" from the start; two lines of as many words that agree in most of them are one form, and
/// what they differ in, such as users' names, becomes a "*".
/// </summary>
public sealed class LineShapes
{
    /// <summary>The most forms that are kept; a new one takes the place of the rarest.</summary>
    public const int Most = 12;

    /// <summary>The most words of a form.</summary>
    public const int MostWords = 24;

    private const int MostWord = 24;
    private const string Any = "*";

    // As few words that agree as this make two lines of one form.
    private const double Alike = 0.6;

    private readonly List<(string[] Words, long Count)> shapes = [];

    /// <summary>The forms, the most frequent first.</summary>
    public IReadOnlyList<LineShape> All => [.. shapes.OrderByDescending(s => s.Count).Select(s => new LineShape(string.Join(' ', s.Words), s.Count))];

    /// <summary>Counts a line.</summary>
    public void Add(ReadOnlySpan<byte> line) => Add(WordsOf(line), 1);

    /// <summary>Counts lines of a form that was found before.</summary>
    public void Add(LineShape shape)
    {
        ArgumentNullException.ThrowIfNull(shape);
        Add(WordsOf(Encoding.Latin1.GetBytes(shape.Text)), shape.Count);
    }

    private void Add(string[] words, long count)
    {
        for (int i = 0; i < shapes.Count; i++)
        {
            if (!AreAlike(shapes[i].Words, words)) continue;
            shapes[i] = (Common(shapes[i].Words, words), shapes[i].Count + count);
            return;
        }

        if (shapes.Count == Most) shapes.RemoveAt(shapes.FindIndex(s => s.Count == shapes.Min(other => other.Count)));
        shapes.Add((words, count));
    }

    private static bool AreAlike(string[] one, string[] other)
    {
        if (one.Length != other.Length) return false;
        int same = 0;
        for (int i = 0; i < one.Length; i++)
            if (one[i] == other[i]) same++;
        return same >= one.Length * Alike;
    }

    private static string[] Common(string[] one, string[] other)
    {
        string[] common = [.. one];
        for (int i = 0; i < common.Length; i++)
            if (common[i] != other[i]) common[i] = Any;
        return common;
    }

    private static string[] WordsOf(ReadOnlySpan<byte> line)
    {
        var words = new List<string>(MostWords);
        foreach (Range part in line.Split((byte)' '))
        {
            ReadOnlySpan<byte> word = line[part];
            if (word.IsEmpty) continue;
            string read = IsPlain(word) ? Encoding.ASCII.GetString(word) : Any;
            // Somebody's name of many words is one "*".
            if (read == Any && words.Count > 0 && words[^1] == Any) continue;
            if (words.Count == MostWords) break;
            words.Add(read);
        }

        return [.. words];
    }

    private static bool IsPlain(ReadOnlySpan<byte> word)
    {
        ReadOnlySpan<byte> letters = word.Trim("():;,.!"u8);
        if (letters.IsEmpty || word.Length > MostWord) return false;
        foreach (byte b in letters)
            if (!char.IsAsciiLetter((char)b) && b is not ((byte)'-' or (byte)'_' or (byte)'/')) return false;
        return true;
    }
}
