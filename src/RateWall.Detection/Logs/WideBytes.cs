using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace RateWall.Detection.Logs;

/// <summary>Compares 64 bytes at once; the answer has a bit for each, the first byte's lowest.</summary>
internal static class WideBytes
{
    /// <summary>How many bytes are read.</summary>
    public const int Width = 64;

    /// <summary>Where <paramref name="value"/> stands.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong PlacesOf(byte value, ref byte first)
    {
        if (Vector512.IsHardwareAccelerated)
            return Vector512.Equals(Vector512.LoadUnsafe(ref first), Vector512.Create(value)).ExtractMostSignificantBits();
        Vector256<byte> all = Vector256.Create(value);
        return Joined(Vector256.Equals(Vector256.LoadUnsafe(ref first), all), Vector256.Equals(Vector256.LoadUnsafe(ref first, 32), all));
    }

    /// <summary>Where both have the same byte.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Same(ref byte first, ref byte other)
    {
        if (Vector512.IsHardwareAccelerated)
            return Vector512.Equals(Vector512.LoadUnsafe(ref first), Vector512.LoadUnsafe(ref other)).ExtractMostSignificantBits();
        return Joined(
            Vector256.Equals(Vector256.LoadUnsafe(ref first), Vector256.LoadUnsafe(ref other)),
            Vector256.Equals(Vector256.LoadUnsafe(ref first, 32), Vector256.LoadUnsafe(ref other, 32)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Joined(Vector256<byte> low, Vector256<byte> high) =>
        low.ExtractMostSignificantBits() | ((ulong)high.ExtractMostSignificantBits() << 32);
}
