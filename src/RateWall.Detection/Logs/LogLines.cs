using System.Runtime.CompilerServices;

namespace RateWall.Detection.Logs;

/// <summary>
/// Cuts blocks of a log into lines. A line longer than <see cref="MaxLine"/> is reported as oversized, once, and its
/// text is never looked at: whoever can write so much into a line would choose where it is cut.
/// </summary>
public ref struct LogLines
{
    /// <summary>The longest line that is read, in bytes. sshd and dovecot write less than 2 KiB.</summary>
    public const int MaxLine = 8192;

    private readonly ReadOnlySpan<byte> block;
    private int at;

    /// <param name="block">Bytes of the log.</param>
    /// <param name="unfinished">How many bytes of the line the block continues were taken already.</param>
    public LogLines(ReadOnlySpan<byte> block, long unfinished)
    {
        this.block = block;
        Unfinished = unfinished;
    }

    /// <summary>The line that was read, without its newline; empty when it was oversized.</summary>
    public ReadOnlySpan<byte> Line { get; private set; }

    /// <summary>True when the line was longer than <see cref="MaxLine"/>.</summary>
    public bool Oversized { get; private set; }

    /// <summary>Bytes of the block that were taken.</summary>
    public readonly int Taken => at;

    /// <summary>Bytes taken of an oversized line whose end has not come yet.</summary>
    public long Unfinished { get; private set; }

    /// <summary>Reads the next complete line; false when the block holds none.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool Next()
    {
        ReadOnlySpan<byte> rest = block[at..];
        int end = rest.IndexOf((byte)'\n');
        if (end < 0)
        {
            if (Unfinished > 0 || rest.Length > MaxLine)
            {
                Unfinished += rest.Length;
                at = block.Length;
            }

            return false;
        }

        Oversized = Unfinished > 0 || end > MaxLine;
        Line = Oversized ? [] : rest[..end];
        Unfinished = 0;
        at += end + 1;
        return true;
    }
}
