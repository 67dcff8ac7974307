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
    public const int MaxBytes = 64;

    // A message is looked for among the beginnings with the same first four bytes.
    private const int LeastBytes = 4;
    private const int Bits = 7;
    private const int Ways = 4;
    private const int Half = 32;

    // As many that are not known, until one is looked at: those that come but once shall cost nothing.
    private const int Every = 16;

    private readonly Beginning[] known = new Beginning[Ways << Bits];
    private int unknown;
    private int latest;

    // 32 bytes to compare, then 32 not to: from 32 - n on lies the mask of n bytes.
    private static ReadOnlySpan<byte> Masks =>
    [
        255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    ];

    /// <summary>Finds how a message begins; the answer is a null reference when that is not known.</summary>
    /// <param name="message">The message; see <see cref="Scan.Readable"/>.</param>
    /// <param name="file">Its rule file.</param>
    /// <param name="part">The part that its header named.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ref readonly Beginning Find(ReadOnlySpan<byte> message, RuleFile file, Part? part)
    {
        ref byte start = ref MemoryMarshal.GetReference(message);
        ref Beginning all = ref MemoryMarshal.GetArrayDataReference(known);
        // Messages of one shape come one behind the other, and where the last one was found nothing has to be computed.
        ref Beginning last = ref Unsafe.Add(ref all, latest);
        return ref last.IsOf(message, ref start, file, part) ? ref last : ref FindAmongAll(message, ref start, file, part);
    }

    private ref readonly Beginning FindAmongAll(ReadOnlySpan<byte> message, ref byte start, RuleFile file, Part? part)
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

    /// <summary>True when it is time to look where an unknown beginning leads, and to <see cref="Add"/> it.</summary>
    public bool WantsMore() => ++unknown % Every == 0;

    /// <summary>Takes a beginning in, and drops the one of its place that was added longest ago.</summary>
    /// <param name="message">A message that begins so; see <see cref="Scan.Readable"/>.</param>
    /// <param name="beginning">How.</param>
    public void Add(ReadOnlySpan<byte> message, Beginning beginning)
    {
        ref byte start = ref MemoryMarshal.GetReference(message);
        int place = PlaceOf(ref start, beginning.File);
        known.AsSpan(place, Ways - 1).CopyTo(known.AsSpan(place + 1));
        (Vector256<byte> low, Vector256<byte> high) = Beginning.MasksOf(beginning.Length);
        beginning.Low = Vector256.LoadUnsafe(ref start) & low;
        beginning.High = Vector256.LoadUnsafe(ref start, Half) & high;
        known[place] = beginning;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int PlaceOf(ref byte start, RuleFile file) =>
        (int)(((Unsafe.ReadUnaligned<uint>(ref start) + file.Number) * 0x9E37_79B1u) >> (32 - Bits)) * Ways;

    /// <summary>How messages begin, and what follows from that.</summary>
    internal struct Beginning
    {
        /// <summary>The first 32 bytes, zeros behind the last one that counts.</summary>
        public Vector256<byte> Low;

        /// <summary>The next 32.</summary>
        public Vector256<byte> High;

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

        /// <summary>True when a message begins so.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly bool IsOf(ReadOnlySpan<byte> message, ref byte start, RuleFile file, Part? part)
        {
            if (!ReferenceEquals(File, file) || !ReferenceEquals(Given, part) || Length > message.Length) return false;
            (Vector256<byte> low, Vector256<byte> high) = MasksOf(Length);
            return (((Vector256.LoadUnsafe(ref start) & low) ^ Low) | ((Vector256.LoadUnsafe(ref start, Half) & high) ^ High)) == Vector256<byte>.Zero;
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static (Vector256<byte> Low, Vector256<byte> High) MasksOf(int length)
        {
            ref byte masks = ref MemoryMarshal.GetReference(Masks);
            return (Vector256.LoadUnsafe(ref masks, (nuint)Math.Max(0, Half - length)), Vector256.LoadUnsafe(ref masks, (nuint)Math.Min(Half, MaxBytes - length)));
        }
    }
}
