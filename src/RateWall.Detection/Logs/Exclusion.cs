namespace RateWall.Detection.Logs;

/// <summary>
/// Whether two templates can both match one message. Only what is certain from the pieces in front of the first free hole and from
/// those behind the last one is found out; "perhaps" is an answer, and never a wrong one.
/// </summary>
internal static class Exclusion
{
    /// <summary>True when no message matches both.</summary>
    public static bool IsCertain(Template one, Template other)
    {
        if (one.Pieces.Count == 0 || other.Pieces.Count == 0) return false;
        return FromStart(one.Pieces, other.Pieces) || FromEnd(one.Pieces, other.Pieces);
    }

    private static bool FromStart(IReadOnlyList<Piece> one, IReadOnlyList<Piece> other)
    {
        (int i, int j) = (0, 0);
        // How much of the two literals lies behind.
        (int inI, int inJ) = (0, 0);
        while (i < one.Count && j < other.Count)
        {
            (Piece a, Piece b) = (one[i], other[j]);
            if (!IsCertain(a) || !IsCertain(b)) return false;
            if (a.Kind == PieceKind.Literal && b.Kind == PieceKind.Literal)
            {
                if (a.Literal[inI] != b.Literal[inJ]) return true;
                if (++inI == a.Literal.Length) (i, inI) = (i + 1, 0);
                if (++inJ == b.Literal.Length) (j, inJ) = (j + 1, 0);
            }
            else if (a.Kind == PieceKind.Typed && b.Kind == PieceKind.Typed)
            {
                if (!a.Class!.Meets(b.Class!)) return true;
                if (a.Class != b.Class || a.GivesBack != b.GivesBack) return false;
                (i, j) = (i + 1, j + 1);
            }
            else if (a.Kind == PieceKind.Literal)
            {
                int run = RunOver(a.Literal, inI, i == one.Count - 1, b);
                if (run <= 0) return run == 0;
                j++;
                if ((inI += run) == a.Literal.Length) (i, inI) = (i + 1, 0);
            }
            else
            {
                int run = RunOver(b.Literal, inJ, j == other.Count - 1, a);
                if (run <= 0) return run == 0;
                i++;
                if ((inJ += run) == b.Literal.Length) (j, inJ) = (j + 1, 0);
            }
        }

        // Where one is over the message is, and what is left of the other needs some of it.
        return i < one.Count ? IsCertain(one[i]) : j < other.Count && IsCertain(other[j]);
    }

    // How much of a literal a hole takes; 0: nothing, so that it does not match; -1: that depends on what follows the literal.
    private static int RunOver(byte[] literal, int from, bool isLast, Piece hole)
    {
        int run = 0;
        while (from + run < literal.Length && hole.Class!.Holds(literal[from + run])) run++;
        if (run > hole.Class!.Max) return 0;
        if (from + run == literal.Length && !isLast) return -1;
        if (hole.GivesBack != 0 && run > 0 && literal[from + run - 1] == hole.GivesBack) run--;
        return run;
    }

    private static bool FromEnd(IReadOnlyList<Piece> one, IReadOnlyList<Piece> other)
    {
        (int i, int j) = (one.Count - 1, other.Count - 1);
        // How much of the two literals has been compared.
        (int inI, int inJ) = (0, 0);
        while (i >= 0 && j >= 0)
        {
            (Piece a, Piece b) = (one[i], other[j]);
            if (!IsCertain(a) || !IsCertain(b)) return false;
            if (a.Kind == PieceKind.Literal && b.Kind == PieceKind.Literal)
            {
                if (a.Literal[^(inI + 1)] != b.Literal[^(inJ + 1)]) return true;
                if (++inI == a.Literal.Length) (i, inI) = (i - 1, 0);
                if (++inJ == b.Literal.Length) (j, inJ) = (j - 1, 0);
            }
            else if (a.Kind == PieceKind.Typed && b.Kind == PieceKind.Typed)
            {
                if (!a.Class!.Meets(b.Class!)) return true;
                // Both are as long where each, seen from its end, begins behind the first byte that the wider class does not hold.
                ByteClass wider = a.Class!.HoldsAllOf(b.Class!) ? a.Class! : b.Class!;
                if (!wider.HoldsAllOf(a.Class!) || !wider.HoldsAllOf(b.Class!) || !BeginsSharply(one, i, wider) || !BeginsSharply(other, j, wider)) return false;
                (i, j) = (i - 1, j - 1);
            }
            else if (a.Kind == PieceKind.Literal)
            {
                int run = RunBefore(a.Literal, inI, b);
                if (run == 0) return true;
                if (inI + run == a.Literal.Length || !BeginsSharply(other, j, b.Class!)) return false;
                inI += run;
                j--;
            }
            else
            {
                int run = RunBefore(b.Literal, inJ, a);
                if (run == 0) return true;
                if (inJ + run == b.Literal.Length || !BeginsSharply(one, i, a.Class!)) return false;
                inJ += run;
                i--;
            }
        }

        return i >= 0 ? IsCertain(one[i]) : j >= 0 && IsCertain(other[j]);
    }

    // How many bytes of a literal, from so many before its end on, a hole that ends there could hold.
    private static int RunBefore(byte[] literal, int behind, Piece hole)
    {
        int run = 0;
        while (behind + run < literal.Length && hole.Class!.Holds(literal[^(behind + run + 1)])) run++;
        return run;
    }

    // True when the byte in front of a hole is none of a class: then what stands there of that class, seen from its end, is the hole's.
    private static bool BeginsSharply(IReadOnlyList<Piece> pieces, int hole, ByteClass members) =>
        hole > 0 && pieces[hole - 1].Kind == PieceKind.Literal && !members.Holds(pieces[hole - 1].Literal[^1]);

    private static bool IsCertain(Piece piece) => piece.Kind is PieceKind.Literal or PieceKind.Typed;
}
