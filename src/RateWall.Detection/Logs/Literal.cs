using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace RateWall.Detection.Logs;

/// <summary>
/// Fixed bytes that a message is compared with. Nearly every comparison fails in the first eight bytes, so these are
/// compared as one number, without a call, and so are the last eight of up to sixteen.
/// </summary>
internal readonly struct Literal
{
    private readonly ulong head;
    private readonly ulong mask;
    private readonly ulong tail;
    private readonly int length;

    public Literal(byte[] bytes)
    {
        Bytes = bytes;
        length = bytes.Length;
        Span<byte> first = stackalloc byte[8];
        first.Clear();
        int compared = Math.Min(8, length);
        bytes.AsSpan(0, compared).CopyTo(first);
        head = MemoryMarshal.Read<ulong>(first);
        First = first[0];
        SecondOffset = (byte)(length > 1 ? 1 : 0);
        Second = first[SecondOffset];
        first[..compared].Fill(0xFF);
        mask = MemoryMarshal.Read<ulong>(first);
        tail = length > 8 ? MemoryMarshal.Read<ulong>(bytes.AsSpan(length - 8)) : 0;
    }

    /// <summary>The bytes.</summary>
    public readonly byte[] Bytes;

    /// <summary>The first byte, 0 when there is none.</summary>
    public readonly byte First;

    /// <summary>The second byte, or the only one.</summary>
    public readonly byte Second;

    /// <summary>Where <see cref="Second"/> stands.</summary>
    public readonly byte SecondOffset;

    /// <summary>How many they are.</summary>
    public int Length => length;

    /// <summary>True when they stand at <paramref name="at"/>, which is at most the text's length.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool IsAt(ReadOnlySpan<byte> text, int at)
    {
        int left = text.Length - at;
        if (left < length) return false;
        if (left < 8) return text[at..].StartsWith(Bytes);
        ref byte start = ref Unsafe.Add(ref MemoryMarshal.GetReference(text), at);
        if ((Unsafe.ReadUnaligned<ulong>(ref start) & mask) != head) return false;
        if (length <= 8) return true;
        return Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref start, length - 8)) == tail && (length <= 16 || IsMiddleAt(text, at));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool IsMiddleAt(ReadOnlySpan<byte> text, int at) => length <= 24
        ? Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref MemoryMarshal.GetReference(text), at + 8)) == Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(Bytes), 8))
        : text.Slice(at + 8, length - 16).SequenceEqual(Bytes.AsSpan(8, length - 16));
}
