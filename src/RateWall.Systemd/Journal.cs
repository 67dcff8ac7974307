namespace RateWall.Systemd;

/// <summary>libsystemd refused, or is not there. The text is for an operator.</summary>
public sealed class SystemdException(string operation, int errno, string detail) : Exception($"{operation}: {detail}")
{
    /// <summary>The positive errno, or 0.</summary>
    public int Errno { get; } = errno;
}

/// <summary>The systemd journal, read through libsystemd (sd-journal(3)). Not thread-safe.</summary>
public sealed class Journal : IDisposable
{
    /// <summary>Opens the local journal, or the files in a directory.</summary>
    /// <param name="directory">A directory of journal files, or null for this machine's.</param>
    /// <exception cref="SystemdException">libsystemd.so.0 is not there, or the journal may not be read.</exception>
    public static Journal Open(string? directory = null) => throw new NotImplementedException();

    /// <summary>True when this machine has a journal to read (/var/log/journal or /run/log/journal with files in it).</summary>
    public static bool Exists() => throw new NotImplementedException();

    /// <summary>Matches FIELD=value; several on one field mean any of them, on different fields all (sd_journal_add_match(3)).</summary>
    public void AddMatch(string field, string value) => throw new NotImplementedException();

    /// <summary>What comes after is an alternative to what came before (sd_journal_add_disjunction(3)).</summary>
    public void AddDisjunction() => throw new NotImplementedException();

    /// <summary>Goes to the start, so that <see cref="Next"/> gives the oldest entry.</summary>
    public void SeekHead() => throw new NotImplementedException();

    /// <summary>Goes behind the newest entry.</summary>
    public void SeekTail() => throw new NotImplementedException();

    /// <summary>Goes to the first entry at or after a time.</summary>
    public void SeekTime(DateTimeOffset time) => throw new NotImplementedException();

    /// <summary>
    /// Goes behind the entry with this cursor, so that <see cref="Next"/> gives the one after it. False when that entry
    /// has been vacuumed: then <see cref="Next"/> gives the nearest one that is left, and none is lost that still exists.
    /// </summary>
    public bool SeekAfter(string cursor) => throw new NotImplementedException();

    /// <summary>Steps to the next entry; false at the end.</summary>
    public bool Next() => throw new NotImplementedException();

    /// <summary>The current entry's cursor.</summary>
    public string Cursor => throw new NotImplementedException();

    /// <summary>The current entry's wall-clock time (__REALTIME_TIMESTAMP), in milliseconds since 1970.</summary>
    public long UnixMilliseconds => throw new NotImplementedException();

    /// <summary>A field's value, empty when the entry has none. Valid until the next call. At most 64 KiB are given.</summary>
    public ReadOnlySpan<byte> Field(string name) => throw new NotImplementedException();

    /// <inheritdoc/>
    public void Dispose()
    {
    }
}
