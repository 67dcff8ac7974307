using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace RateWall.Detection.Logs;

/// <summary>
/// Where the words of a message end, all at once: most holes end there. Only a guess: the hole's own class says where it
/// ends. But the processor goes on from the guess while that is looked up, and where one hole follows another that is what
/// reading a message takes.
/// </summary>
internal struct Boundaries
{
    private const int Words = 4;

    private Bits bits;

    /// <summary>Reads a message.</summary>
    /// <param name="message">The message; see <see cref="Scan.Readable"/>.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Read(ReadOnlySpan<byte> message)
    {
        ref byte start = ref MemoryMarshal.GetReference(message);
        for (int word = 0; word < Words && word * 64 < message.Length; word++)
        {
            ulong ends = ByteClass.AnyWord.OthersOf64(ref Unsafe.Add(ref start, word * 64));
            int left = message.Length - (word * 64);
            // The message's end ends a word, too.
            bits[word] = left < 64 ? ends | (1UL << left) : ends;
        }
    }

    /// <summary>Where the word at a place probably ends.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int GuessEnd(int at) => at + BitOperations.TrailingZeroCount(Unsafe.Add(ref Unsafe.As<Bits, ulong>(ref bits), (at >> 6) & (Words - 1)) >> at);

    /// <summary>Where the last word but so many begins, with the byte in front of it; -1: there are not so many.</summary>
    /// <param name="length">The message's length.</param>
    /// <param name="count">How many bytes from there on belong to no word, at least 1.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int GuessStart(int length, int count)
    {
        if (length > Words * 64) return -1;
        for (int word = (length - 1) >> 6; word >= 0; word--)
        {
            ulong ends = Unsafe.Add(ref Unsafe.As<Bits, ulong>(ref bits), word);
            int left = length - (word * 64);
            if (left < 64) ends &= (1UL << left) - 1;
            int many = BitOperations.PopCount(ends);
            if (many < count)
            {
                count -= many;
                continue;
            }

            // The highest bit is not asked of Log2: code with it cannot be compiled ahead.
            for (; count > 1; count--) ends ^= 1UL << (63 - BitOperations.LeadingZeroCount(ends));
            return (word * 64) + 63 - BitOperations.LeadingZeroCount(ends);
        }

        return -1;
    }

    /// <summary>False when another number of bytes than so many belongs to no word, from a place on.</summary>
    /// <param name="count">How many.</param>
    /// <param name="at">The place.</param>
    /// <param name="length">The message's length.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly bool HasGaps(int count, int at, int length)
    {
        // Only where two words tell, as nearly always.
        if (length > 2 * 64 || at >= 64) return true;
        ulong second = length > 64 ? bits[1] : 0;
        if (length > 64 && length < 2 * 64) second &= (1UL << (length - 64)) - 1;
        ulong first = length < 64 ? bits[0] & ((1UL << length) - 1) : bits[0];
        return BitOperations.PopCount(first >> at) + BitOperations.PopCount(second) == count;
    }

    [InlineArray(Words)]
    private struct Bits
    {
        private ulong first;
    }
}
