using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace RateWall.Detection.Logs;

/// <summary>
/// Where the next newlines of a block stand. They are looked for many lines ahead: where a line ends is what no processor
/// guesses right, and here nothing waits for the answer. Of one reader alone.
/// </summary>
internal sealed class LineEnds
{
    // So many bytes of usual lines are still in the nearest cache when the lines are read.
    private const int Lines = 128;

    /// <summary>The most newlines that are found at once.</summary>
    public const int MaxFound = Lines + WideBytes.Width;

    private readonly int[] places = new int[MaxFound];

    /// <summary>One of the newlines of the last <see cref="Find"/>, counted from the block's first byte.</summary>
    public int this[int index] => places[index];

    /// <summary>The first one of them; the others lie behind it.</summary>
    public ref int First => ref MemoryMarshal.GetArrayDataReference(places);

    /// <summary>Looks for newlines and says how many there are, 0 only when there is no other one.</summary>
    /// <param name="block">The block.</param>
    /// <param name="from">The first byte to look at; afterwards the first one that was not looked at.</param>
    // Compiled for this very processor, and well at once: code that asks for vectors of 64 bytes cannot be compiled ahead.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public int Find(ReadOnlySpan<byte> block, ref int from)
    {
        ref byte first = ref MemoryMarshal.GetReference(block);
        ref int next = ref First, full = ref Unsafe.Add(ref next, Lines);
        nint at = from, last = block.Length - WideBytes.Width;
        for (; at <= last && Unsafe.IsAddressLessThan(ref next, ref full); at += WideBytes.Width)
        {
            ulong newlines = WideBytes.PlacesOf((byte)'\n', ref Unsafe.Add(ref first, at));
            int found = BitOperations.PopCount(newlines);
            // Two are written whether or not there are any, so that nearly never there is anything to guess.
            next = (int)at + BitOperations.TrailingZeroCount(newlines);
            newlines &= newlines - 1;
            Unsafe.Add(ref next, 1) = (int)at + BitOperations.TrailingZeroCount(newlines);
            newlines &= newlines - 1;
            for (int more = 2; newlines != 0; more++, newlines &= newlines - 1)
                Unsafe.Add(ref next, more) = (int)at + BitOperations.TrailingZeroCount(newlines);
            next = ref Unsafe.Add(ref next, (nint)(uint)found);
        }

        int count = (int)((nuint)Unsafe.ByteOffset(ref First, ref next) / sizeof(int));
        for (; count < Lines && at < block.Length; at++)
            if (block[(int)at] == '\n') places[count++] = (int)at;
        from = (int)at;
        return count;
    }
}
