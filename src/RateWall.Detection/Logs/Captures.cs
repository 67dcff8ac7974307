using System.Runtime.CompilerServices;

namespace RateWall.Detection.Logs;

/// <summary>
/// What a template found in a message. Positions are into the message, which has at most <see cref="LogLines.MaxLine"/> bytes.
/// </summary>
/// <remarks>In two numbers: it is copied wherever a message could be read in several ways, and then changed and copied again.</remarks>
internal struct Captures
{
    /// <summary>The most tries one line is believed to stand for.</summary>
    public const int MaxCount = 10_000;

    // Sixteen bits each, -1 for nothing: where the address begins, its length, where the user begins, its length.
    private ulong names;

    // The same: where the stamp begins, where the session begins, its length; then the count, and the highest bit for ambiguous.
    private ulong others;

    /// <summary>Nothing found yet.</summary>
    public static Captures Empty => new() { names = 0x0000_FFFF_0000_FFFF, others = 0x0001_0000_FFFF_FFFF };

    /// <summary>Where the first address stands, or -1.</summary>
    public int AddressStart
    {
        readonly get => Get(names, 0);
        set => names = Set(names, 0, value);
    }

    /// <summary>Its length.</summary>
    public int AddressLength
    {
        readonly get => Get(names, 16);
        set => names = Set(names, 16, value);
    }

    /// <summary>Where the user's name stands, or -1.</summary>
    public int UserStart
    {
        readonly get => Get(names, 32);
        set => names = Set(names, 32, value);
    }

    /// <summary>Its length.</summary>
    public int UserLength
    {
        readonly get => Get(names, 48);
        set => names = Set(names, 48, value);
    }

    /// <summary>Where the line's own stamp stands, or -1.</summary>
    public int StampStart
    {
        readonly get => Get(others, 0);
        set => others = Set(others, 0, value);
    }

    /// <summary>Where the session's name stands, or -1.</summary>
    public int SessionStart
    {
        readonly get => Get(others, 16);
        set => others = Set(others, 16, value);
    }

    /// <summary>Its length.</summary>
    public int SessionLength
    {
        readonly get => Get(others, 32);
        set => others = Set(others, 32, value);
    }

    /// <summary>What {count} said, or 1: at most <see cref="MaxCount"/>.</summary>
    public int Count
    {
        readonly get => (int)(others >> 48) & short.MaxValue;
        set => others = (others & 0x8000_FFFF_FFFF_FFFF) | ((ulong)value << 48);
    }

    /// <summary>True when the text can be read in more than one way.</summary>
    public bool Ambiguous
    {
        readonly get => (long)others < 0;
        set => others = (others & long.MaxValue) | (value ? 1UL << 63 : 0);
    }

    /// <summary>
    /// Becomes a copy of another one, number by number: what was just changed is not at hand yet as the one block of bytes that an
    /// assignment copies.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Become(in Captures other)
    {
        names = other.names;
        others = other.others;
    }

    /// <summary>Notes the user's name.</summary>
    public void SetUser(int start, int length) => names = (uint)names | ((ulong)(ushort)start << 32) | ((ulong)(ushort)length << 48);

    /// <summary>Notes the address.</summary>
    public void SetAddress(int start, int length) => names = (names & 0xFFFF_FFFF_0000_0000) | (ushort)start | ((ulong)(ushort)length << 16);

    private static int Get(ulong all, int shift) => (short)(all >> shift);

    private static ulong Set(ulong all, int shift, int value) => (all & ~(0xFFFFUL << shift)) | ((ulong)(ushort)value << shift);
}
