using System.Text;

namespace RateWall.Detection.Logs;

/// <summary>Makes lines that a template matches, for those who look whether it does what it says.</summary>
internal static class RuleExample
{
    /// <summary>The pieces of a line, one for each piece of the template, so that it can be cut where the template can.</summary>
    /// <param name="template">The template; one that is a regular expression has no pieces.</param>
    /// <param name="address">What {address} and {peer} hold.</param>
    /// <param name="fill">What any other hole holds; null: what such a hole usually does.</param>
    public static string[] Pieces(Template template, string address, Func<Piece, string?> fill) =>
        [.. template.Pieces.Select(p => Text(p, address, fill))];

    private static string Text(Piece piece, string address, Func<Piece, string?> fill)
    {
        if (piece.Kind == PieceKind.Literal) return Encoding.Latin1.GetString(piece.Literal);
        if (piece.Fields is { } bag)
        {
            string separator = Encoding.Latin1.GetString(bag.Separator);
            return string.Join(separator, bag.Fields.Select(f => Latin1(f.Key) + Latin1(f.Open) + Text(f.Hole, address, fill) + Latin1(f.Close)));
        }

        if (piece.Class == ByteClass.Peer) return address.Contains(':', StringComparison.Ordinal) ? $"[{address}]:4022" : $"{address}:4022";
        if (piece.IsAddress) return address;
        if (fill(piece) is { } text) return text;
        if (piece.IsFree) return "text";
        if (piece.Class == ByteClass.Stamp) return "21/Nov/2026:04:00:00";
        return piece.Class == ByteClass.Host || piece.Class == ByteClass.Helo ? "198.51.100.1" : "22";
    }

    private static string Latin1(byte[] bytes) => Encoding.Latin1.GetString(bytes);
}
