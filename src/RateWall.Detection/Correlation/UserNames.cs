using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;

namespace RateWall.Detection.Correlation;

/// <summary>
/// User names are kept as 64-bit hashes: of a fixed size, and no list of accounts for whoever gets at the state. The hash is
/// SipHash-2-4 (Aumasson and Bernstein, 2012) under a key that each host draws for itself, so that nobody can choose names
/// that meet. ASCII letters count in one case, as mail daemons take them.
/// </summary>
/// <param name="key">16 secret bytes.</param>
public sealed class UserNames(ReadOnlySpan<byte> key)
{
    /// <summary>The key's length in bytes.</summary>
    public const int KeyLength = 16;

    /// <summary>The most bytes of a name that are looked at.</summary>
    public const int MaxName = 256;

    private const ulong HighBits = 0x8080808080808080;

    private readonly ulong first = BinaryPrimitives.ReadUInt64LittleEndian(key);
    private readonly ulong second = BinaryPrimitives.ReadUInt64LittleEndian(key[8..]);

    /// <summary>Hashes under a key that is forgotten: for computations that keep nothing.</summary>
    public static UserNames Passing() => new(RandomNumberGenerator.GetBytes(KeyLength));

    /// <summary>The hash of a name; even and never 0, which leaves the lowest bit to whoever keeps it. 0 for no name.</summary>
    public ulong HashOf(ReadOnlySpan<byte> name) => name.IsEmpty ? 0 : Math.Max(2, Hash(name[..Math.Min(name.Length, MaxName)], HighBits) & ~1UL);

    /// <summary>SipHash-2-4 of the bytes as they are.</summary>
    internal ulong Hash(ReadOnlySpan<byte> bytes) => Hash(bytes, 0);

    private ulong Hash(ReadOnlySpan<byte> bytes, ulong folded)
    {
        ulong v0 = first ^ 0x736f6d6570736575, v1 = second ^ 0x646f72616e646f6d;
        ulong v2 = first ^ 0x6c7967656e657261, v3 = second ^ 0x7465646279746573;
        ulong last = (ulong)bytes.Length << 56;
        int at = 0;
        for (; at + 8 <= bytes.Length; at += 8) Take(Lower(BinaryPrimitives.ReadUInt64LittleEndian(bytes[at..]), folded), ref v0, ref v1, ref v2, ref v3);
        Take(Lower(Rest(bytes, bytes.Length - at), folded) | last, ref v0, ref v1, ref v2, ref v3);
        v2 ^= 0xff;
        for (int i = 0; i < 4; i++) Round(ref v0, ref v1, ref v2, ref v3);
        return v0 ^ v1 ^ v2 ^ v3;
    }

    // The last bytes, fewer than eight, in as few looks as there can be; those that are seen twice are the same both times.
    private static ulong Rest(ReadOnlySpan<byte> bytes, int count)
    {
        int length = bytes.Length;
        if (length >= 8) return BinaryPrimitives.ReadUInt64LittleEndian(bytes[^8..]) >> (56 - (8 * count)) >> 8;
        if (count >= 4) return BinaryPrimitives.ReadUInt32LittleEndian(bytes) | ((ulong)BinaryPrimitives.ReadUInt32LittleEndian(bytes[^4..]) << (8 * (count - 4)));
        return count == 0 ? 0 : bytes[0] | ((ulong)bytes[count / 2] << (8 * (count / 2))) | ((ulong)bytes[^1] << (8 * (count - 1)));
    }

    // Eight letters at once: in the high bit of each byte stands whether it is at least 'A', and whether it is above 'Z'.
    private static ulong Lower(ulong word, ulong folded)
    {
        ulong seven = word & ~HighBits;
        ulong atLeastA = seven + (0x0101010101010101 * (0x80 - 'A')), aboveZ = seven + (0x0101010101010101 * (0x7F - 'Z'));
        ulong upper = ~word & (atLeastA ^ aboveZ) & folded;
        return word | (upper >> 2);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Take(ulong word, ref ulong v0, ref ulong v1, ref ulong v2, ref ulong v3)
    {
        v3 ^= word;
        Round(ref v0, ref v1, ref v2, ref v3);
        Round(ref v0, ref v1, ref v2, ref v3);
        v0 ^= word;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Round(ref ulong v0, ref ulong v1, ref ulong v2, ref ulong v3)
    {
        v0 += v1;
        v2 += v3;
        v1 = BitOperations.RotateLeft(v1, 13) ^ v0;
        v3 = BitOperations.RotateLeft(v3, 16) ^ v2;
        v0 = BitOperations.RotateLeft(v0, 32);
        v2 += v1;
        v0 += v3;
        v1 = BitOperations.RotateLeft(v1, 17) ^ v2;
        v3 = BitOperations.RotateLeft(v3, 21) ^ v0;
        v2 = BitOperations.RotateLeft(v2, 32);
    }
}
