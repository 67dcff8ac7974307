using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

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
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int Find(ref byte start, int length)
    {
        if (length > Readable) return Look(ref start, length);
        Vector128<byte> own = Vector128.LoadUnsafe(ref MemoryMarshal.GetReference(Masks), (nuint)(Readable - length));
        Vector128<ulong> name = (Vector128.LoadUnsafe(ref start) & own).AsUInt64();
        ulong low = name.ToScalar(), high = name.GetElement(1);
        ref Place place = ref places[(int)(((low ^ (high * 0x9E37_79B9_7F4A_7C15UL)) * 0xD6E8_FEB8_6659_FD93UL) >> (64 - Bits))];
        if (((place.Low ^ low) | (place.High ^ high) | (uint)(place.Length ^ length)) != 0) place = new(low, high, length, Look(ref start, length));
        return place.Rules;
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

    private readonly record struct Place(ulong Low, ulong High, int Length, int Rules);
}
