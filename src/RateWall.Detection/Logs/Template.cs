using System.Runtime.CompilerServices;
using System.Text;

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
    private readonly ByteClass? ending;
    private readonly bool findsNothing;
    private readonly RegexPattern? regex;

    /// <summary>A template that is a regular expression.</summary>
    public Template(RegexPattern regex)
    {
        this.regex = regex;
        Pieces = [];
        segments = [Segment.Empty];
        frees = [];
        Choice = AnchorChoice.Only;
        Signs = regex.Literals;
        findsNothing = !regex.FindsAddress;
    }

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
        int looked = Beginning.Count + (SecondSegment is null ? 0 : 1 + SecondSegment.Pieces.Count);
        Signs = [.. pieces.Skip(looked).Where(p => p.Literal.Length > 1).Select(p => p.Literal)];
        ending = LastByteOf(pieces[^1]);
        int address = pieces.ToList().FindIndex(p => p.IsAddress);
        findsNothing = address < 0 && bag is null;
        if (bag is not null || address < 0) return;
        if (anchor == 0) Stem = Written(pieces.Take(address));
        else if (anchor == 1 && Choice == AnchorChoice.Last)
        {
            Tail = Written(pieces.Skip(pieces.ToList().FindIndex(p => p.IsFree) + 1));
            if (segments.Length == 2 && segments[1].Gaps > 0 && segments[1].HasOnlyWords)
                Spot = string.Intern($"{segments[1].Gaps} {Written(segments[1].Pieces.TakeWhile(p => !p.IsAddress))}");
        }
    }

    /// <summary>The pieces, in order; none of a regular expression.</summary>
    public IReadOnlyList<Piece> Pieces { get; }

    /// <summary>The literals that every match holds.</summary>
    public byte[][] Literals => regex?.Literals ?? [.. Pieces.Where(p => p.Literal.Length > 0).Select(p => p.Literal)];

    /// <summary>Lines that its regular expression gave up.</summary>
    public long Timeouts => regex?.Timeouts ?? 0;

    /// <summary>Which anchor counts.</summary>
    public AnchorChoice Choice { get; }

    /// <summary>The pieces in front of the first free hole: every match begins with them, read in the one way there is.</summary>
    public IReadOnlyList<Piece> Beginning => segments[0].Pieces;

    /// <summary>True when nothing follows the beginning.</summary>
    public bool IsBeginningOnly => segments.Length == 1 && bag is null && regex is null;

    /// <summary>
    /// What stands behind the first free hole and is not empty, or null: every match has it somewhere behind the beginning.
    /// </summary>
    public Segment? SecondSegment => segments.Length > 1 && !segments[1].IsEmpty ? segments[1] : null;

    /// <summary>True when every match ends with the second segment.</summary>
    public bool EndsWithSecond => segments.Length == 2 && bag is null;

    /// <summary>The literals that every match holds behind its second segment, those of one byte left out.</summary>
    public byte[][] Signs { get; }

    /// <summary>
    /// What stands behind the first hole, where the anchor comes right there and the last one counts; else null. Templates
    /// with the same tail find the same anchor, or none.
    /// </summary>
    public string? Tail { get; }

    // Where the only place is that the tail can stand at, and what stands there before the {address}; null: that is not so. Of two
    // templates with the same spot that match one message both find one address.
    private string? Spot { get; }

    // What stands before the {address}, where no free hole does; else null. Templates with the same stem find the same address.
    private string? Stem { get; }

    /// <summary>
    /// True when this one, should it match too, cannot change what <paramref name="taken"/> found. With the same tail, the
    /// one that was taken stands at the last place there is, and no other stands behind it.
    /// </summary>
    /// <param name="taken">The template that matched.</param>
    /// <param name="sameRule">True when both are of one rule.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool IsMootBeside(Template taken, bool sameRule) =>
        (Tail is not null && ReferenceEquals(Tail, taken.Tail)) || (Spot is not null && ReferenceEquals(Spot, taken.Spot)) || (Stem is not null && ReferenceEquals(Stem, taken.Stem))
        || (!sameRule && findsNothing);

    /// <summary>False when no match ends as a message does.</summary>
    /// <param name="last">The message's last byte; 256: it is empty.</param>
    public bool CanEnd(int last) => ending is null || (last < 256 && ending.Holds((byte)last));

    /// <summary>Matches a whole message.</summary>
    /// <param name="message">The message; see <see cref="Scan.Readable"/>.</param>
    /// <param name="captures">What was found.</param>
    public bool Match(ReadOnlySpan<byte> message, out Captures captures)
    {
        captures = Captures.Empty;
        Unsafe.SkipInit(out Boundaries bounds);
        bounds.Read(message);
        int done = MatchBeginning(message, ref bounds, ref captures);
        return done >= 0 && MatchBehind(message, done, -1, ref bounds, ref captures, out _);
    }

    /// <summary>Matches the beginning; the answer is where it ends, or -1.</summary>
    public int MatchBeginning(ReadOnlySpan<byte> message, ref Boundaries bounds, ref Captures captures) => segments[0].MatchAt(message, 0, ref bounds, ref captures);

    /// <summary>Matches what follows the beginning.</summary>
    /// <param name="message">The whole message.</param>
    /// <param name="done">Where the beginning ends.</param>
    /// <param name="beyond">Where an address is known already that none to its left can change, or -1.</param>
    /// <param name="bounds">The message's words.</param>
    /// <param name="captures">What the beginning found; what all of it found.</param>
    /// <param name="noTail">True when nothing matched because the <see cref="Tail"/> is nowhere in the message, or nowhere that matters.</param>
    public bool MatchBehind(ReadOnlySpan<byte> message, int done, int beyond, ref Boundaries bounds, ref Captures captures, out bool noTail)
    {
        noTail = false;
        if (regex is not null) return regex.Match(message, ref captures);
        if (bag is not null) return MatchBag(message, done, ref bounds, ref captures);
        if (anchor == 0) return MatchRight(message, 0, done, ref bounds, ref captures);
        return Tail is null ? MatchAnchor(message, done, ref bounds, ref captures) : MatchTail(message, done, beyond, ref bounds, ref captures, out noTail);
    }

    // As MatchAnchor, from the end of the message down to its very beginning: so the answer holds for every template with
    // this tail, however much of the message its beginning takes.
    private bool MatchTail(ReadOnlySpan<byte> message, int from, int beyond, ref Boundaries bounds, ref Captures captures, out bool noTail)
    {
        Segment segment = segments[1];
        int low = Math.Max(0, beyond + 1 - segment.AddressReach), high = message.Length;
        Unsafe.SkipInit(out Captures start);
        start.Become(captures);
        if (segment.Gaps > 0 && segments.Length == 2 && bounds.GuessStart(high, segment.Gaps) is var guess && guess >= Math.Max(low, from)
            && segment.MatchAt(message, guess, ref bounds, ref captures) == high)
        {
            // The only place there is.
            noTail = false;
            Take(frees[0], from, guess, ref captures);
            return true;
        }

        noTail = true;
        while (true)
        {
            int at = Scan.Last(message, low, high, segment.Start);
            if (at < 0) return false;
            high = at + segment.Start.Length - 1;
            captures.Become(start);
            int behind = segment.MatchAt(message, at, ref bounds, ref captures);
            if (behind < 0 || !MatchRight(message, 1, behind, ref bounds, ref captures)) continue;
            noTail = false;
            if (at < from) return false;
            Take(frees[0], from, at, ref captures);
            return true;
        }
    }

    private bool MatchBag(ReadOnlySpan<byte> message, int end, ref Boundaries bounds, ref Captures captures)
    {
        for (int i = 1; i < segments.Length; i++)
            if (segments[i].Find(message, end, message.Length, toTheEnd: false, ref bounds, ref captures, out end) < 0) return false;
        return bag!.Match(message, end, ref bounds, ref captures);
    }

    // Tries every place the anchor could stand, from the side its choice looks from.
    private bool MatchAnchor(ReadOnlySpan<byte> message, int from, ref Boundaries bounds, ref Captures captures)
    {
        Segment segment = segments[anchor];
        bool found = false;
        Unsafe.SkipInit(out Captures start);
        start.Become(captures);
        int low = from, high = message.Length;
        while (low <= high)
        {
            int at = Choice == AnchorChoice.Last
                ? Scan.Last(message, low, high, segment.Start)
                : Scan.First(message, low, high, segment.Start);
            if (at < 0) break;
            if (Choice == AnchorChoice.Last) high = at + segment.Start.Length - 1;
            else low = at + 1;
            Unsafe.SkipInit(out Captures tried);
            tried.Become(start);
            int end = segment.MatchAt(message, at, ref bounds, ref tried);
            if (end < 0 || !MatchRight(message, anchor, end, ref bounds, ref tried) || !MatchLeft(message, from, at, ref bounds, ref tried)) continue;
            if (found)
            {
                captures = Captures.Empty;
                captures.Ambiguous = true;
                return true;
            }

            found = true;
            captures.Become(tried);
            if (Choice != AnchorChoice.Only) return true;
        }

        return found;
    }

    // Segments between the first and the anchor; the last free hole takes what is left before the anchor.
    private bool MatchLeft(ReadOnlySpan<byte> message, int at, int anchorStart, ref Boundaries bounds, ref Captures captures)
    {
        for (int i = 1; i < anchor; i++)
        {
            int place = segments[i].Find(message, at, anchorStart, toTheEnd: false, ref bounds, ref captures, out int end);
            if (place < 0) return false;
            Take(frees[i - 1], at, place, ref captures);
            at = end;
        }

        Take(frees[anchor - 1], at, anchorStart, ref captures);
        return at <= anchorStart;
    }

    private bool MatchRight(ReadOnlySpan<byte> message, int done, int at, ref Boundaries bounds, ref Captures captures)
    {
        for (int i = done + 1; i < segments.Length; i++)
        {
            bool last = i == segments.Length - 1;
            if (last && segments[i].IsEmpty)
            {
                Take(frees[i - 1], at, message.Length, ref captures);
                return true;
            }

            int place = segments[i].Find(message, at, message.Length, last, ref bounds, ref captures, out int end);
            if (place < 0) return false;
            Take(frees[i - 1], at, place, ref captures);
            at = end;
        }

        return at == message.Length;
    }

    private static void Take(Piece free, int start, int end, ref Captures captures)
    {
        if (free.Kind != PieceKind.User) return;
        captures.SetUser(start, end - start);
    }

    // Equal for equal pieces, and then the same object, so that comparing is cheap.
    private static string Written(IEnumerable<Piece> pieces) =>
        string.Intern(string.Join('\0', pieces.Select(p => (char)('a' + (int)p.Kind) + (p.Kind == PieceKind.Literal ? Encoding.Latin1.GetString(p.Literal) : p.ToString() + (char)p.GivesBack))));

    private static ByteClass? LastByteOf(Piece last) => last.Kind switch
    {
        PieceKind.Typed => last.Class,
        PieceKind.Literal => ByteClass.Just(last.Literal[^1]),
        _ => null,
    };
}
