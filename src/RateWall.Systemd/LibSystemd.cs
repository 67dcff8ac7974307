using System.Runtime.InteropServices;

namespace RateWall.Systemd;

/// <summary>
/// The calls of libsystemd that are used, with their own names (systemd/sd-journal.h, systemd/sd-daemon.h), and how their
/// negative errno becomes an exception. The name with the version is asked for: the plain one needs the -dev package.
/// </summary>
internal static partial class LibSystemd
{
    public const int SD_JOURNAL_LOCAL_ONLY = 1 << 0;
    public const int SD_JOURNAL_NOP = 0;

    // asm-generic/errno-base.h, asm-generic/errno.h
    public const int ENOENT = 2;
    public const int EINTR = 4;
    public const int EACCES = 13;
    public const int EPIPE = 32;
    public const int EBADMSG = 74;
    public const int EPROTONOSUPPORT = 93;
    public const int EADDRNOTAVAIL = 99;
    public const int ECONNRESET = 104;
    public const int ENOTCONN = 107;
    public const int ESHUTDOWN = 108;
    public const int ETIMEDOUT = 110;
    public const int ECONNREFUSED = 111;

    private const string Library = "libsystemd.so.0";

    /// <summary>Calls into the library for the first time; its absence is told as the package to install.</summary>
    public static int First(string operation, Func<int> call)
    {
        try
        {
            return call();
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException or BadImageFormatException)
        {
            throw new SystemdException(operation, 0, $"{Library} cannot be used; install the package libsystemd0 ({e.GetType().Name})");
        }
    }

    /// <summary>Gives a result that is not an error back.</summary>
    /// <exception cref="SystemdException">The result is a negative errno.</exception>
    public static int Check(string operation, int result)
    {
        if (result < 0) Fail(operation, -result);
        return result;
    }

    [System.Diagnostics.CodeAnalysis.DoesNotReturn]
    public static void Fail(string operation, int errno)
    {
        string detail = errno == EADDRNOTAVAIL ? "there is no current entry; step to one first" : Marshal.GetPInvokeErrorMessage(errno);
        throw new SystemdException(operation, errno, $"{detail} (errno {errno})");
    }

    [LibraryImport(Library)]
    public static partial int sd_journal_open(out JournalHandle journal, int flags);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int sd_journal_open_directory(out JournalHandle journal, string path, int flags);

    [LibraryImport(Library)]
    public static partial void sd_journal_close(nint journal);

    [LibraryImport(Library)]
    public static partial int sd_journal_add_match(JournalHandle journal, ReadOnlySpan<byte> match, nuint size);

    [LibraryImport(Library)]
    public static partial int sd_journal_add_disjunction(JournalHandle journal);

    [LibraryImport(Library)]
    public static partial int sd_journal_seek_head(JournalHandle journal);

    [LibraryImport(Library)]
    public static partial int sd_journal_seek_tail(JournalHandle journal);

    [LibraryImport(Library)]
    public static partial int sd_journal_seek_realtime_usec(JournalHandle journal, ulong usec);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int sd_journal_seek_cursor(JournalHandle journal, string cursor);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int sd_journal_test_cursor(JournalHandle journal, string cursor);

    [LibraryImport(Library)]
    public static partial int sd_journal_get_cursor(JournalHandle journal, out nint cursor);

    [LibraryImport(Library)]
    public static partial int sd_journal_next(JournalHandle journal);

    [LibraryImport(Library)]
    public static partial int sd_journal_previous(JournalHandle journal);

    [LibraryImport(Library)]
    public static partial int sd_journal_wait(JournalHandle journal, ulong timeoutUsec);

    [LibraryImport(Library)]
    public static partial int sd_journal_get_realtime_usec(JournalHandle journal, out ulong usec);

    [LibraryImport(Library)]
    public static partial int sd_journal_set_data_threshold(JournalHandle journal, nuint size);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int sd_journal_get_data(JournalHandle journal, string field, out nint data, out nuint length);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int sd_notify(int unsetEnvironment, string state);

    [LibraryImport(Library)]
    public static partial int sd_watchdog_enabled(int unsetEnvironment, out ulong usec);
}
