using System.Text;

namespace RateWall.Detection.Logs;

/// <summary>
/// How to see with few glances at a message that matches one template that none of certain others matches it, too: each of them
/// has something in every message of its own that this one has not, or has elsewhere.
/// </summary>
internal sealed class OtherTemplates
{
    // So much of a literal tells as well as all of it, and many templates share it.
    private const int Telling = 4;

    // As little may stand but once in a message.
    private const int LeastShared = 3;

    // So many with one literal are better looked for by it.
    private const int Many = 3;

    /// <summary>What stands nowhere in the message.</summary>
    public List<byte[]> Absent { get; } = [];

    /// <summary>What stands in the message but once, where the own template has it.</summary>
    public List<byte[]> Single { get; } = [];

    /// <summary>What the message does not begin with.</summary>
    public List<Segment> Beginnings { get; } = [];

    /// <summary>What does not follow the own beginning.</summary>
    public List<byte[]> Continued { get; } = [];

    /// <summary>How many times a message is looked at.</summary>
    public int Looks => Absent.Count + (2 * Single.Count) + Beginnings.Count;

    /// <summary>How all others are looked for; null when that is not possible.</summary>
    public static OtherTemplates? Of(List<Template> all, Template own, int at)
    {
        var found = new OtherTemplates();
        all.RemoveAll(other =>
        {
            if (ContinuationOf(other, own) is not { } continuation) return false;
            if (!found.Continued.Exists(known => known.AsSpan().SequenceEqual(continuation))) found.Continued.Add(continuation);
            return true;
        });
        IEnumerable<IGrouping<string, Template>> sharing = all.GroupBy(other => Encoding.Latin1.GetString(SharedOf(other, own) ?? []), StringComparer.Ordinal);
        foreach (IGrouping<string, Template> same in sharing.Where(g => g.Key.Length > 0 && g.Count() >= Many).ToArray())
        {
            AddShortest(found.Single, Encoding.Latin1.GetBytes(same.Key));
            all.RemoveAll(same.Contains);
        }

        // Most that begin otherwise do so at once.
        List<Template> others = all.FindAll(other => BeginsOtherwise(other, own) && Behind(other.Beginning, at) is not null);
        if (others.Count < Many)
        {
            found.Beginnings.AddRange(others.Select(other => Behind(other.Beginning, at)!));
            all.RemoveAll(others.Contains);
        }

        foreach (Template other in all)
        {
            if (TellingOf(other, own) is not { } literal) return null;
            AddShortest(found.Absent, literal);
        }

        return found;
    }

    /// <summary>What is left of a beginning behind so many bytes; null when these are more than its first literal has.</summary>
    public static Segment? Behind(IReadOnlyList<Piece> pieces, int bytes)
    {
        if (bytes == 0) return new([.. pieces]);
        if (pieces.Count == 0 || pieces[0].Literal.Length < bytes) return null;
        byte[] rest = pieces[0].Literal[bytes..];
        return new(rest.Length == 0 ? [.. pieces.Skip(1)] : [new Piece(PieceKind.Literal) { Literal = rest }, .. pieces.Skip(1)]);
    }

    private static bool BeginsOtherwise(Template template, Template own) =>
        template.Beginning.Count > 0 && own.Beginning.Count > 0 && !AreSame(template.Beginning[0], own.Beginning[0]);

    // Where a shorter one is not, there is no longer one that begins with it.
    private static void AddShortest(List<byte[]> literals, byte[] literal)
    {
        if (literals.Exists(known => literal.AsSpan().StartsWith(known))) return;
        literals.RemoveAll(known => known.AsSpan().StartsWith(literal));
        literals.Add(literal);
    }

    // What follows the own beginning in every message that matches the template; null when that is not so.
    private static byte[]? ContinuationOf(Template template, Template own)
    {
        (IReadOnlyList<Piece> longer, IReadOnlyList<Piece> shorter) = (template.Beginning, own.Beginning);
        if (shorter.Count == 0 || longer.Count < shorter.Count) return null;
        int last = shorter.Count - 1;
        for (int i = 0; i < last; i++)
            if (!AreSame(longer[i], shorter[i])) return null;
        if (AreSame(longer[last], shorter[last])) return longer.Count > last + 1 && longer[last + 1].Literal is { Length: > 0 } next ? next : null;
        byte[] literal = longer[last].Literal;
        return shorter[last].Literal.Length > 0 && literal.AsSpan().StartsWith(shorter[last].Literal) ? literal[shorter[last].Literal.Length..] : null;
    }

    private static bool AreSame(Piece one, Piece other) =>
        one.Kind == other.Kind && one.Class == other.Class && one.GivesBack == other.GivesBack && one.Literal.AsSpan().SequenceEqual(other.Literal);

    // A literal that every message has that matches one template, and hardly any that matches the other; null: there is none.
    private static byte[]? TellingOf(Template template, Template other)
    {
        // First behind the beginning: what stands in it the other one may often hold in its own.
        int begun = template.Beginning.Count(p => p.Literal.Length > 0);
        byte[][] all = template.Literals;
        foreach (byte[] literal in all.Skip(begun).Concat(all.Take(begun)))
        {
            // One that goes on where the other's free text begins is in many of its messages for a while.
            int least = Math.Min(Telling, Math.Max(2, literal.Length));
            for (int i = 0; i + 1 < other.Pieces.Count; i++)
                if (other.Pieces[i].Literal is { Length: > 0 } one && other.Pieces[i + 1].IsFree && literal.AsSpan().StartsWith(one)) least = Math.Max(least, one.Length + Telling);
            for (int length = least; length <= literal.Length; length++)
                if (!other.Pieces.Any(p => p.Literal.AsSpan().IndexOf(literal.AsSpan(0, length)) >= 0)) return literal[..length];
        }

        return null;
    }

    // How a literal begins that both have, and that goes on otherwise in each: where it stands but once one of the two is not
    // there. Null: there is none.
    private static byte[]? SharedOf(Template template, Template own)
    {
        foreach (Piece piece in template.Pieces)
        {
            foreach (Piece one in own.Pieces)
            {
                int length = piece.Literal.AsSpan().CommonPrefixLength(one.Literal);
                if (length >= LeastShared && length < piece.Literal.Length && length < one.Literal.Length && Count(own, one.Literal.AsSpan(0, length)) == 1)
                    return one.Literal[..length];
            }
        }

        return null;
    }

    private static int Count(Template template, ReadOnlySpan<byte> part)
    {
        int count = 0;
        foreach (Piece piece in template.Pieces)
            for (int at = 0; at < piece.Literal.Length; at++)
                if (piece.Literal.AsSpan(at).StartsWith(part)) count++;
        return count;
    }
}
