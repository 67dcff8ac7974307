namespace RateWall.Storage;

/// <summary>Takes whole lines, each with its newline.</summary>
/// <param name="lines">Valid only during the call.</param>
internal delegate void LineSink(ReadOnlySpan<byte> lines);

/// <summary>
/// Cuts a segment's bytes into blocks of whole lines in bounded memory, and keeps count of the place behind the last of
/// them. Of a line longer than <see cref="LineLimit"/> that does not fit a block just enough is handed on to be known as
/// too long.
/// </summary>
internal sealed class LineFeed(int blockBytes = LineFeed.DefaultBlockBytes)
{
    /// <summary>The most bytes of a line that anybody reads; a longer one is only counted.</summary>
    public const int LineLimit = 8 * 1024;

    private const int DefaultBlockBytes = 1024 * 1024;

    private readonly byte[] buffer = new byte[Math.Max(blockBytes, 2 * LineLimit)];
    private int filled;
    private byte[]? longLine;
    private FilePosition? insideLongLine;

    /// <summary>Reads one block and hands its whole lines on; false at the end of the segment.</summary>
    public bool ReadBlock(LogSegment segment, LineSink sink)
    {
        int read = segment.Read(buffer.AsSpan(filled));
        if (read == 0) return false;
        filled += read;
        if (longLine is not null && !FinishLongLine(segment, sink)) return true;
        int whole = buffer.AsSpan(0, filled).LastIndexOf((byte)'\n') + 1;
        if (whole > 0)
        {
            sink(buffer.AsSpan(0, whole));
            segment.Position.Advance(buffer.AsSpan(0, whole));
            Drop(whole);
        }

        if (filled > LineLimit) BeginLongLine(segment);
        return true;
    }

    /// <summary>Hands on a last line that will never get its newline, because its file has been put away.</summary>
    public void Finish(LogSegment segment, LineSink sink)
    {
        if (longLine is not null)
        {
            HandOn(longLine, sink);
            segment.Position.CopyFrom(insideLongLine!);
        }
        else if (filled > 0)
        {
            HandOn(buffer.AsSpan(0, filled), sink);
            segment.Position.Advance(buffer.AsSpan(0, filled));
        }

        filled = 0;
        longLine = null;
        insideLongLine = null;
    }

    private void BeginLongLine(LogSegment segment)
    {
        longLine = buffer.AsSpan(0, LineLimit + 1).ToArray();
        insideLongLine = segment.Position.Copy();
        insideLongLine.Advance(buffer.AsSpan(0, filled));
        filled = 0;
    }

    private bool FinishLongLine(LogSegment segment, LineSink sink)
    {
        int end = buffer.AsSpan(0, filled).IndexOf((byte)'\n');
        int taken = end < 0 ? filled : end + 1;
        insideLongLine!.Advance(buffer.AsSpan(0, taken));
        Drop(taken);
        if (end < 0) return false;
        HandOn(longLine, sink);
        segment.Position.CopyFrom(insideLongLine);
        longLine = null;
        insideLongLine = null;
        return true;
    }

    private void Drop(int count)
    {
        buffer.AsSpan(count, filled - count).CopyTo(buffer);
        filled -= count;
    }

    private static void HandOn(ReadOnlySpan<byte> halfLine, LineSink sink)
    {
        byte[] line = new byte[halfLine.Length + 1];
        halfLine.CopyTo(line);
        line[^1] = (byte)'\n';
        sink(line);
    }
}
