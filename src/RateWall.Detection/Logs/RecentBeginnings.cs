using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace RateWall.Detection.Logs;

/// <summary>
/// How the messages of late began, and where in their file's tree that leads: a daemon says the same few things over and over. Of
/// each no more bytes are kept than the way depends on, so one serves for all users and addresses. Of one reader alone.
/// </summary>
internal sealed class RecentBeginnings
{
    /// <summary>The most bytes of a beginning.</summary>
    public const int MaxBytes = 2 * 16;

    // A message is looked for among the beginnings with the same first four bytes.
    private const int Bits = 7;
    private const int Ways = 4;
    private const int RootBits = 6;

    // As many that are not known, until one is looked at: those that come but once shall cost nothing. Twice as many where that
    // was in vain.
    private const int Every = 16;
    private const int Seldom = 256;

    // 32 bytes to compare, then 32 not to: from 32 - n on lies the mask of n bytes.
    private static ReadOnlySpan<byte> Masks =>
    [
        255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    ];

    private readonly Beginning[] known = new Beginning[Ways << Bits];
    private readonly Root[] roots = new Root[1 << RootBits];
    private readonly Root[] overHoles = new Root[1 << RootBits];
    private int unknown;
    private int wait = Every;
    private int latest;

    /// <summary>Finds how a message begins; the answer is a null reference when that is not known.</summary>
    /// <param name="message">The message; see <see cref="Scan.Readable"/>.</param>
    /// <param name="file">Its rule file.</param>
    /// <param name="part">The part that its header named.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ref Beginning Find(ReadOnlySpan<byte> message, RuleFile file, Part? part)
    {
        ref byte start = ref MemoryMarshal.GetReference(message);
        ref Beginning all = ref MemoryMarshal.GetArrayDataReference(known);
        // Messages of one shape come one behind the other, and where the last one was found nothing has to be computed.
        ref Beginning last = ref Unsafe.Add(ref all, latest);
        return ref last.IsOf(message, ref start, file, part) ? ref last : ref FindAmongAll(message, ref start, file, part);
    }

    private ref Beginning FindAmongAll(ReadOnlySpan<byte> message, ref byte start, RuleFile file, Part? part)
    {
        int first = PlaceOf(ref start, file);
        for (int place = first; place < first + Ways; place++)
        {
            ref Beginning beginning = ref known[place];
            if (!beginning.IsOf(message, ref start, file, part)) continue;
            latest = place;
            return ref beginning;
        }

        return ref Unsafe.NullRef<Beginning>();
    }

    /// <summary>
    /// What messages matched of late that are read from a tree's root on and begin with the same four bytes; a null reference: none did.
    /// </summary>
    /// <param name="tree">The tree.</param>
    /// <param name="message">The message; see <see cref="Scan.Readable"/>.</param>
    public ref RecentTemplates AtRoot(RuleTree tree, ReadOnlySpan<byte> message)
    {
        uint bytes = Unsafe.ReadUnaligned<uint>(ref MemoryMarshal.GetReference(message));
        ref Root root = ref RootOf(bytes);
        return ref root.Bytes == bytes && ReferenceEquals(root.Tree, tree) ? ref root.Templates : ref Unsafe.NullRef<RecentTemplates>();
    }

    /// <summary>The same of all messages that begin with no literal behind the tree's root, from the first one on.</summary>
    /// <param name="tree">The tree.</param>
    public ref RecentTemplates OverHole(RuleTree tree)
    {
        ref Root root = ref overHoles[tree.Number % (uint)overHoles.Length];
        if (!ReferenceEquals(root.Tree, tree)) root = new() { Tree = tree, Templates = new(overHole: true) };
        return ref root.Templates;
    }

    /// <summary>From here on it is remembered what such messages match: one did.</summary>
    /// <param name="tree">The tree.</param>
    /// <param name="message">The message; see <see cref="Scan.Readable"/>.</param>
    public void AddRoot(RuleTree tree, ReadOnlySpan<byte> message)
    {
        uint bytes = Unsafe.ReadUnaligned<uint>(ref MemoryMarshal.GetReference(message));
        RootOf(bytes) = new() { Bytes = bytes, Tree = tree };
    }

    private ref Root RootOf(uint bytes) => ref roots[(bytes * 0x9E37_79B1u) >> (32 - RootBits)];

    /// <summary>True when it is time to look where an unknown beginning leads, and to <see cref="Add"/> it.</summary>
    public bool WantsMore()
    {
        if (++unknown < wait) return false;
        unknown = 0;
        wait = Math.Min(2 * wait, Seldom);
        return true;
    }

    /// <summary>Takes a beginning in, and drops the one of its place that was added longest ago.</summary>
    /// <param name="message">A message that begins so; see <see cref="Scan.Readable"/>.</param>
    /// <param name="beginning">How.</param>
    public void Add(ReadOnlySpan<byte> message, Beginning beginning)
    {
        wait = Every;
        ref byte start = ref MemoryMarshal.GetReference(message);
        int place = PlaceOf(ref start, beginning.File);
        for (int i = place + Ways - 1; i > place; i--) known[i] = known[i - 1];
        beginning.Take(ref start);
        known[place] = beginning;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int PlaceOf(ref byte start, RuleFile file) =>
        (int)(((Unsafe.ReadUnaligned<uint>(ref start) + file.Number) * 0x9E37_79B1u) >> (32 - Bits)) * Ways;

    private struct Root
    {
        public RuleTree? Tree;
        public uint Bytes;
        public RecentTemplates Templates;
    }

    /// <summary>How messages begin, and what follows from that.</summary>
    internal struct Beginning
    {
        // The bytes, zeros behind the last one that counts.
        private Bytes bytes;

        /// <summary>The messages' rule file.</summary>
        public RuleFile File;

        /// <summary>The part that their header names.</summary>
        public Part? Given;

        /// <summary>The part that they are of.</summary>
        public Part? Part;

        /// <summary>How many bytes count.</summary>
        public int Length;

        /// <summary>Where the text behind the part begins.</summary>
        public int Start;

        /// <summary>The node that was reached, or -1: nothing that begins so is of any rule.</summary>
        public int Node;

        /// <summary>Where in the text behind the part that is.</summary>
        public int At;

        /// <summary>What messages that begin so matched of late.</summary>
        public RecentTemplates Templates;

        /// <summary>True when a message begins so.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly bool IsOf(ReadOnlySpan<byte> message, ref byte start, RuleFile file, Part? part)
        {
            // Most places are of another file or of none.
            if (!ReferenceEquals(File, file) || !ReferenceEquals(Given, part)) return false;
            ref byte masks = ref Unsafe.Add(ref MemoryMarshal.GetReference(Masks), MaxBytes - Length);
            ref byte own = ref Unsafe.As<Bytes, byte>(ref Unsafe.AsRef(in bytes));
            Vector128<byte> first = (Vector128.LoadUnsafe(ref start) & Vector128.LoadUnsafe(ref masks)) ^ Vector128.LoadUnsafe(ref own);
            Vector128<byte> second = (Vector128.LoadUnsafe(ref start, 16) & Vector128.LoadUnsafe(ref masks, 16)) ^ Vector128.LoadUnsafe(ref own, 16);
            return (first | second) == Vector128<byte>.Zero && Length <= message.Length;
        }

        /// <summary>Takes the bytes over.</summary>
        public void Take(ref byte start)
        {
            for (int i = 0; i < MaxBytes; i++) bytes[i] = i < Length ? Unsafe.Add(ref start, i) : (byte)0;
        }

        [InlineArray(MaxBytes)]
        private struct Bytes
        {
            private byte first;
        }
    }
}
