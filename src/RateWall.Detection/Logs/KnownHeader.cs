using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace RateWall.Detection.Logs;

/// <summary>
/// How the line before began: "Nov 21 04:00:00 host ". The next one mostly begins with the same bytes, and then all that is
/// known of them need not be found out again. Of one reader alone.
/// </summary>
internal sealed class KnownHeader
{
    private readonly byte[] bytes = new byte[WideBytes.Width];

    public KnownHeader() => bytes.AsSpan().Fill((byte)'\n');

    /// <summary>Another one for each header that was taken in the place of the one before.</summary>
    public int Number { get; private set; }

    /// <summary>Its length, or 0 when none is known.</summary>
    public int Length { get; private set; }

    /// <summary>A bit for each byte that is no part of it.</summary>
    public ulong Behind { get; private set; }

    /// <summary>Its first byte.</summary>
    public ref byte First => ref MemoryMarshal.GetArrayDataReference(bytes);

    /// <summary>True when a line begins with it; when none is known no line does that has a byte.</summary>
    /// <param name="first">The line's first byte; <see cref="WideBytes.Width"/> bytes can be read from here.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool Begins(ref byte first) => (WideBytes.Same(ref first, ref First) | Behind) == ulong.MaxValue;

    /// <summary>Takes another header in the place of the one that was known.</summary>
    /// <param name="header">At most <see cref="WideBytes.Width"/> bytes.</param>
    public void Remember(ReadOnlySpan<byte> header)
    {
        header.CopyTo(bytes);
        Length = header.Length;
        Behind = Length == WideBytes.Width ? 0 : ulong.MaxValue << Length;
        Number++;
    }

    /// <summary>Another header was seen, and it is not to be known again.</summary>
    public void Forget()
    {
        bytes.AsSpan().Fill((byte)'\n');
        Behind = 0;
        Length = 0;
        Number++;
    }
}
