using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace RateWall.Detection.Logs;

/// <summary>The bytes a typed hole may hold, and how many of them at most.</summary>
internal sealed class ByteClass
{
    private readonly bool[] members = new bool[256];

    // The same for sixteen bytes at once: a bit for each upper half of a byte (0 to 7), looked up by its lower half.
    // In two numbers: a method that is given an object with a vector in it cannot be compiled ahead.
    private readonly ulong upperHalvesFirst;
    private readonly ulong upperHalvesLast;

    private ByteClass(string name, int max, string extra, bool letters)
    {
        Name = name;
        Max = max;
        for (int c = '0'; c <= '9'; c++) members[c] = true;
        for (int c = 'a'; letters && c <= 'z'; c++) members[c] = members[c - 32] = true;
        foreach (char c in extra) members[c] = true;
        Span<byte> bits = stackalloc byte[16];
        bits.Clear();
        for (int c = 0; c < 128; c++)
            if (members[c]) bits[c & 15] |= (byte)(1 << (c >> 4));
        upperHalvesFirst = MemoryMarshal.Read<ulong>(bits);
        upperHalvesLast = MemoryMarshal.Read<ulong>(bits[sizeof(ulong)..]);
    }

    private static Vector128<byte> BitOfUpperHalf => Vector128.Create((byte)1, 2, 4, 8, 16, 32, 64, 128, 0, 0, 0, 0, 0, 0, 0, 0);

    /// <summary>One byte.</summary>
    public static ByteClass Just(byte one)
    {
        var just = new ByteClass("", 1, "", letters: false);
        Array.Clear(just.members);
        just.members[one] = true;
        return just;
    }

    /// <summary>An address, or the host name a daemon resolved it to.</summary>
    public static ByteClass Address { get; } = new("address", 255, ".:-_%", letters: true);

    /// <summary>A port number.</summary>
    public static ByteClass Port { get; } = new("port", 5, "", letters: false);

    /// <summary>A number that means nothing here.</summary>
    public static ByteClass Num { get; } = new("num", 10, "", letters: false);

    /// <summary>How many tries the line stands for.</summary>
    public static ByteClass Count { get; } = new("count", 9, "", letters: false);

    /// <summary>One word of the daemon's: a method, a cipher.</summary>
    public static ByteClass Word { get; } = new("word", 64, "-_./+@#", letters: true);

    /// <summary>A host name or address that is not the source.</summary>
    public static ByteClass Host { get; } = new("host", 255, ".:-_%", letters: true);

    /// <summary>What a client called itself: never the source.</summary>
    public static ByteClass Helo { get; } = new("helo", 255, ".:-_[]", letters: true);

    /// <summary>An account name of the machine's own.</summary>
    public static ByteClass Account { get; } = new("name", 64, "-_.@$+", letters: true);

    /// <summary>An address with its port behind the last colon, the address in brackets or not: "192.0.2.7:4022".</summary>
    public static ByteClass Peer { get; } = new("peer", 255, ".:-_%[]", letters: true);

    /// <summary>The time that stands inside a line: "21/Nov/2026:04:00:00"; an offset behind a blank belongs to it.</summary>
    public static ByteClass Stamp { get; } = new("stamp", 40, "/:+-.", letters: true);

    /// <summary>The daemon's own name for a session, never used twice.</summary>
    public static ByteClass Session { get; } = new("session", 64, "-_.", letters: true);

    /// <summary>What the words of daemons are made of, taken together: no hole's, and of any length.</summary>
    public static ByteClass AnyWord { get; } = new("", int.MaxValue, ".:-_%/+@#$", letters: true);

    /// <summary>All of them, by the name templates use.</summary>
    public static IReadOnlyList<ByteClass> All { get; } = [Address, Peer, Session, Port, Num, Count, Word, Host, Helo, Account, Stamp];

    /// <summary>The name templates use.</summary>
    public string Name { get; }

    /// <summary>The most bytes it may hold.</summary>
    public int Max { get; }

    /// <summary>True when the byte belongs.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool Holds(byte b) => members[b];

    /// <summary>True when every byte of another class belongs.</summary>
    public bool HoldsAllOf(ByteClass other)
    {
        for (int b = 0; b < members.Length; b++)
            if (other.members[b] && !members[b]) return false;
        return true;
    }

    /// <summary>True when a byte belongs to another class, too.</summary>
    public bool Meets(ByteClass other)
    {
        for (int b = 0; b < members.Length; b++)
            if (other.members[b] && members[b]) return true;
        return false;
    }

    /// <summary>How many bytes of the class stand at the start; more than <see cref="Max"/> gives 0.</summary>
    public int Run(ReadOnlySpan<byte> text) => Run(text, 0);

    /// <summary>How many bytes of the class stand at <paramref name="at"/>; more than <see cref="Max"/> gives 0.</summary>
    public int Run(ReadOnlySpan<byte> text, int at)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(at);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(at, text.Length);
        ref byte first = ref MemoryMarshal.GetReference(text);
        int end = at;
        for (; end + Vector128<byte>.Count <= text.Length; end += Vector128<byte>.Count)
        {
            uint others = Others(Vector128.LoadUnsafe(ref first, (nuint)end));
            if (others == 0) continue;
            end += BitOperations.TrailingZeroCount(others);
            return end - at <= Max ? end - at : 0;
        }

        if (text.Length >= Vector128<byte>.Count)
        {
            // The text's last bytes once more; those before the end of the run so far are shifted out.
            int left = text.Length - end;
            uint others = Others(Vector128.LoadUnsafe(ref first, (nuint)(text.Length - Vector128<byte>.Count)));
            end += BitOperations.TrailingZeroCount((others >> (Vector128<byte>.Count - left)) | (1u << left));
        }
        else
        {
            while (end < text.Length && members[text[end]]) end++;
        }

        return end - at <= Max ? end - at : 0;
    }

    /// <summary>As <see cref="Run(ReadOnlySpan{byte}, int)"/>, of a text that is read in blocks; see <see cref="Scan.Readable"/>.</summary>
    /// <param name="text">The text.</param>
    /// <param name="at">Where, less than its length.</param>
    /// <param name="guess">Where the run probably ends. Whoever is right need not wait for the answer.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int Run(ReadOnlySpan<byte> text, int at, int guess)
    {
        ref byte start = ref Unsafe.Add(ref MemoryMarshal.GetReference(text), at);
        int length = guess - at;
        if (guess > text.Length || length > Max) return RunInBlocks(text, at);
        uint others = Others(Vector128.LoadUnsafe(ref start));
        if (others == 0) others = Others(Vector128.LoadUnsafe(ref start, (nuint)Vector128<byte>.Count)) << Vector128<byte>.Count;
        if (others == 0) return RunInBlocks(text, at);
        int run = BitOperations.TrailingZeroCount(others);
        // Branches, foreseen nearly always, and not a choice between values, of which all would be waited for. Many words end with a colon.
        if (run == length) return length;
        if (run == length - 1) return length - 1;
        return RunInBlocks(text, at);
    }

    /// <summary>The same where the place is not known before what stands in front of it has been read, so that a guess gains nothing.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int RunUnguessed(ReadOnlySpan<byte> text, int at)
    {
        uint others = Others(Vector128.LoadUnsafe(ref MemoryMarshal.GetReference(text), (nuint)at));
        if (others == 0) return RunInBlocks(text, at);
        int run = Math.Min(BitOperations.TrailingZeroCount(others), text.Length - at);
        return run <= Max ? run : 0;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private int RunInBlocks(ReadOnlySpan<byte> text, int at)
    {
        ref byte first = ref MemoryMarshal.GetReference(text);
        int end = at;
        while (end < text.Length)
        {
            uint others = Others(Vector128.LoadUnsafe(ref first, (nuint)end));
            end += BitOperations.TrailingZeroCount(others | (1u << Vector128<byte>.Count));
            if (others != 0) break;
        }

        end = Math.Min(end, text.Length);
        return end - at <= Max ? end - at : 0;
    }

    /// <summary>A bit for each of 64 bytes that does not belong.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ulong OthersOf64(ref byte start)
    {
        return Others(Vector128.LoadUnsafe(ref start)) | ((ulong)Others(Vector128.LoadUnsafe(ref start, 16)) << 16)
            | ((ulong)Others(Vector128.LoadUnsafe(ref start, 32)) << 32) | ((ulong)Others(Vector128.LoadUnsafe(ref start, 48)) << 48);
    }

    // A bit for each of sixteen bytes that does not belong.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private uint Others(Vector128<byte> bytes) => Others(bytes, Vector128.Create(upperHalvesFirst, upperHalvesLast).AsByte());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint Others(Vector128<byte> bytes, Vector128<byte> upper)
    {
        Vector128<byte> bits = Vector128.ShuffleNative(upper, bytes & Vector128.Create((byte)15))
            & Vector128.ShuffleNative(BitOfUpperHalf, bytes >>> 4);
        return Vector128.Equals(bits, Vector128<byte>.Zero).ExtractMostSignificantBits();
    }
}
