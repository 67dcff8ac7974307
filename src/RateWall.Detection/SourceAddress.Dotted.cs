using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace RateWall.Detection;

/// <content>
/// Dotted quads, of which a log has one in nearly every line. Where the dots stand is different each time, and whoever asks
/// byte by byte guesses wrong several times; here nothing is asked before all is known.
/// </content>
public readonly partial record struct SourceAddress
{
    // The least value of a part with one, two and three digits: nothing begins with a zero but "0" itself.
    private const uint LeastByDigits = 0x640A00;

    private static bool TryParseIPv4(ReadOnlySpan<byte> text, out uint value)
    {
        int length = text.Length;
        if (!BitConverter.IsLittleEndian || length is < 8 or > LongestIPv4) return TryParseIPv4Slowly(text, out value);
        ref byte first = ref MemoryMarshal.GetReference(text);
        ulong low = Unsafe.ReadUnaligned<ulong>(ref first);
        // What both hold is shifted out, in two steps: it may be all 64 bits.
        ulong high = Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref first, length - 8)) >> (4 * (16 - length)) >> (4 * (16 - length));
        Vector128<byte> all = Vector128.Create(low, high).AsByte();
        uint dots = Vector128.Equals(all, Vector128.Create((byte)'.')).ExtractMostSignificantBits();
        uint digits = Vector128.LessThanOrEqual(all - Vector128.Create((byte)'0'), Vector128.Create((byte)9)).ExtractMostSignificantBits();
        uint behindFirst = dots & (dots - 1), behindSecond = behindFirst & (behindFirst - 1);
        value = 0;
        // Three dots, and the rest digits; what is behind the text is neither.
        if ((dots | digits) != (1u << length) - 1 || behindSecond == 0 || (behindSecond & (behindSecond - 1)) != 0) return false;
        int one = BitOperations.TrailingZeroCount(dots), two = BitOperations.TrailingZeroCount(behindFirst), three = BitOperations.TrailingZeroCount(behindSecond);
        int digitsOfFirst = one, digitsOfSecond = two - one - 1, digitsOfThird = three - two - 1, digitsOfFourth = length - three - 1;
        // One to three digits each: none of these is negative, and none is more than 2.
        uint excess = (uint)(digitsOfFirst - 1) | (uint)(digitsOfSecond - 1) | (uint)(digitsOfThird - 1) | (uint)(digitsOfFourth - 1);
        bool tooLong = digitsOfFirst > 3 | digitsOfSecond > 3 | digitsOfThird > 3 | digitsOfFourth > 3;
        if ((int)excess < 0 | tooLong) return false;
        // The last four bytes up to each part's end. The first two parts end within the first eight bytes.
        uint a = PartOf((uint)((low << (8 * (8 - one))) >> 32), digitsOfFirst, out uint wrongFirst);
        uint b = PartOf((uint)((low << (8 * (8 - two))) >> 32), digitsOfSecond, out uint wrongSecond);
        uint c = PartOf(Unsafe.ReadUnaligned<uint>(ref Unsafe.Add(ref first, three - 4)), digitsOfThird, out uint wrongThird);
        uint d = PartOf(Unsafe.ReadUnaligned<uint>(ref Unsafe.Add(ref first, length - 4)), digitsOfFourth, out uint wrongFourth);
        if ((int)(wrongFirst | wrongSecond | wrongThird | wrongFourth) < 0) return false;
        value = (a << 24) | (b << 16) | (c << 8) | d;
        return true;
    }

    // The number in the last digits of four bytes; the highest bit of wrong is set when it is none of an address.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint PartOf(uint text, int digits, out uint wrong)
    {
        // From the lowest byte on: nothing, hundreds, tens, ones.
        uint own = text & 0x0F0F0F0F & (uint.MaxValue << (32 - (8 * digits)));
        uint number = (((own >> 8) & 0xFF) * 100) + (((own >> 16) & 0xFF) * 10) + (own >> 24);
        wrong = (number - ((LeastByDigits >> (8 * (digits - 1))) & 0xFF)) | (255 - number);
        return number;
    }
}
