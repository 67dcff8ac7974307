using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace RateWall.Detection.Logs;

/// <summary>The words by which a line that no rule understands looks like a failure.</summary>
internal static class FailureWords
{
    // The places whose beginnings are looked at together, and with the bytes of those beginnings.
    private const int Width = 16;
    private const int Looked = Width + 3;

    // Without the first letter, which may be a capital.
    private static readonly byte[][] Words =
        [.. ((string[])["failed", "failure", "invalid", "denied", "refused", "rejected", "incorrect", "unknown user"]).Select(w => System.Text.Encoding.ASCII.GetBytes(w[1..]))];

    /// <summary>True when one of the words is in the message.</summary>
    public static bool AreIn(ReadOnlySpan<byte> message)
    {
        if (message.Length < Looked) return Search(message);
        ref byte first = ref MemoryMarshal.GetReference(message);
        int last = message.Length - Looked;
        for (int at = 0; ; at = Math.Min(at + Width, last))
        {
            // Nearly no line has a word, and few have what begins like one.
            for (uint places = Beginnings(ref Unsafe.Add(ref first, at)); places != 0; places &= places - 1)
                if (BeginsWithOne(message[(at + BitOperations.TrailingZeroCount(places))..])) return Search(message);
            if (at == last) return false;
        }
    }

    // "ail" with 'e' or 'u', "nva", "nco", "nkn", "eni", "efu", "eje".
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint Beginnings(ref byte first)
    {
        Vector128<byte> one = Vector128.LoadUnsafe(ref first), two = Vector128.LoadUnsafe(ref first, 1), three = Vector128.LoadUnsafe(ref first, 2), four = Vector128.LoadUnsafe(ref first, 3);
        Vector128<byte> a = Is(one, 'a') & Is(two, 'i') & Is(three, 'l') & (Is(four, 'e') | Is(four, 'u'));
        Vector128<byte> n = Is(one, 'n') & ((Is(two, 'v') & Is(three, 'a')) | (Is(two, 'c') & Is(three, 'o')) | (Is(two, 'k') & Is(three, 'n')));
        Vector128<byte> e = Is(one, 'e') & ((Is(two, 'n') & Is(three, 'i')) | (Is(two, 'f') & Is(three, 'u')) | (Is(two, 'j') & Is(three, 'e')));
        return (a | n | e).ExtractMostSignificantBits();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<byte> Is(Vector128<byte> bytes, char value) => Vector128.Equals(bytes, Vector128.Create((byte)value));

    private static bool BeginsWithOne(ReadOnlySpan<byte> text)
    {
        foreach (byte[] word in Words)
            if (text.StartsWith(word)) return true;
        return false;
    }

    // In front of the word there is at least its first letter.
    private static bool Search(ReadOnlySpan<byte> message)
    {
        foreach (byte[] word in Words)
            if (message.IndexOf(word) > 0) return true;
        return false;
    }
}
