using System.Buffers.Binary;
using System.Numerics;

namespace RateWall.Storage;

/// <summary>
/// SHA-256 (FIPS 180-4) of a few bytes. The framework's own loads OpenSSL for it: 8 MB of memory and 20 ms, in every run, for a
/// kilobyte of each log.
/// </summary>
internal static class Sha256
{
    /// <summary>Bytes of a hash.</summary>
    public const int Length = 32;

    private const int BlockLength = 64;

    // Section 4.2.2: the first 32 bits of the fractions of the cube roots of the first 64 primes.
    private static readonly uint[] Constants =
    [
        0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
        0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
        0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
        0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
        0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
        0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
        0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
        0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
    ];

    /// <summary>Writes the hash of the bytes.</summary>
    /// <param name="bytes">Any number.</param>
    /// <param name="hash">Gets <see cref="Length"/> bytes.</param>
    public static void Hash(ReadOnlySpan<byte> bytes, Span<byte> hash)
    {
        // Section 5.3.3: the first 32 bits of the fractions of the square roots of the first 8 primes.
        Span<uint> state = [0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19];
        ulong bits = (ulong)bytes.Length * 8;
        for (; bytes.Length >= BlockLength; bytes = bytes[BlockLength..]) Take(bytes, state);

        // Section 5.1.1: a one, zeros, and the length in bits fill the last block, or the last two.
        Span<byte> last = stackalloc byte[2 * BlockLength];
        last.Clear();
        bytes.CopyTo(last);
        last[bytes.Length] = 0x80;
        int end = bytes.Length < BlockLength - sizeof(ulong) ? BlockLength : 2 * BlockLength;
        BinaryPrimitives.WriteUInt64BigEndian(last[(end - sizeof(ulong))..], bits);
        for (int at = 0; at < end; at += BlockLength) Take(last[at..], state);
        for (int i = 0; i < state.Length; i++) BinaryPrimitives.WriteUInt32BigEndian(hash[(i * sizeof(uint))..], state[i]);
    }

    // Section 6.2.2.
    private static void Take(ReadOnlySpan<byte> block, Span<uint> state)
    {
        Span<uint> w = stackalloc uint[64];
        for (int t = 0; t < 16; t++) w[t] = BinaryPrimitives.ReadUInt32BigEndian(block[(t * sizeof(uint))..]);
        for (int t = 16; t < 64; t++)
        {
            uint early = BitOperations.RotateRight(w[t - 15], 7) ^ BitOperations.RotateRight(w[t - 15], 18) ^ (w[t - 15] >> 3);
            uint late = BitOperations.RotateRight(w[t - 2], 17) ^ BitOperations.RotateRight(w[t - 2], 19) ^ (w[t - 2] >> 10);
            w[t] = unchecked(late + w[t - 7] + early + w[t - 16]);
        }

        (uint a, uint b, uint c, uint d) = (state[0], state[1], state[2], state[3]);
        (uint e, uint f, uint g, uint h) = (state[4], state[5], state[6], state[7]);
        for (int t = 0; t < 64; t++)
        {
            uint upper = BitOperations.RotateRight(e, 6) ^ BitOperations.RotateRight(e, 11) ^ BitOperations.RotateRight(e, 25);
            uint lower = BitOperations.RotateRight(a, 2) ^ BitOperations.RotateRight(a, 13) ^ BitOperations.RotateRight(a, 22);
            uint first = unchecked(h + upper + ((e & f) ^ (~e & g)) + Constants[t] + w[t]);
            uint second = unchecked(lower + ((a & b) ^ (a & c) ^ (b & c)));
            (h, g, f, e) = (g, f, e, unchecked(d + first));
            (d, c, b, a) = (c, b, a, unchecked(first + second));
        }

        ReadOnlySpan<uint> sums = [a, b, c, d, e, f, g, h];
        for (int i = 0; i < state.Length; i++) state[i] = unchecked(state[i] + sums[i]);
    }
}
