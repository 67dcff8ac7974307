using System.Runtime.InteropServices;
using System.Text;

namespace RateWall.Systemd;

/// <summary>The systemd journal, read through libsystemd (sd-journal(3)). Not thread-safe.</summary>
public sealed class Journal : IDisposable
{
    /// <summary>The most bytes of a field's value that are given: 64 KiB.</summary>
    public const int MaxFieldLength = 64 * 1024;

    // "NAME=" stands before the value; journald takes names of at most 64 characters.
    private const int DataThreshold = MaxFieldLength + 64 + 1;

    private readonly JournalHandle handle;

    // A step that a seek has already made: Next gives the entry that is current, once.
    private bool stepped;

    private Journal(JournalHandle handle) => this.handle = handle;

    /// <summary>
    /// Fields of the current and earlier entries that libsystemd could not give: a damaged file, or compressed in a way
    /// this libsystemd does not know. They read as empty.
    /// </summary>
    public long UnreadableFields { get; private set; }

    /// <summary>The current entry's cursor.</summary>
    /// <exception cref="SystemdException">There is no current entry.</exception>
    public string Cursor
    {
        get
        {
            LibSystemd.Check("reading the journal's cursor", LibSystemd.sd_journal_get_cursor(handle, out nint text));
            try
            {
                return Marshal.PtrToStringUTF8(text) ?? "";
            }
            finally
            {
                // The caller frees it with free(3) (sd_journal_get_cursor(3)), which is what this is.
                unsafe
                {
                    NativeMemory.Free((void*)text);
                }
            }
        }
    }

    /// <summary>The current entry's wall-clock time (__REALTIME_TIMESTAMP), in milliseconds since 1970.</summary>
    /// <exception cref="SystemdException">There is no current entry.</exception>
    public long UnixMilliseconds
    {
        get
        {
            LibSystemd.Check("reading the journal's time", LibSystemd.sd_journal_get_realtime_usec(handle, out ulong usec));
            return (long)(usec / 1000);
        }
    }

    /// <summary>Opens the local journal, or the files in a directory.</summary>
    /// <param name="directory">A directory of journal files, or null for this machine's.</param>
    /// <exception cref="SystemdException">libsystemd.so.0 is not there, or the journal may not be read.</exception>
    public static Journal Open(string? directory = null)
    {
        string operation = directory is null ? "opening the journal" : $"opening the journal in {directory}";
        if (JournalFiles.AreDenied(directory is null ? JournalFiles.Roots : [directory]))
            throw new SystemdException(operation, LibSystemd.EACCES, "its files may not be read; run as root, or as a member of systemd-journal");

        JournalHandle? opened = null;
        LibSystemd.Check(operation, LibSystemd.First(operation, () => directory is null
            ? LibSystemd.sd_journal_open(out opened, LibSystemd.SD_JOURNAL_LOCAL_ONLY)
            : LibSystemd.sd_journal_open_directory(out opened, directory, 0)));
        LibSystemd.Check(operation, LibSystemd.sd_journal_set_data_threshold(opened!, DataThreshold));
        return new(opened!);
    }

    /// <summary>True when this machine has a journal to read (/var/log/journal or /run/log/journal with files in it).</summary>
    public static bool Exists() => JournalFiles.Under(JournalFiles.Roots).Any();

    /// <summary>Matches FIELD=value; several on one field mean any of them, on different fields all (sd_journal_add_match(3)).</summary>
    /// <exception cref="SystemdException">The field's name is not one (A-Z, 0-9 and _, at most 64).</exception>
    public void AddMatch(string field, string value)
    {
        byte[] match = Encoding.UTF8.GetBytes($"{field}={value}");
        LibSystemd.Check($"matching {field} in the journal", LibSystemd.sd_journal_add_match(handle, match, (nuint)match.Length));
    }

    /// <summary>What comes after is an alternative to what came before (sd_journal_add_disjunction(3)).</summary>
    public void AddDisjunction() => LibSystemd.Check("matching in the journal", LibSystemd.sd_journal_add_disjunction(handle));

    /// <summary>Goes to the start, so that <see cref="Next"/> gives the oldest entry.</summary>
    public void SeekHead()
    {
        stepped = false;
        LibSystemd.Check("going to the journal's start", LibSystemd.sd_journal_seek_head(handle));
    }

    /// <summary>Goes behind the newest entry that matches; <see cref="Next"/> gives what is written from now on.</summary>
    public void SeekTail()
    {
        const string Operation = "going to the journal's end";
        stepped = false;
        LibSystemd.Check(Operation, LibSystemd.sd_journal_seek_tail(handle));

        // A step forwards from the tail itself is not what one thinks (sd_journal_seek_tail(3): use _previous); standing
        // on the newest entry is. Without one, whatever comes is new.
        if (LibSystemd.Check(Operation, LibSystemd.sd_journal_previous(handle)) == 0) SeekHead();
    }

    /// <summary>Goes to the first entry at or after a time.</summary>
    public void SeekTime(DateTimeOffset time)
    {
        stepped = false;
        long usec = Math.Max(0, (time - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond);
        LibSystemd.Check("going to a time in the journal", LibSystemd.sd_journal_seek_realtime_usec(handle, (ulong)usec));
    }

    /// <summary>
    /// Goes behind the entry with this cursor, so that <see cref="Next"/> gives the one after it. False when that entry
    /// has been vacuumed, or no longer matches: then <see cref="Next"/> gives the nearest one that is left, and none is
    /// lost that still exists.
    /// </summary>
    /// <exception cref="SystemdException">The text is no cursor.</exception>
    public bool SeekAfter(string cursor)
    {
        const string Operation = "going to a cursor in the journal";
        stepped = false;
        LibSystemd.Check(Operation, LibSystemd.sd_journal_seek_cursor(handle, cursor));

        // The step lands on the entry itself where it still is, else on the first one after its place.
        if (LibSystemd.Check(Operation, LibSystemd.sd_journal_next(handle)) == 0) return false;
        bool there = LibSystemd.Check(Operation, LibSystemd.sd_journal_test_cursor(handle, cursor)) > 0;
        stepped = !there;
        return there;
    }

    /// <summary>Steps to the next entry; false at the end. After the end it may be asked again: new entries are found.</summary>
    public bool Next()
    {
        if (stepped)
        {
            stepped = false;
            return true;
        }

        return LibSystemd.Check("reading the journal", LibSystemd.sd_journal_next(handle)) > 0;
    }

    /// <summary>
    /// Waits until the journal has changed, at most this long; true when it has. Needed too before entries in files made
    /// since the opening are found (sd_journal_wait(3)).
    /// </summary>
    public bool Wait(TimeSpan limit) =>
        LibSystemd.Check("waiting for the journal", LibSystemd.sd_journal_wait(handle, (ulong)(Math.Max(0, limit.Ticks) / TimeSpan.TicksPerMicrosecond)))
            != LibSystemd.SD_JOURNAL_NOP;

    /// <summary>A field's value, empty when the entry has none. Valid until the next call. At most 64 KiB are given.</summary>
    /// <exception cref="SystemdException">There is no current entry.</exception>
    public unsafe ReadOnlySpan<byte> Field(string name)
    {
        int result = LibSystemd.sd_journal_get_data(handle, name, out nint data, out nuint length);
        switch (-result)
        {
            case LibSystemd.ENOENT:
                return default;
            case LibSystemd.EBADMSG or LibSystemd.EPROTONOSUPPORT:
                UnreadableFields++;
                return default;
        }

        LibSystemd.Check($"reading {name} from the journal", result);
        var value = new ReadOnlySpan<byte>((void*)data, (int)Math.Min(length, DataThreshold));
        int prefix = name.Length + 1; // "NAME="; journal field names are ASCII
        if (value.Length < prefix) return default;
        value = value[prefix..];
        return value.Length > MaxFieldLength ? value[..MaxFieldLength] : value;
    }

    /// <inheritdoc/>
    public void Dispose() => handle.Dispose();
}
