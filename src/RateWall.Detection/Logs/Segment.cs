using System.Runtime.CompilerServices;

namespace RateWall.Detection.Logs;

/// <summary>Literals and typed holes without a free hole between them: at a given place they have one reading.</summary>
internal sealed class Segment(Piece[] pieces)
{
    private readonly Step[] steps = StepsOf(pieces);
    private readonly Literal start = new(pieces is [{ Kind: PieceKind.Literal }, ..] ? pieces[0].Literal : []);

    /// <summary>A segment that holds nothing: before a free hole at the start, behind one at the end.</summary>
    public static Segment Empty { get; } = new([]);

    /// <summary>What it holds, in order.</summary>
    public IReadOnlyList<Piece> Pieces => pieces;

    /// <summary>True when it holds nothing.</summary>
    public bool IsEmpty => pieces.Length == 0;

    /// <summary>True when an {address} is in it.</summary>
    public bool HasAddress { get; } = Array.Exists(pieces, p => p.IsAddress);

    /// <summary>The literal it begins with; empty when it begins with a hole.</summary>
    public byte[] FirstLiteral => start.Bytes;

    /// <summary>The same, as it is looked for.</summary>
    public ref readonly Literal Start => ref start;

    /// <summary>
    /// How many of its bytes belong to no word, if it stands but at one place of a message that ends with it: in front of each hole is
    /// a byte that cannot be the hole's. 0 when that is not so.
    /// </summary>
    public int Gaps { get; } = GapsOf(pieces);

    /// <summary>How many bytes of its literals belong to no word.</summary>
    public int BytesOfNoWord => Gapped(pieces);

    /// <summary>True when no hole of it holds a byte that belongs to no word.</summary>
    public bool HasOnlyWords => Array.TrueForAll(pieces, p => p.Class is null || ByteClass.AnyWord.HoldsAllOf(p.Class));

    /// <summary>The most bytes that stand between its start and that of its first {address}.</summary>
    public int AddressReach { get; } = pieces.TakeWhile(p => !p.IsAddress).Sum(p => p.Kind == PieceKind.Literal ? p.Fixed.Length : p.Class!.Max);

    /// <summary>Matches at one place; the answer is where it ends, or -1.</summary>
    public int MatchAt(ReadOnlySpan<byte> message, int at, ref Boundaries bounds, ref Captures captures)
    {
        foreach (ref readonly Step step in steps.AsSpan())
        {
            if (!step.Literal.IsAt(message, at)) return -1;
            at += step.Literal.Length;
            if (step.Class is null) continue;
            if (at >= message.Length) return -1;
            int length = step.Class.Run(message, at, bounds.GuessEnd(at));
            if (step.GivesBack != 0 && length > 0 && message[at + length - 1] == step.GivesBack) length--;
            if (length == 0 || (step.Note != PieceNote.None && !Bind(step.Note, message, at, length, ref captures))) return -1;
            at += length;
        }

        return at;
    }

    /// <summary>The first place at or behind <paramref name="from"/> where it matches and ends by <paramref name="limit"/>.</summary>
    public int Find(ReadOnlySpan<byte> message, int from, int limit, bool toTheEnd, ref Boundaries bounds, ref Captures captures, out int end)
    {
        for (int at = from; at <= limit; at++)
        {
            at = Scan.First(message, at, limit, start);
            if (at < 0) break;
            Unsafe.SkipInit(out Captures tried);
            tried.Become(captures);
            end = MatchAt(message, at, ref bounds, ref tried);
            if (end < 0 || end > limit || (toTheEnd && end != limit)) continue;
            captures.Become(tried);
            return at;
        }

        end = -1;
        return -1;
    }

    private static int GapsOf(Piece[] pieces)
    {
        if (pieces is not [{ Kind: PieceKind.Literal } first, ..] || ByteClass.AnyWord.Holds(first.Literal[0])) return 0;
        for (int i = 1; i < pieces.Length; i++)
            if (pieces[i].Kind != PieceKind.Literal && (pieces[i - 1].Kind != PieceKind.Literal || pieces[i].Class!.Holds(pieces[i - 1].Literal[^1]))) return 0;
        return Gapped(pieces);
    }

    private static int Gapped(Piece[] pieces)
    {
        int count = 0;
        foreach (Piece piece in pieces)
            foreach (byte b in piece.Literal) count += ByteClass.AnyWord.Holds(b) ? 0 : 1;
        return count;
    }

    // A literal and the hole behind it are one step, and either may be missing. No list: see Candidate.
    private static Step[] StepsOf(Piece[] pieces)
    {
        var made = new Step[pieces.Where((p, i) => p.Kind == PieceKind.Literal || i == 0 || pieces[i - 1].Kind != PieceKind.Literal).Count()];
        for (int i = 0, step = 0; i < pieces.Length; i++, step++)
        {
            Piece? literal = pieces[i].Kind == PieceKind.Literal ? pieces[i] : null;
            bool goesOn = literal is null || (i + 1 < pieces.Length && pieces[i + 1].Kind != PieceKind.Literal);
            if (literal is not null && goesOn) i++;
            made[step] = new(literal?.Literal ?? [], goesOn ? pieces[i] : null);
        }

        return made;
    }

    /// <summary>Notes what a typed hole holds; false when a further {address} is another one than the first.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static bool Bind(PieceNote note, ReadOnlySpan<byte> message, int at, int length, ref Captures captures)
    {
        if (note != PieceNote.Address || captures.AddressStart >= 0) return BindRarer(note, message, at, length, ref captures);
        captures.SetAddress(at, length);
        return true;
    }

    private static bool BindRarer(PieceNote note, ReadOnlySpan<byte> message, int at, int length, ref Captures captures)
    {
        switch (note)
        {
            case PieceNote.Count:
                captures.Count = Math.Clamp(Number(message.Slice(at, length)), 1, Captures.MaxCount);
                break;
            case PieceNote.Address or PieceNote.Peer:
                if (note == PieceNote.Peer) TakePort(message, ref at, ref length);
                if (captures.AddressStart >= 0)
                    return Same(message.Slice(captures.AddressStart, captures.AddressLength), message.Slice(at, length));
                captures.SetAddress(at, length);
                break;
            case PieceNote.Session:
                captures.SessionStart = at;
                captures.SessionLength = length;
                break;
            case PieceNote.Stamp when captures.StampStart < 0:
                captures.StampStart = at;
                break;
        }

        return true;
    }

    // "192.0.2.7:4022", "[2001:db8::7]:4022", and what Apache makes of it, "2001:db8::7:4022".
    private static void TakePort(ReadOnlySpan<byte> message, ref int at, ref int length)
    {
        ReadOnlySpan<byte> peer = message.Slice(at, length);
        if (peer[0] == '[' && peer.LastIndexOf((byte)']') is > 0 and var close)
        {
            at++;
            length = close - 1;
        }
        else if (peer.LastIndexOf((byte)':') is >= 0 and var colon)
        {
            length = colon;
        }
    }

    /// <summary>Reads at most nine digits.</summary>
    internal static int Number(ReadOnlySpan<byte> digits)
    {
        int value = 0;
        foreach (byte c in digits) value = (value * 10) + (c - '0');
        return value;
    }

    private static bool Same(ReadOnlySpan<byte> first, ReadOnlySpan<byte> other) =>
        SourceAddress.TryParse(first, out SourceAddress a) && SourceAddress.TryParse(other, out SourceAddress b)
            ? a == b
            : first.SequenceEqual(other);

    private readonly struct Step(byte[] literal, Piece? hole)
    {
        public readonly Literal Literal = new(literal);
        public readonly ByteClass? Class = hole?.Class;
        public readonly byte GivesBack = hole?.GivesBack ?? 0;
        public readonly PieceNote Note = hole?.Note ?? PieceNote.None;
    }
}
