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

    private PieceTreeBuilder(int most) => this.most = most;

    /// <summary>Makes a tree.</summary>
    /// <param name="sequences">What goes into it.</param>
    /// <param name="most">The most sequences of an end; those of a place that are more have the following ends, too.</param>
    /// <param name="ends">For each end of the tree the numbers of the sequences that end there, in the order given.</param>
    public static PieceTree Build(IEnumerable<PieceSequence> sequences, int most, out int[][] ends)
    {
        var builder = new PieceTreeBuilder(most);
        int root = builder.Add([], [.. sequences.Select(s => new Rest(s))]);
        ends = [.. builder.ends];
        return builder.Finish(root);
    }

    private int Add(byte[] label, List<Rest> all)
    {
        List<Rest> over = all.FindAll(r => r.IsOver);
        all.RemoveAll(r => r.IsOver);
        List<Hop> own = [];
        List<Step> next = [];
        while (all.Count > 0)
        {
            Rest first = all[0];
            List<Rest> same;
            if (first.IsLiteral)
            {
                same = all.FindAll(r => r.IsLiteral && r.Byte(0) == first.Byte(0));
                int length = 1;
                while (length < PieceTree.MaxLabel && first.Byte(length) is >= 0 and var byteHere && same.TrueForAll(r => r.Byte(length) == byteHere)) length++;
                byte[] shared = new byte[length];
                for (int i = 0; i < length; i++) shared[i] = (byte)first.Byte(i);
                all.RemoveAll(same.Contains);
                same.ForEach(r => r.Take(length));
                next.Add(new(shared[0], Add(shared, same)));
                continue;
            }

            Piece hole = first.Next;
            same = all.FindAll(r => !r.IsLiteral && r.Next.Class == hole.Class && r.Next.GivesBack == hole.GivesBack);
            all.RemoveAll(same.Contains);
            same.ForEach(r => r.TakeHole());
            own.Add(new(hole, Add([], same)));
        }

        int end = ends.Count;
        foreach (Rest[] some in over.Chunk(most)) ends.Add([.. some.Select(r => r.Number)]);
        places.Add(new(label, end, ends.Count - end, over.TrueForAll(r => r.IsLast), holes.Count, own.Count, children.Count, next));
        holes.AddRange(own);
        if (next.Count > 0)
        {
            int low = next.Min(n => n.Key);
            int[] byKey = new int[next.Max(n => n.Key) - low + 1];
            Array.Fill(byKey, -1);
            foreach (Step step in next) byKey[step.Key - low] = step.Place;
            children.AddRange(byKey);
        }

        return places.Count - 1;
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
                FirstKey = place.Next.Count > 0 ? place.Next.Min(n => n.Key) : (byte)0,
                KeyCount = (short)(place.Next.Count > 0 ? place.Next.Max(n => n.Key) - place.Next.Min(n => n.Key) + 1 : 0),
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
