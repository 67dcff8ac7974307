using System.Runtime.CompilerServices;

namespace RateWall.Detection.Logs;

/// <summary>
/// The templates of a file or a part, by what they begin with: literals and typed holes. These have one reading at a given
/// place, so what many templates share is read once, and a message that no template fits is left where it departs from
/// all of them.
/// </summary>
internal sealed class RuleTree
{
    private readonly Node root;
    private readonly Candidates candidates;

    public RuleTree(IEnumerable<Candidate> all)
    {
        Candidate[] ordered = [.. all];
        List<int[]> ends = [];
        List<Way> ways = new(ordered.Length);
        for (int i = 0; i < ordered.Length; i++) ways.Add(new(i, ordered[i].Template.Beginning));
        root = Node.Build([], ways, ordered, ends);
        candidates = new(ordered, [.. ends]);
    }

    /// <summary>The first rule that matches, with what the others say about its source.</summary>
    /// <param name="message">The message.</param>
    /// <param name="preauth">True when sshd marked it so.</param>
    /// <param name="result">Its rule and captures are set.</param>
    // What was reached takes 400 bytes, of which a line fills a tenth.
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public bool Match(ReadOnlySpan<byte> message, bool preauth, ref RuleMatch result)
    {
        Unsafe.SkipInit(out ReachedEnds reached);
        reached.Count = 0;
        Captures captures = Captures.Empty;
        Walk(root, message, 0, ref captures, ref reached);
        return reached.Count != 0 && candidates.Match(message, preauth, ref reached, ref result);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Walk(Node node, ReadOnlySpan<byte> message, int at, ref Captures captures, ref ReachedEnds reached)
    {
        while (true)
        {
            if (node.End >= 0 && (!node.EndsOnly || at == message.Length)) reached.Add(node.End, at, captures);
            if ((uint)at >= (uint)message.Length) return;
            byte first = message[at];
            Node? next = node.Child(message, at);
            Hole? only = null;
            int taken = 0;
            foreach (Hole hole in node.Holes)
            {
                if (!hole.Class.Holds(first)) continue;
                int length = hole.Class.Run(message, at);
                if (hole.GivesBack != 0 && length > 0 && message[at + length - 1] == hole.GivesBack) length--;
                if (length == 0 || !hole.Behind.GoesOn(message, at + length)) continue;
                // Nearly always there is one way on, and no need to come back here.
                if (only is not null) Follow(only, message, at, taken, captures, ref reached);
                (only, taken) = (hole, length);
            }

            if (only is null)
            {
                if (next is null) return;
                at += next.Label.Length;
                node = next;
                continue;
            }

            if (next is not null)
            {
                Follow(only, message, at, taken, captures, ref reached);
                at += next.Label.Length;
                node = next;
                continue;
            }

            if (only.IsNoted && !Segment.Bind(only.Piece, message, at, taken, ref captures)) return;
            at += taken;
            node = only.Behind;
        }
    }

    // One of several ways on. Its captures are a copy.
    private static void Follow(Hole hole, ReadOnlySpan<byte> message, int at, int length, Captures captures, ref ReachedEnds reached)
    {
        if (!hole.IsNoted || Segment.Bind(hole.Piece, message, at, length, ref captures))
            Walk(hole.Behind, message, at + length, ref captures, ref reached);
    }

    // A template on its way down the tree: what is left of its beginning. A class: see Candidate.
    private sealed class Way(int candidate, IReadOnlyList<Piece> pieces)
    {
        private int piece;
        private int inside;

        public int Candidate => candidate;

        public bool IsOver => piece == pieces.Count;

        public Piece Next => pieces[piece];

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

    // Fields, not properties, here and below: they are read several times a line, and handed over uncopied.
    private sealed class Hole(Piece piece, Node behind)
    {
        public readonly Piece Piece = piece;
        public readonly ByteClass Class = piece.Class!;
        public readonly byte GivesBack = piece.GivesBack;
        public readonly bool IsNoted = piece.IsNoted;
        public readonly Node Behind = behind;
    }

    private sealed class Node(byte[] label, int end, bool endsOnly, Hole[] holes, int firstKey, Node?[] children)
    {
        /// <summary>The bytes that lead to it.</summary>
        public readonly Literal Label = new(label);

        /// <summary>The number of the list of those whose beginning ends here, or -1.</summary>
        public readonly int End = end;

        /// <summary>True when those are beginnings only: the message must end here too.</summary>
        public readonly bool EndsOnly = endsOnly;

        /// <summary>The typed holes that may follow.</summary>
        public readonly Hole[] Holes = holes;

        /// <summary>The byte that the first of the children begins with.</summary>
        public readonly int FirstKey = firstKey;

        /// <summary>What may follow by the byte it begins with, counted from the first key.</summary>
        public readonly Node?[] Children = children;

        /// <summary>What follows the message's bytes at <paramref name="at"/>, which is less than its length, or null.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Node? Child(ReadOnlySpan<byte> message, int at)
        {
            int child = message[at] - FirstKey;
            Node?[] all = Children;
            return (uint)child < (uint)all.Length && all[child] is { } next && next.Label.IsAt(message, at) ? next : null;
        }

        /// <summary>False when nothing here can be what the message has at <paramref name="at"/>: most holes end so.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public bool GoesOn(ReadOnlySpan<byte> message, int at) =>
            End >= 0 || (at < message.Length && (Holes.Length > 0 || Child(message, at) is not null));

        public static Node Build(byte[] label, List<Way> ways, Candidate[] all, List<int[]> ends)
        {
            List<int> over = [];
            List<Hole> holes = [];
            List<Node> children = [];
            bool only = true;
            foreach (Way way in ways)
            {
                if (!way.IsOver) continue;
                over.Add(way.Candidate);
                only &= all[way.Candidate].Template.IsBeginningOnly;
            }

            if (over.Count > 0) ends.Add([.. over]);
            int end = over.Count > 0 ? ends.Count - 1 : -1;
            ways.RemoveAll(w => w.IsOver);
            while (ways.Count > 0)
            {
                Way first = ways[0];
                if (first.IsLiteral)
                {
                    List<Way> same = ways.FindAll(w => w.IsLiteral && w.Byte(0) == first.Byte(0));
                    int length = 1;
                    while (first.Byte(length) is >= 0 and var next && same.TrueForAll(w => w.Byte(length) == next)) length++;
                    byte[] shared = new byte[length];
                    for (int i = 0; i < length; i++) shared[i] = (byte)first.Byte(i);
                    ways.RemoveAll(same.Contains);
                    same.ForEach(w => w.Take(length));
                    children.Add(Build(shared, same, all, ends));
                }
                else
                {
                    Piece hole = first.Next;
                    List<Way> same = ways.FindAll(w => !w.IsLiteral && w.Next.Class == hole.Class && w.Next.GivesBack == hole.GivesBack);
                    ways.RemoveAll(same.Contains);
                    same.ForEach(w => w.TakeHole());
                    holes.Add(new(hole, Build([], same, all, ends)));
                }
            }

            int low = 0, high = -1;
            foreach (Node child in children)
            {
                int key = child.Label.Bytes[0];
                if (high < 0) low = key;
                low = Math.Min(low, key);
                high = Math.Max(high, key);
            }

            var byKey = new Node?[high - low + 1];
            if (high < 0) byKey = [];
            foreach (Node child in children) byKey[child.Label.Bytes[0] - low] = child;
            return new(label, end, only, [.. holes], low, byKey);
        }
    }
}
