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
    // A bit for each byte that is no part of it.
    private ulong behind;
    private int length;

    /// <summary>Another one for each header that was taken in the place of the one before.</summary>
    public int Number { get; private set; }

    /// <summary>The length of the known header when a line begins with it, or 0.</summary>
    /// <param name="first">The line's first byte; <see cref="WideBytes.Width"/> bytes can be read from here.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int LengthAt(ref byte first) =>
        (WideBytes.Same(ref first, ref MemoryMarshal.GetArrayDataReference(bytes)) | behind) == ulong.MaxValue ? length : 0;

    /// <summary>Takes another header in the place of the one that was known.</summary>
    /// <param name="header">At most <see cref="WideBytes.Width"/> bytes.</param>
    public void Remember(ReadOnlySpan<byte> header)
    {
        header.CopyTo(bytes);
        length = header.Length;
        behind = length == WideBytes.Width ? 0 : ulong.MaxValue << length;
        Number++;
    }

    /// <summary>Another header was seen, and it is not to be known again.</summary>
    public void Forget()
    {
        length = 0;
        behind = ulong.MaxValue;
        Number++;
    }
}
