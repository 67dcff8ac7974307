using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace RateWall.Detection.Logs;

/// <summary>
/// Sequences of literals and typed holes, by what they begin with: these have one reading at a given place, so what many
/// share is read once. Kept in few arrays, so that a message's way through it stays in the processor's cache.
/// </summary>
internal sealed class PieceTree
{
    /// <summary>The most bytes that lead from one node to the next.</summary>
    public const int MaxLabel = 16;

    private readonly Node[] nodes;
    private readonly Hole[] holes;
    // The nodes behind a node, by the byte each begins with, counted from the node's first key; -1 where there is none.
    private readonly int[] children;
    private readonly int root;

    internal PieceTree(Node[] nodes, Hole[] holes, int[] children, int root)
    {
        this.nodes = nodes;
        this.holes = holes;
        this.children = children;
        this.root = root;
    }

    /// <summary>The node where every way begins.</summary>
    public int Root => root;

    /// <summary>Which sequences stand at a place of a message, and what they found.</summary>
    /// <param name="node">The node that led there: the root, or what <see cref="Foresee"/> gave.</param>
    /// <param name="message">The message; see <see cref="Scan.Readable"/>.</param>
    /// <param name="at">The place, at most the message's length.</param>
    /// <param name="bounds">The message's words.</param>
    /// <param name="reached">Where the ends that were reached are added.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Walk(int node, ReadOnlySpan<byte> message, int at, ref Boundaries bounds, ref ReachedEnds reached)
    {
        Captures captures = Captures.Empty;
        Walk(node, message, at, ref bounds, ref captures, ref reached);
    }

    /// <summary>
    /// As far as the first bytes of a message lead, and no further than where something was found or found to be wanting.
    /// </summary>
    /// <param name="glance">The first bytes.</param>
    /// <param name="start">Where among them the message begins.</param>
    /// <param name="at">How far they lead, counted from there.</param>
    /// <returns>The node; -1 when no sequence begins so.</returns>
    public int Foresee(ref Glance glance, int start, out int at)
    {
        at = 0;
        for (int number = root; ;)
        {
            ref Node node = ref nodes[number];
            // That the way leads here is certain from the bytes up to here, whatever is looked at next.
            int needed = glance.Needed;
            if (node.EndCount > 0 || node.Way == Way.Hole || start + at >= glance.Length) return number;
            (Certainty certain, int child) = Foresee(node, ref glance, start + at);
            bool open = certain == Certainty.Open;
            for (int i = node.FirstHole; !open && i < node.FirstHole + node.HoleCount; i++) open = MayFit(holes[i], ref glance, start + at);
            if (open)
            {
                glance.Needed = needed;
                return number;
            }

            if (certain == Certainty.No) return -1;
            at += nodes[child].Length;
            number = child;
        }
    }

    /// <summary>True when a literal behind a node begins with a byte; else only holes lead on from there.</summary>
    /// <param name="number">The node.</param>
    /// <param name="first">The byte.</param>
    public bool HasKey(int number, byte first) => ChildBy(nodes[number], first) >= 0;

    /// <summary>Adds the ends that may be reached from a node on.</summary>
    /// <param name="number">The node.</param>
    /// <param name="overHole">True for those only that no literal right behind the node leads to.</param>
    /// <param name="found">Where they are added.</param>
    public void AddEndsBehind(int number, bool overHole, List<int> found)
    {
        ref Node node = ref nodes[number];
        for (int i = 0; i < node.EndCount; i++) found.Add(node.End + i);
        for (int i = 0; i < node.KeyCount && !overHole; i++)
            if (children[node.FirstChild + i] is >= 0 and var child) AddEndsBehind(child, overHole: false, found);
        for (int i = node.FirstHole; i < node.FirstHole + node.HoleCount; i++) AddEndsBehind(holes[i].Behind, overHole: false, found);
    }

    private (Certainty Certain, int Child) Foresee(in Node node, ref Glance glance, int at)
    {
        // The glance remembers how far it was looked.
        if (node.KeyCount == 0) return (Certainty.No, -1);
        int child = ChildBy(node, glance[at]);
        if (child < 0) return (Certainty.No, -1);
        ref byte label = ref Unsafe.As<Vector128<byte>, byte>(ref nodes[child].Label);
        for (int i = 0; i < nodes[child].Length; i++)
        {
            if (at + i >= glance.Length) return (Certainty.Open, child);
            if (glance[at + i] != Unsafe.Add(ref label, i)) return (Certainty.No, child);
        }

        return (Certainty.Yes, child);
    }

    private bool MayFit(in Hole hole, ref Glance glance, int at)
    {
        int end = glance.EndOf(hole.Class, at);
        if (end < 0) return true;
        int length = end - at > hole.Class.Max ? 0 : end - at;
        if (hole.GivesBack != 0 && length > 0 && glance[end - 1] == hole.GivesBack) length--;
        if (length == 0) return false;
        ref Node behind = ref nodes[hole.Behind];
        return behind.EndCount > 0 || behind.HoleCount > 0 || Foresee(behind, ref glance, at + length).Certain != Certainty.No;
    }

    // Every number in a node is one of this tree's own, and the bytes behind a message are readable: nothing here needs to be
    // checked but where the message ends.
    private void Walk(int number, ReadOnlySpan<byte> message, int at, ref Boundaries bounds, ref Captures captures, ref ReachedEnds reached)
    {
        ref byte text = ref MemoryMarshal.GetReference(message);
        ref Node all = ref MemoryMarshal.GetArrayDataReference(nodes);
        while (true)
        {
            ref Node node = ref Unsafe.Add(ref all, number);
            if (node.EndCount != 0 && (!node.EndsOnly || at == message.Length)) reached.Add(node.End, node.EndCount, at, captures);
            if (at >= message.Length) return;
            bool overHole = node.Way == Way.Hole;
            if (node.Way == Way.Fork)
            {
                int child = Child(node, message, at);
                overHole = child < 0 && node.HoleCount == 1;
                if (!overHole)
                {
                    number = Fork(node, child, message, ref at, ref bounds, ref captures, ref reached);
                    if (number < 0) return;
                    continue;
                }
            }

            number = node.Next;
            if (overHole)
            {
                ref Hole hole = ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(holes), node.FirstHole);
                int length = hole.Class.Run(message, at, bounds.GuessEnd(at));
                if (hole.GivesBack != 0 && length > 0 && Unsafe.Add(ref text, at + length - 1) == hole.GivesBack) length--;
                if (length == 0 || (hole.Note != PieceNote.None && !Segment.Bind(hole.Note, message, at, length, ref captures))) return;
                at += length;
                if (number < 0)
                {
                    number = hole.Behind;
                    continue;
                }
            }
            else if (node.Way == Way.Choice)
            {
                int key = Unsafe.Add(ref text, at) - node.FirstKey;
                if ((uint)key >= (uint)node.KeyCount) return;
                number = Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(children), node.Next + key);
            }

            if (number < 0) return;
            ref Node next = ref Unsafe.Add(ref all, number);
            if (!next.Stands(ref Unsafe.Add(ref text, at)) || message.Length - at < next.Length) return;
            at += next.Length;
        }
    }

    // Where several ways may lead on. The last of them is the answer, or -1; the others are
    // walked here, each with captures of its own.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private int Fork(in Node node, int next, ReadOnlySpan<byte> message, ref int at, ref Boundaries bounds, ref Captures captures, ref ReachedEnds reached)
    {
        int start = at, way = -1, taken = 0;
        int guess = bounds.GuessEnd(at);
        for (int i = node.FirstHole; i < node.FirstHole + node.HoleCount; i++)
        {
            int length = Fits(holes[i], message, start, guess);
            if (length == 0) continue;
            if (way >= 0) Follow(holes[way], message, start, taken, ref bounds, captures, ref reached);
            (way, taken) = (i, length);
        }

        if (next >= 0)
        {
            if (way >= 0) Follow(holes[way], message, start, taken, ref bounds, captures, ref reached);
            at = start + nodes[next].Length;
            return next;
        }

        if (way < 0) return -1;
        ref Hole hole = ref holes[way];
        if (hole.Note != PieceNote.None && !Segment.Bind(hole.Note, message, start, taken, ref captures)) return -1;
        at = start + taken;
        return hole.Behind;
    }

    private void Follow(in Hole hole, ReadOnlySpan<byte> message, int at, int length, ref Boundaries bounds, Captures captures, ref ReachedEnds reached)
    {
        if (hole.Note == PieceNote.None || Segment.Bind(hole.Note, message, at, length, ref captures))
            Walk(hole.Behind, message, at + length, ref bounds, ref captures, ref reached);
    }

    // How much a hole takes at a place before the message's end; 0 when it takes nothing, or nothing here can follow it.
    private int Fits(in Hole hole, ReadOnlySpan<byte> message, int at, int guess)
    {
        int length = hole.Class.Run(message, at, guess);
        if (hole.GivesBack != 0 && length > 0 && message[at + length - 1] == hole.GivesBack) length--;
        if (length == 0) return 0;
        ref Node behind = ref nodes[hole.Behind];
        return behind.EndCount > 0 || (at + length < message.Length && (behind.HoleCount > 0 || Child(behind, message, at + length) >= 0)) ? length : 0;
    }

    // What follows the message's bytes at a place that is less than its length, or -1.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private int Child(in Node node, ReadOnlySpan<byte> message, int at)
    {
        int child = ChildBy(node, message[at]);
        return child >= 0 && message.Length - at >= nodes[child].Length
            && nodes[child].Stands(ref Unsafe.Add(ref MemoryMarshal.GetReference(message), at)) ? child : -1;
    }

    // The child that begins with a byte, or -1.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private int ChildBy(in Node node, byte first)
    {
        int key = first - node.FirstKey;
        return (uint)key < (uint)node.KeyCount ? children[node.FirstChild + key] : -1;
    }

    /// <summary>How it goes on behind a node.</summary>
    internal enum Way : byte
    {
        /// <summary>To the next node, or with none to nowhere.</summary>
        Straight,

        /// <summary>Over one hole to the next node.</summary>
        Hole,

        /// <summary>To one of the children, by the message's byte.</summary>
        Choice,

        /// <summary>Not so simply.</summary>
        Fork,
    }

    /// <summary>A typed hole on the way.</summary>
    internal struct Hole
    {
        public ByteClass Class;
        public int Behind;
        public byte GivesBack;
        public PieceNote Note;
    }

    /// <summary>A place in the tree.</summary>
    internal struct Node
    {
        /// <summary>The bytes that lead to it, zeros behind fewer than there is room for.</summary>
        public Vector128<byte> Label;

        /// <summary>A bit for each of those bytes.</summary>
        public uint LabelBits;

        /// <summary>Where its children begin.</summary>
        public int FirstChild;

        /// <summary>The node that a straight way or a way over the only hole leads to, or -1; of a choice, where the children begin.</summary>
        public int Next;

        /// <summary>Where the typed holes that may follow begin.</summary>
        public int FirstHole;

        /// <summary>The number of the first end that is reached here.</summary>
        public int End;

        /// <summary>How many ends are reached here.</summary>
        public short EndCount;

        /// <summary>How many bytes the children's first bytes are apart, plus 1; 0 without children.</summary>
        public short KeyCount;

        /// <summary>How many holes they are.</summary>
        public short HoleCount;

        /// <summary>How many bytes lead to it.</summary>
        public byte Length;

        /// <summary>The least of the children's first bytes.</summary>
        public byte FirstKey;

        /// <summary>How it goes on.</summary>
        public Way Way;

        /// <summary>True when all sequences that end here must end with the message.</summary>
        public bool EndsOnly;

        /// <summary>True when the bytes that lead here stand at a place.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly bool Stands(ref byte place) =>
            (~Vector128.Equals(Vector128.LoadUnsafe(ref place), Label).ExtractMostSignificantBits() & LabelBits) == 0;
    }
}
