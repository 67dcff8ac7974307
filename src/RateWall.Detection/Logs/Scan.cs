using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace RateWall.Detection.Logs;

/// <summary>
/// Looks for literals, 32 places at once: where the first two bytes stand is compared, and nowhere else. The text is read in
/// blocks, so bytes behind its end must be readable, whatever they are.
/// </summary>
internal static class Scan
{
    /// <summary>How many bytes behind a text are read.</summary>
    public const int Readable = 64;

    /// <summary>How many places are compared at once.</summary>
    public const int Width = 32;

    /// <summary>Copies a text to where it can be read in blocks.</summary>
    /// <param name="text">The text.</param>
    /// <param name="room">At least <see cref="Readable"/> bytes longer than the text.</param>
    public static ReadOnlySpan<byte> Copy(ReadOnlySpan<byte> text, Span<byte> room)
    {
        text.CopyTo(room);
        room.Slice(text.Length, Readable).Clear();
        return room[..text.Length];
    }

    /// <summary>The first place at or behind <paramref name="from"/> where a literal stands and ends by <paramref name="limit"/>, or -1.</summary>
    public static int First(ReadOnlySpan<byte> text, int from, int limit, in Literal literal)
    {
        int last = limit - literal.Length;
        if (literal.Length == 0) return from <= limit ? from : -1;
        for (int at = from; at <= last; at += Width)
        {
            for (uint places = Places(text, at, literal); places != 0; places &= places - 1)
            {
                int place = at + BitOperations.TrailingZeroCount(places);
                if (place > last) return -1;
                if (literal.IsAt(text, place)) return place;
            }
        }

        return -1;
    }

    /// <summary>The last place at or behind <paramref name="from"/> where a literal stands and ends by <paramref name="limit"/>, or -1.</summary>
    public static int Last(ReadOnlySpan<byte> text, int from, int limit, in Literal literal)
    {
        if (literal.Length == 0) return from <= limit ? limit : -1;
        for (int high = limit - literal.Length; high >= from;)
        {
            int low = Math.Max(from, high - (Width - 1));
            uint places = Places(text, low, literal) & (uint.MaxValue >> (Width - 1 - (high - low)));
            while (places != 0)
            {
                int bit = 31 - BitOperations.LeadingZeroCount(places);
                if (literal.IsAt(text, low + bit)) return low + bit;
                places ^= 1u << bit;
            }

            high = low - 1;
        }

        return -1;
    }

    /// <summary>A bit for each of the 32 places from <paramref name="at"/> on, which lies in the text, where the first two bytes of a literal stand.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Places(ReadOnlySpan<byte> text, int at, in Literal literal)
    {
        ref byte start = ref Unsafe.Add(ref MemoryMarshal.GetReference(text), at);
        return Sixteen(ref start, literal) | (Sixteen(ref Unsafe.Add(ref start, Vector128<byte>.Count), literal) << Vector128<byte>.Count);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint Sixteen(ref byte start, in Literal literal)
    {
        Vector128<byte> first = Vector128.Equals(Vector128.LoadUnsafe(ref start), Vector128.Create(literal.First));
        Vector128<byte> second = Vector128.Equals(Vector128.LoadUnsafe(ref start, literal.SecondOffset), Vector128.Create(literal.Second));
        return (first & second).ExtractMostSignificantBits();
    }
}
