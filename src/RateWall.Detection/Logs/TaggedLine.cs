using System.Buffers.Binary;
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

    /// <summary>
    /// Bytes from a line's first one on that must be readable: as many as a header may have, as many as are looked at
    /// behind it, and the first ones of the message.
    /// </summary>
    public const int Readable = (2 * WideBytes.Width) + 16;

    // "Nov 21 04:00:00 " has these bytes at 3, 6, 9, 12 and 15.
    private const uint StampPlaces = (1u << 3) | (1u << 6) | (1u << 9) | (1u << 12) | (1u << 15);
    private const int StampLength = Stamp + 1;

    // "[ID ", as a number in the order of this processor.
    private static uint SolarisMessageId => BitConverter.IsLittleEndian ? 0x2044_495Bu : 0x5B49_4420u;

    private static Vector128<byte> StampBytes => Vector128.Create("\0\0\0 \0\0 \0\0:\0\0:\0\0 "u8);

    /// <summary>Where the program begins, counted from the line's first byte.</summary>
    public int ProgramStart;

    /// <summary>The program's length.</summary>
    public int ProgramLength;

    /// <summary>Where the message begins.</summary>
    public int MessageStart;

    /// <summary>Reads a line; false when it has another form.</summary>
    /// <param name="first">Its first byte; <see cref="Readable"/> bytes can be read from here.</param>
    /// <param name="length">Its length, without a newline.</param>
    /// <param name="known">The header of a line before; afterwards, of a line that is read, its own.</param>
    /// <param name="line">What was found.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryRead(ref byte first, int length, KnownHeader known, out TaggedLine line)
    {
        Unsafe.SkipInit(out line);
        // Asked, not computed: so what follows need not wait for the comparison.
        int start = known.Begins(ref first) ? known.Length : ReadHeader(ref first, length, known);
        if (start == 0 || !TryReadTag(ref Unsafe.Add(ref first, start), length - start, out line.ProgramLength, out int blank)) return false;
        line.ProgramStart = start;
        line.MessageStart = start + blank + 1;
        return true;
    }

    /// <summary>The process id in the tag of a line that was read, or 0.</summary>
    /// <param name="message">The message's first byte.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int ProcessIdBefore(ref byte message)
    {
        // In front of "]: " at least a stamp and something of a program can be read.
        ref byte end = ref Unsafe.Subtract(ref message, 3);
        if (end != ']') return 0;
        Vector128<byte> before = Vector128.LoadUnsafe(ref Unsafe.Subtract(ref end, Vector128<byte>.Count));
        uint others = Vector128.GreaterThan(before - Vector128.Create((byte)'0'), Vector128.Create((byte)9)).ExtractMostSignificantBits();
        int digits = BitOperations.LeadingZeroCount((others << 16) | 0x8000);
        if (digits == 0 || digits > ByteClass.Count.Max || Unsafe.Subtract(ref end, digits + 1) != '[') return 0;
        return digits > 8 || !BitConverter.IsLittleEndian
            ? Segment.Number(MemoryMarshal.CreateReadOnlySpan(ref Unsafe.Subtract(ref end, digits), digits))
            : Number(Unsafe.ReadUnaligned<ulong>(ref Unsafe.Subtract(ref end, 8)), digits);
    }

    // The number in the last digits of eight bytes: two at a time are made one, three times.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Number(ulong text, int digits)
    {
        ulong value = text & 0x0F0F_0F0F_0F0F_0F0F & (ulong.MaxValue << (64 - (8 * digits)));
        value = (value * ((10 << 8) + 1)) >> 8 & 0x00FF_00FF_00FF_00FF;
        value = (value * ((100 << 16) + 1)) >> 16 & 0x0000_FFFF_0000_FFFF;
        return (int)((value * ((10_000UL << 32) + 1)) >> 32);
    }

    // The length of what stands in front of the tag, or 0.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int ReadHeader(ref byte first, int length, KnownHeader known)
    {
        if (length <= StampLength) return 0;
        Vector128<byte> head = Vector128.LoadUnsafe(ref first);
        uint stamp = Vector128.Equals(head, StampBytes).ExtractMostSignificantBits();
        if ((stamp & StampPlaces) != StampPlaces || first == '<') return 0;
        ReadOnlySpan<byte> header = MemoryMarshal.CreateReadOnlySpan(ref first, Math.Min(length, WideBytes.Width));
        int space = header[StampLength..].IndexOf((byte)' ');
        if (space <= 0) return 0;
        if (header[StampLength + space - 1] == ':')
        {
            // Without a host no byte tells this header's end from another one's, which has a host.
            known.Forget();
            return StampLength;
        }

        // What is no host name was perhaps begun by a client.
        if (ByteClass.Host.Run(header.Slice(StampLength, space)) != space) return 0;
        int start = StampLength + space + 1;
        known.Remember(header[..start]);
        return start;
    }

    /// <summary>Reads "program[123]: " behind a header; false when it has another form.</summary>
    /// <param name="tag">Its first byte, behind a header.</param>
    /// <param name="length">The line's length from there on.</param>
    /// <param name="program">The program's length.</param>
    /// <param name="blank">Where the blank in front of the message stands.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryReadTag(ref byte tag, int length, out int program, out int blank)
    {
        program = 0;
        ulong blanks = WideBytes.PlacesOf((byte)' ', ref tag);
        blank = BitOperations.TrailingZeroCount(blanks);
        // Behind the blank there is at least a newline.
        if (blanks == 0 || blank >= length) return false;
        // What stands in the tag, and not at its start: "(...)" and paths are for the other reader.
        uint last = Unsafe.ReadUnaligned<ushort>(ref Unsafe.Add(ref tag, (nint)(uint)blank - 2));
        if (!BitConverter.IsLittleEndian) last = BinaryPrimitives.ReverseEndianness((ushort)last);
        ulong inside = (blanks ^ (blanks - 1)) >> 2;
        if (last >> 8 != ':' || tag == '/' || (WideBytes.PlacesOf((byte)'(', ref tag) & inside) != 0) return false;
        // Where the program ends: at its last '[' when the tag ends with ']'. Half of the lines have it, in no order: whoever
        // asked would be told what he did not guess half of the time.
        ulong open = Unsafe.BitCast<bool, byte>((byte)last != ']');
        ulong ends = (WideBytes.PlacesOf((byte)'[', ref tag) & inside) | (open << blank >> 1);
        program = 63 - BitOperations.LeadingZeroCount(ends);
        // No '[', or nothing in front of it; else "[ID 800047 auth.info] " of Solaris, behind the tag.
        return ends > 1 && Unsafe.ReadUnaligned<uint>(ref Unsafe.Add(ref tag, (nint)(uint)blank + 1)) != SolarisMessageId;
    }
}
