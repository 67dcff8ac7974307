using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace RateWall.Detection.Logs;

/// <summary>
/// The line nearly every log is made of: "Nov 21 04:00:00 host program[123]: message". It is taken apart with few
/// comparisons of many bytes at once; whatever looks in the least different is left to <see cref="LineHeader"/>, which
/// reads this form just the same.
/// </summary>
internal ref struct TaggedLine
{
    /// <summary>The length of "Nov 21 04:00:00".</summary>
    public const int Stamp = 15;

    // "Nov 21 04:00:00 " has these bytes at 3, 6, 9, 12 and 15.
    private const uint StampPlaces = (1u << 3) | (1u << 6) | (1u << 9) | (1u << 12) | (1u << 15);
    private const int StampLength = 16;

    // The bytes behind the stamp that are looked at together: host and tag must end within.
    private const int Width = 64;

    private static Vector128<byte> StampBytes => Vector128.Create("\0\0\0 \0\0 \0\0:\0\0:\0\0 "u8);

    /// <summary>Where the program begins, counted from the line's first byte.</summary>
    public int ProgramStart;

    /// <summary>The program's length.</summary>
    public int ProgramLength;

    /// <summary>Where the message begins.</summary>
    public int MessageStart;

    /// <summary>Where the newline stands.</summary>
    public int End;

    /// <summary>Reads the line that <paramref name="text"/> begins with; false when it has another form, or no end.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryRead(ReadOnlySpan<byte> text, out TaggedLine line)
    {
        Unsafe.SkipInit(out line);
        // A program that begins at the end of what is looked at can still be read as RecentPrograms reads it.
        if (text.Length <= StampLength + Width + RecentPrograms.Readable) return false;
        ref byte first = ref MemoryMarshal.GetReference(text);
        uint stamp = Vector128.Equals(Vector128.LoadUnsafe(ref first), StampBytes).ExtractMostSignificantBits();
        if ((stamp & StampPlaces) != StampPlaces || first == '<') return false;

        Vector256<byte> low = Vector256.LoadUnsafe(ref first, StampLength), high = Vector256.LoadUnsafe(ref first, StampLength + 32);
        ulong newline = Places(low, high, (byte)'\n');
        ulong spaces = Places(low, high, (byte)' ') & (newline - 1);
        int tag = 0, space = BitOperations.TrailingZeroCount(spaces);
        if (space is 0 or Width) return false;
        if (Unsafe.Add(ref first, StampLength + space - 1) != ':')
        {
            tag = space + 1;
            spaces &= spaces - 1;
            space = BitOperations.TrailingZeroCount(spaces);
            if (space == Width || space <= tag + 1 || Unsafe.Add(ref first, StampLength + space - 1) != ':') return false;
            // What is no host name was perhaps begun by a client.
            if (ByteClass.Host.Run(text.Slice(StampLength, tag - 1)) != tag - 1) return false;
        }

        int end = space - 1;
        if (end <= tag) return false;
        // What stands in the tag, and not at its start: "(...)" and paths are for the other reader.
        ulong inside = (1UL << end) - (1UL << tag);
        if (Unsafe.Add(ref first, StampLength + tag) == '/' || (Places(low, high, (byte)'(') & inside) != 0) return false;
        if (Unsafe.Add(ref first, StampLength + end - 1) == ']')
        {
            ulong brackets = Places(low, high, (byte)'[') & inside;
            if (brackets == 0) return false;
            end = BitOperations.Log2(brackets);
            if (end <= tag) return false;
        }

        // "[ID 800047 auth.info] " of Solaris, behind the tag.
        if (Unsafe.Add(ref first, StampLength + space + 1) == '[') return false;
        line.ProgramStart = StampLength + tag;
        line.ProgramLength = end - tag;
        line.MessageStart = StampLength + space + 1;
        line.End = newline != 0 ? StampLength + BitOperations.TrailingZeroCount(newline) : EndOf(text);
        return (uint)line.End <= LogLines.MaxLine;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int EndOf(ReadOnlySpan<byte> text)
    {
        ref byte first = ref MemoryMarshal.GetReference(text);
        int at = StampLength + Width;
        for (; at + Width <= text.Length; at += Width)
        {
            ulong newline = Places(Vector256.LoadUnsafe(ref first, (nuint)at), Vector256.LoadUnsafe(ref first, (nuint)at + 32), (byte)'\n');
            if (newline != 0) return at + BitOperations.TrailingZeroCount(newline);
        }

        int rest = text[at..].IndexOf((byte)'\n');
        return rest < 0 ? -1 : at + rest;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Places(Vector256<byte> low, Vector256<byte> high, byte value)
    {
        Vector256<byte> all = Vector256.Create(value);
        return Vector256.Equals(low, all).ExtractMostSignificantBits() | ((ulong)Vector256.Equals(high, all).ExtractMostSignificantBits() << 32);
    }
}
