using System.Buffers.Binary;
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
    private static bool TryParseIPv4(ReadOnlySpan<byte> text, out uint value)
    {
        int length = text.Length;
        if (!BitConverter.IsLittleEndian || length is < 8 or > LongestIPv4) return TryParseIPv4Slowly(text, out value);
        ref byte first = ref MemoryMarshal.GetReference(text);
        ulong low = Unsafe.ReadUnaligned<ulong>(ref first);
        // What both hold is shifted out, in two steps: it may be all 64 bits.
        ulong high = Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref first, length - 8)) >> (4 * (16 - length)) >> (4 * (16 - length));
        Vector128<byte> all = Vector128.Create(low, high).AsByte(), numbers = all - Vector128.Create((byte)'0');
        uint dots = Vector128.Equals(all, Vector128.Create((byte)'.')).ExtractMostSignificantBits();
        uint digits = Vector128.LessThanOrEqual(numbers, Vector128.Create((byte)9)).ExtractMostSignificantBits();
        uint behindFirst = dots & (dots - 1), behindSecond = behindFirst & (behindFirst - 1);
        value = 0;
        // Three dots, and the rest digits; what is behind the text is neither.
        if ((dots | digits) != (1u << length) - 1 || behindSecond == 0 || (behindSecond & (behindSecond - 1)) != 0) return false;
        // Where each part ends, and in front of where it begins: a byte each.
        uint ends = (uint)BitOperations.TrailingZeroCount(dots) | ((uint)BitOperations.TrailingZeroCount(behindFirst) << 8)
            | ((uint)BitOperations.TrailingZeroCount(behindSecond) << 16) | ((uint)length << 24);
        // The last digits of all parts, then those in front of them, and so on; the fourth is one too many.
        Vector128<byte> places = Vector128.Create(ends).AsByte() - Vector128.Create((byte)1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4);
        Vector128<byte> own = Vector128.GreaterThan(places.AsSByte(), Vector128.Create((ends << 8) | 0xFF).AsSByte()).AsByte();
        Vector128<byte> found = Vector128.ShuffleNative(numbers, places) & own;
        uint there = own.ExtractMostSignificantBits();
        uint zeros = Vector128.Equals(found, Vector128<byte>.Zero).ExtractMostSignificantBits();
        // One to three digits each, and no zero in front of others.
        if ((there & 0xF00F) != 0x000F || (zeros & there & ~(there >> 4) & 0x0FF0) != 0) return false;
        uint hundreds = found.AsUInt32().GetElement(2);
        uint rest = found.AsUInt32().ToScalar() + (found.AsUInt32().GetElement(1) * 10);
        // No more than two hundred, and then no more than 55: the highest bit of a byte says that it is more.
        if ((((hundreds + 0x7D7D_7D7D) | ((hundreds << 6) & (rest + 0x4848_4848))) & 0x8080_8080) != 0) return false;
        value = BinaryPrimitives.ReverseEndianness((hundreds * 100) + rest);
        return true;
    }
}
