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

    private readonly Place[] places = new Place[1 << Bits];

    /// <summary>As <see cref="RuleSet.Find(ReadOnlySpan{byte})"/>.</summary>
    /// <param name="start">The program's first byte; <see cref="Readable"/> bytes can be read from here.</param>
    /// <param name="length">The program's length, at least 1.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ProgramRules[] Find(ref byte start, int length)
    {
        if (length > Readable) return Look(ref start, length);
        // What stands behind the name is shifted out.
        ulong low = Unsafe.ReadUnaligned<ulong>(ref start), high = Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref start, 8));
        if (length <= 8)
        {
            low <<= 64 - (8 * length);
            high = 0;
        }
        else
        {
            high <<= 128 - (8 * length);
        }

        ref Place place = ref places[((low ^ (high * 0x9E37_79B9_7F4A_7C15UL)) * 0xD6E8_FEB8_6659_FD93UL) >> (64 - Bits)];
        if (place.Low == low && place.High == high && place.Length == length) return place.Rules;
        place = new(low, high, length, Look(ref start, length));
        return place.Rules;
    }

    private ProgramRules[] Look(ref byte start, int length) => rules.Find(MemoryMarshal.CreateReadOnlySpan(ref start, length));

    private readonly record struct Place(ulong Low, ulong High, int Length, ProgramRules[] Rules);
}
