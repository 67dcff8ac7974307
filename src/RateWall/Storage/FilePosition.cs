using RateWall.Policy;

namespace RateWall.Storage;

/// <summary>A place in a log's bytes, with what is needed to know the same bytes again in another file.</summary>
internal sealed class FilePosition
{
    /// <summary>The most bytes of the file's start that are remembered.</summary>
    public const int HeadLength = 1024;

    /// <summary>The most bytes before the place that are remembered.</summary>
    public const int TailLength = 64;

    private readonly byte[] head = new byte[HeadLength];
    private readonly byte[] tail = new byte[TailLength];
    private int headLength;
    private int tailLength;

    /// <summary>Bytes before the place.</summary>
    public long Offset { get; private set; }

    /// <summary>A copy that goes its own way.</summary>
    public FilePosition Copy()
    {
        var copy = new FilePosition();
        copy.CopyFrom(this);
        return copy;
    }

    /// <summary>Becomes equal to another place.</summary>
    public void CopyFrom(FilePosition other)
    {
        other.head.CopyTo(head, 0);
        other.tail.CopyTo(tail, 0);
        (headLength, tailLength, Offset) = (other.headLength, other.tailLength, other.Offset);
    }

    /// <summary>Goes past these bytes.</summary>
    public void Advance(ReadOnlySpan<byte> bytes)
    {
        if (headLength < HeadLength)
        {
            int taken = Math.Min(bytes.Length, HeadLength - headLength);
            bytes[..taken].CopyTo(head.AsSpan(headLength));
            headLength += taken;
        }

        ReadOnlySpan<byte> last = bytes.Length > TailLength ? bytes[^TailLength..] : bytes;
        int kept = Math.Min(tailLength, TailLength - last.Length);
        tail.AsSpan(tailLength - kept, kept).CopyTo(tail);
        last.CopyTo(tail.AsSpan(kept));
        tailLength = kept + last.Length;
        Offset += bytes.Length;
    }

    /// <summary>Goes to a place of an open file, reading only its fingerprints' bytes; false when the file is shorter.</summary>
    public bool TrySeek(Stream file, long offset)
    {
        int headBytes = (int)Math.Min(offset, HeadLength), tailBytes = (int)Math.Min(offset, TailLength);
        file.Position = 0;
        if (file.ReadAtLeast(head.AsSpan(0, headBytes), headBytes, throwOnEndOfStream: false) < headBytes) return false;
        file.Position = offset - tailBytes;
        if (file.ReadAtLeast(tail.AsSpan(0, tailBytes), tailBytes, throwOnEndOfStream: false) < tailBytes) return false;
        (headLength, tailLength, Offset) = (headBytes, tailBytes, offset);
        return true;
    }

    /// <summary>This place in this file, to be kept.</summary>
    public FileCursor In(FileIdentity file) =>
        new(file.Device, file.Inode, Offset, Fingerprint(head.AsSpan(0, headLength)), Fingerprint(tail.AsSpan(0, tailLength)));

    /// <summary>True when the bytes before this place are those the cursor was made behind.</summary>
    public bool IsAt(FileCursor cursor) =>
        Offset == cursor.Offset && Fingerprint(head.AsSpan(0, headLength)) == cursor.Head && Fingerprint(tail.AsSpan(0, tailLength)) == cursor.Tail;

    // Sixteen bytes of SHA-256: nobody who can write to a log can make two logs look alike.
    private static string Fingerprint(ReadOnlySpan<byte> bytes)
    {
        Span<byte> hash = stackalloc byte[Sha256.Length];
        Sha256.Hash(bytes, hash);
        return Convert.ToHexStringLower(hash[..16]);
    }
}
