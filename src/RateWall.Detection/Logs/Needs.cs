using System.Text;

namespace RateWall.Detection.Logs;

/// <summary>A few literals of which every message has one that matches any of certain templates, and that others lack.</summary>
internal sealed class Needs
{
    // More take longer than the way that they save.
    private const int Most = 4;

    // With more templates it takes too long to find them.
    private const int MostTemplates = 128;

    private const int Shortest = 2;
    private const int Longest = 8;

    private readonly Literal[] literals;

    private Needs(List<byte[]> all)
    {
        literals = new Literal[all.Count];
        for (int i = 0; i < literals.Length; i++) literals[i] = new(all[i]);
    }

    /// <summary>Looks for such literals; null: there are not so few.</summary>
    /// <param name="templates">The templates; none: every message lacks what it needs.</param>
    /// <param name="lacking">A message that shall lack them.</param>
    public static Needs? Of(IReadOnlyList<Template> templates, ReadOnlySpan<byte> lacking)
    {
        if (templates.Count > MostTemplates) return null;
        List<byte[]> found = [];
        // What a template holds, as one text of a line for each literal.
        List<byte[]> open = [.. templates.Select(TextOf)];
        while (open.Count > 0)
        {
            if (found.Count == Most || Best(open, lacking) is not { } best) return null;
            found.Add(best);
            open.RemoveAll(text => text.AsSpan().IndexOf(best) >= 0);
        }

        return new(found);
    }

    /// <summary>True when a message has none of them.</summary>
    /// <param name="message">The message; see <see cref="Scan.Readable"/>.</param>
    public bool AreAbsent(ReadOnlySpan<byte> message)
    {
        // By their places: a span of them is not compiled ahead.
        for (int i = 0; i < literals.Length; i++)
            if (Scan.First(message, 0, message.Length, literals[i]) >= 0) return false;
        return true;
    }

    // Of what the first text's literals begin or end with the one that most texts hold, of several the longest.
    private static byte[]? Best(List<byte[]> texts, ReadOnlySpan<byte> lacking)
    {
        byte[]? best = null;
        int most = 0;
        ReadOnlySpan<byte> rest = texts[0];
        while (rest.IndexOf((byte)'\n') is >= 0 and var end)
        {
            ReadOnlySpan<byte> literal = rest[..end];
            rest = rest[(end + 1)..];
            for (int length = Shortest; length <= Math.Min(Longest, literal.Length); length++)
            {
                Try(literal[..length], lacking);
                if (length < literal.Length) Try(literal[^length..], lacking);
            }
        }

        return best;

        void Try(ReadOnlySpan<byte> part, ReadOnlySpan<byte> message)
        {
            if (message.IndexOf(part) >= 0) return;
            int count = 0;
            foreach (byte[] text in texts)
                if (text.AsSpan().IndexOf(part) >= 0) count++;
            if (count < most || (count == most && part.Length <= best!.Length)) return;
            most = count;
            best = part.ToArray();
        }
    }

    private static byte[] TextOf(Template template)
    {
        var text = new StringBuilder();
        foreach (byte[] literal in template.Literals) text.Append(Encoding.Latin1.GetString(literal)).Append('\n');
        return Encoding.Latin1.GetBytes(text.ToString());
    }
}
