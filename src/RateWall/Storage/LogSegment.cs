using System.IO.Compression;
using RateWall.Policy;

namespace RateWall.Storage;

/// <summary>One file of a log: the current one, or one that rotation has put away, perhaps compressed.</summary>
internal sealed class LogSegment : IDisposable
{
    private readonly FileStream file;
    private GZipStream? unpacked;

    private LogSegment(FileStream file, bool compressed)
    {
        Path = file.Name;
        this.file = file;
        IsCompressed = compressed;
        Identity = FileIdentity.OfHandle(file.SafeFileHandle);
        Restart();
    }

    /// <summary>The name it was opened by.</summary>
    public string Path { get; }

    /// <summary>How many of its bytes have been read, as they lie on the disk.</summary>
    public long BytesRead => file.Position;

    /// <summary>Which file it is.</summary>
    public FileIdentity Identity { get; }

    /// <summary>The place behind the last complete line.</summary>
    public FilePosition Position { get; private set; } = new();

    /// <summary>True when the file had no bytes when asked.</summary>
    public bool IsEmpty => file.Length == 0;

    /// <summary>True when a compressed file broke off: what is behind the break cannot be read.</summary>
    public bool IsBroken { get; private set; }

    private bool IsCompressed { get; }

    /// <summary>Opens a log file at its start; null when there is none.</summary>
    /// <exception cref="LogSourceException">It is not a regular file.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    public static LogSegment? TryOpen(string path)
    {
        // Asked by name first: opening a FIFO would wait for a writer, and a device may act on it.
        if (FileIdentity.OfPath(path) is not { } named) return null;
        if (!named.IsRegular) throw new LogSourceException($"{path} is not a regular file, so it cannot be read as a log");
        try
        {
            var log = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
            return new(log, compressed: path.EndsWith(".gz", StringComparison.Ordinal));
        }
        catch (FileNotFoundException)
        {
            return null;
        }
        catch (UnauthorizedAccessException e)
        {
            throw new UnauthorizedAccessException($"{path} may not be read (run as root, or as a member of the file's group)", e);
        }
    }

    /// <summary>Goes to where a cursor stands; false when this is not the file it was made in.</summary>
    public bool TryResume(FileCursor cursor)
    {
        // Nothing was read yet, so there are no bytes to know the file by.
        if (cursor.Offset == 0) return Identity.Device == cursor.Device && Identity.Inode == cursor.Inode;
        if (IsCompressed) return TrySkip(cursor);
        return Position.TrySeek(file, cursor.Offset) && Position.IsAt(cursor) && Rewind(cursor.Offset);
    }

    /// <summary>Goes back to the start.</summary>
    public void Restart()
    {
        Position = new();
        IsBroken = false;
        file.Position = 0;
        if (!IsCompressed) return;
        unpacked?.Dispose();
        unpacked = new(file, CompressionMode.Decompress, leaveOpen: true);
    }

    /// <summary>Reads on; 0 at the end.</summary>
    public int Read(Span<byte> into)
    {
        if (unpacked is null) return file.Read(into);
        try
        {
            return IsBroken ? 0 : unpacked.Read(into);
        }
        catch (InvalidDataException)
        {
            IsBroken = true;
            return 0;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        unpacked?.Dispose();
        file.Dispose();
    }

    private bool Rewind(long offset)
    {
        file.Position = offset;
        return true;
    }

    private bool TrySkip(FileCursor cursor)
    {
        byte[] block = new byte[64 * 1024];
        while (Position.Offset < cursor.Offset)
        {
            int read = Read(block.AsSpan(0, (int)Math.Min(block.Length, cursor.Offset - Position.Offset)));
            if (read == 0) return false;
            Position.Advance(block.AsSpan(0, read));
        }

        return Position.IsAt(cursor);
    }
}
