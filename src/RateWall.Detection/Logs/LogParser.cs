namespace RateWall.Detection.Logs;

/// <summary>Who wrote a line, where the header or the journal says so.</summary>
public readonly ref struct LineOrigin
{
    /// <summary>The syslog tag without its "[pid]" ("sshd", "dovecot", "postfix/smtpd"); empty: not known.</summary>
    public ReadOnlySpan<byte> Program { get; init; }

    /// <summary>The process id, or 0.</summary>
    public int ProcessId { get; init; }

    /// <summary>When, in milliseconds since 1970; 0: not known.</summary>
    public long UnixMilliseconds { get; init; }
}

/// <summary>A note whose try has not been counted yet; kept over runs so that a restart loses none.</summary>
/// <param name="Program">Syslog tag.</param>
/// <param name="ProcessId">Process id.</param>
/// <param name="UnixMilliseconds">When the note was logged.</param>
/// <param name="Service">As in <see cref="Attempt"/>.</param>
/// <param name="Kind">As in <see cref="Attempt"/>.</param>
/// <param name="Source">Where it came from, or null.</param>
/// <param name="User">The name tried, or null.</param>
/// <param name="Count">Tries it stands for.</param>
/// <param name="Rule">The rule, "file:line".</param>
/// <param name="Line">The line itself, at most 1 KiB.</param>
public sealed record PendingNote(
    string Program, int ProcessId, long UnixMilliseconds, string Service, AttemptKind Kind, SourceAddress? Source,
    string? User, int Count, string Rule, byte[] Line);

/// <summary>Takes attempts as they become certain.</summary>
/// <param name="attempt">Valid only during the call.</param>
public delegate void AttemptHandler(in Attempt attempt);

/// <summary>
/// Lines in, attempts out: header, program, rules, and the counting of each try once (a note counts only when no
/// counting line of the same program and process follows within ten seconds). Pure but for what it has been fed.
/// </summary>
public sealed class LogParser
{
    /// <param name="rules">The rule files to match with.</param>
    /// <param name="now">The time of reading: resolves stamps without a year and lines without a stamp.</param>
    /// <param name="zone">The zone of stamps that name none.</param>
    public LogParser(RuleSet rules, DateTimeOffset now, TimeZoneInfo zone) => throw new NotImplementedException();

    /// <summary>Complete lines read so far.</summary>
    public long Lines { get; }

    /// <summary>Notes that still wait; give them to the next run's <see cref="Restore"/>.</summary>
    public IReadOnlyList<PendingNote> Pending => throw new NotImplementedException();

    /// <summary>Takes back the notes an earlier run left.</summary>
    public void Restore(IEnumerable<PendingNote> notes) => throw new NotImplementedException();

    /// <summary>
    /// Reads complete lines out of a block and says how many bytes they took; the rest (a half line) belongs in front of
    /// the next block. A line longer than 8 KiB is read to there and the rest skipped.
    /// </summary>
    /// <param name="block">Bytes of the log.</param>
    /// <param name="program">The program of lines whose header names none, or empty.</param>
    /// <param name="onAttempt">Called for each try as it becomes certain.</param>
    public int Read(ReadOnlySpan<byte> block, ReadOnlySpan<byte> program, AttemptHandler onAttempt) => throw new NotImplementedException();

    /// <summary>Reads one message whose origin is known (a journal entry).</summary>
    public void Read(ReadOnlySpan<byte> message, in LineOrigin origin, AttemptHandler onAttempt) => throw new NotImplementedException();

    /// <summary>Hands on the notes that have waited their ten seconds at <paramref name="unixMilliseconds"/>.</summary>
    public void Settle(long unixMilliseconds, AttemptHandler onAttempt) => throw new NotImplementedException();

    /// <summary>
    /// Matches one line for itself, notes included and nothing held back: what `explain` shows.
    /// False when no rule matches, or the line is blank.
    /// </summary>
    public bool TryExplain(ReadOnlySpan<byte> line, ReadOnlySpan<byte> program, out Attempt attempt) => throw new NotImplementedException();
}
