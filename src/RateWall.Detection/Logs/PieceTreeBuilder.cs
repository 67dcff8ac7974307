using System.Runtime.Intrinsics;

namespace RateWall.Detection.Logs;

/// <summary>A sequence that goes into a <see cref="PieceTree"/>. A class, as all that only loading handles: see <see cref="Candidate"/>.</summary>
/// <param name="Number">Its own number.</param>
/// <param name="Pieces">Literals and typed holes.</param>
/// <param name="IsLast">True when the message must end with it.</param>
internal sealed record PieceSequence(int Number, IReadOnlyList<Piece> Pieces, bool IsLast);

/// <summary>Makes a <see cref="PieceTree"/>.</summary>
internal sealed class PieceTreeBuilder
{
    private readonly List<Place> places = [];
    private readonly List<Hop> holes = [];
    private readonly List<int> children = [];
    private readonly List<int[]> ends = [];

    private readonly int most;
    private readonly Rest[] all;
    // Of a partition those that are not wanted yet.
    private readonly Rest[] others;

    private PieceTreeBuilder(Rest[] all, int most)
    {
        this.most = most;
        this.all = all;
        others = new Rest[all.Length];
    }

    /// <summary>Makes a tree.</summary>
    /// <param name="sequences">What goes into it.</param>
    /// <param name="most">The most sequences of an end; those of a place that are more have the following ends, too.</param>
    /// <param name="ends">For each end of the tree the numbers of the sequences that end there, in the order given.</param>
    public static PieceTree Build(IEnumerable<PieceSequence> sequences, int most, out int[][] ends)
    {
        Rest[] made = [.. sequences.Select(s => new Rest(s))];
        var builder = new PieceTreeBuilder(made, most);
        int root = builder.Add([], 0, made.Length);
        ends = [.. builder.ends];
        return builder.Finish(root);
    }

    // A file may have thousands of templates, and is read by every run: those of a place lie beside one another in the one array,
    // and each step only brings them into order.
    private int Add(byte[] label, int from, int to)
    {
        int over = Gather(from, to, static (rest, _) => rest.IsOver, model: null), at = over;
        List<Hop> own = [];
        List<Step> next = [];
        while (at < to)
        {
            Rest first = all[at];
            int same;
            if (first.IsLiteral)
            {
                same = Gather(at, to, static (rest, model) => rest.IsLiteral && rest.Byte(0) == model!.Byte(0), first);
                byte[] shared = Shared(at, same);
                for (int i = at; i < same; i++) all[i].Take(shared.Length);
                next.Add(new(shared[0], Add(shared, at, same)));
            }
            else
            {
                Piece hole = first.Next;
                same = Gather(at, to, static (rest, model) => !rest.IsLiteral && rest.Next.Class == model!.Next.Class && rest.Next.GivesBack == model.Next.GivesBack, first);
                for (int i = at; i < same; i++) all[i].TakeHole();
                own.Add(new(hole, Add([], at, same)));
            }

            at = same;
        }

        int end = ends.Count;
        bool endsOnly = true;
        for (int i = from; i < over; i += most)
        {
            int[] numbers = new int[Math.Min(most, over - i)];
            for (int k = 0; k < numbers.Length; k++)
            {
                numbers[k] = all[i + k].Number;
                endsOnly &= all[i + k].IsLast;
            }

            ends.Add(numbers);
        }

        places.Add(new(label, end, ends.Count - end, endsOnly, holes.Count, own.Count, children.Count, next));
        holes.AddRange(own);
        if (next.Count > 0)
        {
            (int low, int high) = KeysOf(next);
            int begin = children.Count;
            for (int key = low; key <= high; key++) children.Add(-1);
            foreach (Step step in next) children[begin + step.Key - low] = step.Place;
        }

        return places.Count - 1;
    }

    // Brings those that are wanted to the front, all in the order they had; the answer is where they end.
    private int Gather(int from, int to, Func<Rest, Rest?, bool> isWanted, Rest? model)
    {
        int wanted = from, left = 0;
        for (int i = from; i < to; i++)
        {
            if (isWanted(all[i], model)) all[wanted++] = all[i];
            else others[left++] = all[i];
        }

        Array.Copy(others, 0, all, wanted, left);
        return wanted;
    }

    // The bytes that all of them go on with.
    private byte[] Shared(int from, int to)
    {
        Rest first = all[from];
        int length = 1;
        for (; length < PieceTree.MaxLabel && first.Byte(length) is >= 0 and var next; length++)
        {
            int i = from + 1;
            while (i < to && all[i].Byte(length) == next) i++;
            if (i < to) break;
        }

        byte[] shared = new byte[length];
        for (int i = 0; i < length; i++) shared[i] = (byte)first.Byte(i);
        return shared;
    }

    private static (int Low, int High) KeysOf(List<Step> steps)
    {
        (int low, int high) = (byte.MaxValue, byte.MinValue);
        foreach (Step step in steps) (low, high) = (Math.Min(low, step.Key), Math.Max(high, step.Key));
        return (low, high);
    }

    private PieceTree Finish(int root)
    {
        var nodes = new PieceTree.Node[places.Count];
        Span<byte> label = stackalloc byte[PieceTree.MaxLabel];
        for (int i = 0; i < nodes.Length; i++)
        {
            Place place = places[i];
            label.Clear();
            place.Label.CopyTo(label);
            (int low, int high) = place.Next.Count > 0 ? KeysOf(place.Next) : (0, -1);
            nodes[i] = new()
            {
                Label = Vector128.Create<byte>(label),
                LabelBits = (1u << place.Label.Length) - 1,
                Length = (byte)place.Label.Length,
                End = place.End,
                EndCount = (short)place.EndCount,
                EndsOnly = place.EndsOnly,
                FirstHole = place.FirstHole,
                HoleCount = (short)place.HoleCount,
                FirstChild = place.FirstChild,
                FirstKey = (byte)low,
                KeyCount = (short)(high - low + 1),
            };
            (nodes[i].Way, nodes[i].Next) = WayOf(place);
        }

        var typed = new PieceTree.Hole[holes.Count];
        for (int i = 0; i < typed.Length; i++)
        {
            Piece piece = holes[i].Piece;
            typed[i] = new() { Class = piece.Class!, Behind = holes[i].Behind, GivesBack = piece.GivesBack, Note = piece.Note };
        }

        return new(nodes, typed, [.. children], root);
    }

    private (PieceTree.Way Way, int Next) WayOf(Place place)
    {
        if (place.HoleCount == 0)
        {
            return place.Next.Count switch
            {
                0 => (PieceTree.Way.Straight, -1),
                1 => (PieceTree.Way.Straight, place.Next[0].Place),
                _ => (PieceTree.Way.Choice, place.FirstChild),
            };
        }

        // The place behind a hole has no bytes that lead to it; where it has but one child the way leads there at once.
        Hop hole = holes[place.FirstHole];
        bool leadsOn = place.HoleCount == 1 && places[hole.Behind] is { EndCount: 0, HoleCount: 0, Next.Count: 1 };
        return (place.Next.Count == 0 && leadsOn ? PieceTree.Way.Hole : PieceTree.Way.Fork, leadsOn ? places[hole.Behind].Next[0].Place : -1);
    }

    // What is left of a sequence on its way down the tree.
    private sealed class Rest(PieceSequence sequence)
    {
        private int piece;
        private int inside;

        public int Number => sequence.Number;

        public bool IsLast => sequence.IsLast;

        public bool IsOver => piece == sequence.Pieces.Count;

        public Piece Next => sequence.Pieces[piece];

        public bool IsLiteral => !IsOver && Next.Kind == PieceKind.Literal;

        /// <summary>The literal's byte so far ahead, or -1 behind its end.</summary>
        public int Byte(int ahead) => inside + ahead < Next.Literal.Length ? Next.Literal[inside + ahead] : -1;

        public void TakeHole() => piece++;

        public void Take(int bytes)
        {
            inside += bytes;
            if (inside < Next.Literal.Length) return;
            piece++;
            inside = 0;
        }
    }

    private sealed record Hop(Piece Piece, int Behind);

    private sealed record Place(byte[] Label, int End, int EndCount, bool EndsOnly, int FirstHole, int HoleCount, int FirstChild, List<Step> Next);

    private sealed record Step(byte Key, int Place);
}
