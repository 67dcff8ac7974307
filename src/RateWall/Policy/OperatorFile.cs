namespace RateWall.Policy;

/// <summary>A file that the operator wrote, read whole and in bounds: policy, rule files and templates.</summary>
internal static class OperatorFile
{
    /// <summary>
    /// Who could have written a file or a directory besides root and the user who runs this, with what to do about it; null
    /// when nobody could, or when nothing is there.
    /// </summary>
    /// <exception cref="UnauthorizedAccessException">A directory on the way may not be searched.</exception>
    /// <exception cref="IOException">The system refused.</exception>
    public static string? OthersMayWrite(string path)
    {
        if (FileIdentity.OfPath(path) is not { } file) return null;
        if (file.Owner != 0 && file.Owner != FileIdentity.Self)
            return $"belongs to user {file.Owner}, who could put anything there; look through it, then 'chown root' it";
        return file.IsWritableByOthers ? "others than its owner may write to it; look through it, then 'chmod go-w' it" : null;
    }

    /// <summary>Reads a file; null when there is none.</summary>
    /// <param name="path">The file.</param>
    /// <param name="mostBytes">How long it may be; of a longer one exactly one byte more is given.</param>
    /// <param name="fault">What keeps it from being a file to read, as "this is a directory"; null otherwise.</param>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    /// <exception cref="IOException">The disk failed.</exception>
    public static byte[]? Read(string path, int mostBytes, out string? fault)
    {
        fault = null;
        if (Directory.Exists(path))
        {
            fault = "this is a directory; name a file in it";
            return null;
        }

        // Asked by name first: opening a FIFO would wait for a writer for ever.
        if (FileIdentity.OfPath(path) is not { } named) return null;
        if (!named.IsRegular)
        {
            fault = "this is no regular file but a device, a socket or a FIFO; name a file";
            return null;
        }

        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
            byte[] bytes = new byte[mostBytes + 1];
            int length = stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
            return bytes[..length];
        }
        catch (FileNotFoundException)
        {
            return null;
        }
    }
}
