using System.Runtime.CompilerServices;

namespace RateWall.Detection.Logs;

/// <summary>Which anchor is the daemon's own when there could be several.</summary>
internal enum AnchorChoice
{
    /// <summary>Clients write only to the right of it.</summary>
    First,

    /// <summary>Clients write only to the left of it.</summary>
    Last,

    /// <summary>Clients write on both sides: just one anchor may be possible.</summary>
    Only,
}

/// <summary>
/// One template without options: segments with free holes between them. The segment that holds the first {address} is
/// the anchor; what stands beyond a hostile hole never decides where it is.
/// </summary>
internal sealed class Template
{
    private readonly Segment[] segments;
    private readonly Piece[] frees;
    private readonly FieldBag? bag;
    private readonly int anchor;

    public Template(IReadOnlyList<Piece> pieces)
    {
        Pieces = pieces;
        var parts = new List<Segment>();
        var between = new List<Piece>();
        var run = new List<Piece>();
        foreach (Piece piece in pieces)
        {
            if (piece.Kind == PieceKind.Fields)
            {
                bag = piece.Fields;
            }
            else if (piece.IsFree)
            {
                parts.Add(run.Count == 0 ? Segment.Empty : new([.. run]));
                between.Add(piece);
                run.Clear();
            }
            else
            {
                run.Add(piece);
            }
        }

        parts.Add(run.Count == 0 ? Segment.Empty : new([.. run]));
        segments = [.. parts];
        frees = [.. between];
        anchor = Math.Max(0, parts.FindIndex(s => s.HasAddress));
        bool left = frees.Take(anchor).Any(f => f.IsHostile);
        bool right = frees.Skip(anchor).Any(f => f.IsHostile);
        Choice = left && right ? AnchorChoice.Only
            : left || anchor == segments.Length - 1 ? AnchorChoice.Last
            : AnchorChoice.First;
    }

    /// <summary>The pieces, in order.</summary>
    public IReadOnlyList<Piece> Pieces { get; }

    /// <summary>Which anchor counts.</summary>
    public AnchorChoice Choice { get; }

    /// <summary>The literal every match begins with; may be empty.</summary>
    public byte[] Prefix => segments[0].FirstLiteral;

    /// <summary>Matches a whole message.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public bool Match(ReadOnlySpan<byte> message, out Captures captures)
    {
        captures = Captures.Empty;
        int end = 0;
        if (!segments[0].IsEmpty)
        {
            end = segments[0].MatchAt(message, 0, ref captures);
            if (end < 0) return false;
        }

        if (bag is not null) return MatchBag(message, end, ref captures);
        return anchor == 0 ? MatchRight(message, 0, end, ref captures) : MatchAnchor(message, end, ref captures);
    }

    private bool MatchBag(ReadOnlySpan<byte> message, int end, ref Captures captures)
    {
        for (int i = 1; i < segments.Length; i++)
            if (segments[i].Find(message, end, message.Length, toTheEnd: false, ref captures, out end) < 0) return false;
        return bag!.Match(message, end, ref captures);
    }

    // Tries every place the anchor could stand, from the side its choice looks from.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private bool MatchAnchor(ReadOnlySpan<byte> message, int from, ref Captures captures)
    {
        Segment segment = segments[anchor];
        bool found = false;
        Captures start = captures;
        int low = from, high = message.Length;
        while (low <= high)
        {
            int step = Choice == AnchorChoice.Last
                ? message[low..high].LastIndexOf(segment.FirstLiteral)
                : message[low..high].IndexOf(segment.FirstLiteral);
            if (step < 0) break;
            int at = low + step;
            if (Choice == AnchorChoice.Last) high = at + segment.FirstLiteral.Length - 1;
            else low = at + 1;
            Captures tried = start;
            int end = segment.MatchAt(message, at, ref tried);
            if (end < 0 || !MatchRight(message, anchor, end, ref tried) || !MatchLeft(message, from, at, ref tried)) continue;
            if (found)
            {
                captures = Captures.Empty;
                captures.Ambiguous = true;
                return true;
            }

            found = true;
            captures = tried;
            if (Choice != AnchorChoice.Only) return true;
        }

        return found;
    }

    // Segments between the first and the anchor; the last free hole takes what is left before the anchor.
    private bool MatchLeft(ReadOnlySpan<byte> message, int at, int anchorStart, ref Captures captures)
    {
        for (int i = 1; i < anchor; i++)
        {
            int place = segments[i].Find(message, at, anchorStart, toTheEnd: false, ref captures, out int end);
            if (place < 0) return false;
            Take(frees[i - 1], at, place, ref captures);
            at = end;
        }

        Take(frees[anchor - 1], at, anchorStart, ref captures);
        return at <= anchorStart;
    }

    private bool MatchRight(ReadOnlySpan<byte> message, int done, int at, ref Captures captures)
    {
        for (int i = done + 1; i < segments.Length; i++)
        {
            bool last = i == segments.Length - 1;
            if (last && segments[i].IsEmpty)
            {
                Take(frees[i - 1], at, message.Length, ref captures);
                return true;
            }

            int place = segments[i].Find(message, at, message.Length, last, ref captures, out int end);
            if (place < 0) return false;
            Take(frees[i - 1], at, place, ref captures);
            at = end;
        }

        return at == message.Length;
    }

    private static void Take(Piece free, int start, int end, ref Captures captures)
    {
        if (free.Kind != PieceKind.User) return;
        captures.UserStart = start;
        captures.UserLength = end - start;
    }
}
