using System.Globalization;
using System.Text;
using RateWall.Detection.Logs;
using RateWall.Systemd;

namespace RateWall.Storage;

/// <summary>The systemd journal as a log of all services that are read from it.</summary>
internal sealed class JournalSource : ILogSource
{
    /// <summary>How far back the first run reads: older tries are outside every default window.</summary>
    public static readonly TimeSpan FirstLook = TimeSpan.FromHours(24);

    /// <summary>The name under which its place is stored.</summary>
    public const string StoredName = "journal";

    private const int DefaultStepEntries = 20_000;
    private const int FieldLimit = 256;

    private readonly Journal journal;
    private readonly JournalTrust trust;
    private readonly int stepEntries;
    private readonly TextWriter warnings;
    private string? reached;

    // The entry where reading stopped is not there any more. Told when there is one to go on with: then the place moves, and
    // it is told once.
    private bool lost;

    private JournalSource(
        Journal journal, JournalTrust trust, IReadOnlySet<string> services, string? reached, bool lost, TextWriter warnings, int stepEntries)
    {
        this.lost = lost;
        this.warnings = warnings;
        this.reached = reached;
        this.journal = journal;
        this.trust = trust;
        this.stepEntries = stepEntries;
        Services = services;
    }

    /// <inheritdoc/>
    public string Name => StoredName;

    /// <inheritdoc/>
    public IReadOnlySet<string> Services { get; }

    /// <summary>Takes a journal and goes behind where it was left.</summary>
    /// <exception cref="SystemdException">The journal cannot be read.</exception>
    public static JournalSource Open(
        Journal journal, JournalTrust trust, IReadOnlySet<string> services, string? cursor, DateTimeOffset now, TextWriter warnings,
        int stepEntries = DefaultStepEntries)
    {
        trust.Narrow(journal);
        if (cursor is null) journal.SeekTime(now - FirstLook);
        bool vacuumed = cursor is not null && !journal.SeekAfter(cursor);
        return new(journal, trust, services, cursor, vacuumed, warnings, stepEntries);
    }

    /// <inheritdoc/>
    public LogStep ReadStep(LogParser parser, AttemptHandler onAttempt)
    {
        for (int i = 0; i < stepEntries; i++)
        {
            if (!journal.Next()) return new(reached, AtEnd: true);
            if (lost)
                warnings.WriteLine("ratewall: warning: the journal no longer has the entry where reading stopped; going on with the nearest that is left");
            lost = false;
            ReadEntry(parser, onAttempt);
            reached = journal.Cursor;
        }

        return new(reached, AtEnd: false);
    }

    /// <inheritdoc/>
    public void Dispose() => journal.Dispose();

    private void ReadEntry(LogParser parser, AttemptHandler onAttempt)
    {
        string command = Text("_COMM");
        string program = Text("SYSLOG_IDENTIFIER");
        if (program.Length == 0) program = command;
        if (!trust.Permits(program, Text("_SYSTEMD_UNIT"), Text("_UID"), command)) return;
        string process = Text("SYSLOG_PID");
        if (process.Length == 0) process = Text("_PID");
        _ = int.TryParse(process, NumberStyles.None, CultureInfo.InvariantCulture, out int processId);
        byte[] name = Encoding.UTF8.GetBytes(program);
        int? priority = journal.Field("PRIORITY") is [>= (byte)'0' and <= (byte)'7' and var digit] ? digit - '0' : null;
        var origin = new LineOrigin { Program = name, ProcessId = processId, UnixMilliseconds = journal.UnixMilliseconds, Priority = priority };
        parser.Read(journal.Field("MESSAGE"), in origin, onAttempt);
    }

    private string Text(string field)
    {
        ReadOnlySpan<byte> value = journal.Field(field);
        return value.Length > FieldLimit ? "" : Encoding.UTF8.GetString(value);
    }
}
