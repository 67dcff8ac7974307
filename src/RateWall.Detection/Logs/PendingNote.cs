namespace RateWall.Detection.Logs;

/// <summary>
/// A note whose try has not been counted yet, or (with Count 0) a process whose try has been; kept over runs so that a
/// restart neither loses a try nor counts it twice.
/// </summary>
/// <param name="Program">Syslog tag.</param>
/// <param name="ProcessId">Process id.</param>
/// <param name="UnixMilliseconds">When the note was logged.</param>
/// <param name="Service">As in <see cref="Attempt"/>.</param>
/// <param name="Kind">As in <see cref="Attempt"/>.</param>
/// <param name="Source">Where it came from, or null.</param>
/// <param name="User">The name tried, byte by byte as Latin-1, or null.</param>
/// <param name="Count">Tries it stands for; 0: the process has been counted.</param>
/// <param name="Rule">The rule, "file:line".</param>
/// <param name="Line">The line itself, at most 1 KiB.</param>
public sealed record PendingNote(
    string Program, int ProcessId, long UnixMilliseconds, string Service, AttemptKind Kind, SourceAddress? Source,
    string? User, int Count, string Rule, byte[] Line);
