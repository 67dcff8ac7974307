using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace RateWall.Detection.Logs;

/// <summary>
/// The rule files of the programs that wrote last, those that have none among them: a log has a few programs and a
/// million lines. A place holds one program, and the next one takes it over: names made up by somebody cost what a look into
/// the <see cref="ProgramTable"/> costs. Of one reader alone.
/// </summary>
internal sealed class RecentPrograms(RuleSet rules)
{
    /// <summary>Bytes behind a program's first one that must be readable.</summary>
    public const int Readable = 16;

    private const int Bits = 7;

    // From so many bytes in front of the middle on as many bytes are a name's own as lie in front of it.
    private static ReadOnlySpan<byte> Masks =>
    [
        255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    ];

    private readonly Place[] places = new Place[1 << Bits];
    private ProgramRules[][] known = [[]];

    /// <summary>The numbers that there are: each is below.</summary>
    public int Count => known.Length;

    /// <summary>The rules that have a number.</summary>
    public ProgramRules[] this[int number] => known[number];

    /// <summary>As <see cref="RuleSet.Find(ReadOnlySpan{byte})"/>, as the number those rules have here: 0 when there are none.</summary>
    /// <param name="start">The program's first byte; <see cref="Readable"/> bytes can be read from here.</param>
    /// <param name="length">The program's length, at least 1.</param>
    public int Find(ref byte start, int length)
    {
        if (length > Readable) return Look(ref start, length);
        ref Place place = ref PlaceOf(ref First, ref start, length, out ulong low, out ulong high);
        if (!place.IsOf(low, high, length)) place = new(low, high, length, Look(ref start, length));
        return place.Rules;
    }

    /// <summary>Where the places are.</summary>
    public ref Place First => ref MemoryMarshal.GetArrayDataReference(places);

    /// <summary>The same of a program that has its place. False: it has none, or no name, or a long one.</summary>
    /// <param name="first">Where the places are.</param>
    /// <param name="start">The program's first byte; <see cref="Readable"/> bytes can be read from here.</param>
    /// <param name="length">The program's length.</param>
    /// <param name="number">The number.</param>
    // Without a call: what a loop holds in registers stays there.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryFind(ref Place first, ref byte start, int length, out int number)
    {
        number = 0;
        if ((uint)(length - 1) >= Readable) return false;
        ref readonly Place place = ref PlaceOf(ref first, ref start, length, out ulong low, out ulong high);
        number = place.Rules;
        return place.IsOf(low, high, length);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ref Place PlaceOf(ref Place first, ref byte start, int length, out ulong low, out ulong high)
    {
        ref byte own = ref Unsafe.Add(ref MemoryMarshal.GetReference(Masks), (nint)(uint)(Readable - length));
        low = Unsafe.ReadUnaligned<ulong>(ref start) & Unsafe.ReadUnaligned<ulong>(ref own);
        high = Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref start, sizeof(ulong))) & Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref own, sizeof(ulong)));
        ulong hash = (low ^ BitOperations.RotateLeft(high, 27)) * 0x9E37_79B9_7F4A_7C15UL;
        return ref Unsafe.Add(ref first, (nuint)(hash >> (64 - Bits)));
    }

    private int Look(ref byte start, int length)
    {
        ProgramRules[] found = rules.Find(MemoryMarshal.CreateReadOnlySpan(ref start, length));
        if (found.Length == 0) return 0;
        int number = Array.IndexOf(known, found);
        if (number >= 0) return number;
        known = [.. known, found];
        return known.Length - 1;
    }

    /// <summary>A program that wrote of late.</summary>
    internal readonly struct Place(ulong low, ulong high, int length, int rules)
    {
        private readonly ulong low = low;
        private readonly ulong high = high;
        private readonly int length = length;

        /// <summary>The number of its rules.</summary>
        public readonly int Rules = rules;

        /// <summary>True when it has that name.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public bool IsOf(ulong low, ulong high, int length) => ((this.low ^ low) | (this.high ^ high) | (uint)(this.length ^ length)) == 0;
    }
}
