namespace RateWall.Netfilter;

/// <summary>Keys as big-endian numbers: nf_tables compares them so (memcmp).</summary>
internal static class KeyArithmetic
{
    internal static bool IsAllOnes(ReadOnlySpan<byte> key) => !key.ContainsAnyExcept((byte)0xff);

    /// <summary>The next key; the key after all ones is all zeros, so ask <see cref="IsAllOnes"/> first.</summary>
    internal static void Successor(ReadOnlySpan<byte> key, Span<byte> next)
    {
        key.CopyTo(next);
        for (int i = key.Length - 1; i >= 0 && ++next[i] == 0; i--)
        {
        }
    }

    /// <summary>The key before; before all zeros there is none, so never ask.</summary>
    internal static byte[] Predecessor(ReadOnlySpan<byte> key)
    {
        byte[] previous = key.ToArray();
        for (int i = key.Length - 1; i >= 0 && previous[i]-- == 0; i--)
        {
        }

        return previous;
    }

    internal static byte[] AllOnes(int length)
    {
        byte[] ones = new byte[length];
        ones.AsSpan().Fill(0xff);
        return ones;
    }
}
