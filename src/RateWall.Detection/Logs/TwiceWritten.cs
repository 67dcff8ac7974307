namespace RateWall.Detection.Logs;

/// <summary>
/// Tells a line from its copy, for daemons that write one event to syslog twice at once (Exim: main log, then reject
/// log). The copy is the next counting line of the same process, and equal to it. Where the priority is known it must be
/// the copy's, so that nothing else is ever taken for one. Where it is not, of equal lines every second one is a copy.
/// Bounded: the oldest process makes room.
/// </summary>
internal sealed class TwiceWritten
{
    /// <summary>The most milliseconds between a line and its copy: nothing but a busy machine comes between the two.</summary>
    public const long ApartMilliseconds = 5_000;

    /// <summary>The most processes remembered: as many as may write between a process's two lines.</summary>
    public const int MaxProcesses = 1024;

    private readonly RuleSet rules;
    private readonly Dictionary<Writer, Written> latest = [];
    private readonly Queue<Writer> order = new();

    public TwiceWritten(RuleSet rules) => this.rules = rules;

    /// <summary>How many of some equal lines are no copies.</summary>
    /// <param name="file">The rule file, one that has a copy's priority.</param>
    /// <param name="process">The process id, or 0.</param>
    /// <param name="text">The message, the daemon's own stamp included.</param>
    /// <param name="unixMilliseconds">When.</param>
    /// <param name="priority">As in <see cref="LineOrigin.Priority"/>.</param>
    /// <param name="lines">How many lines it is: one, or as many as "message repeated" says.</param>
    public int Originals(RuleFile file, int process, ReadOnlySpan<byte> text, long unixMilliseconds, int? priority, int lines)
    {
        ReadOnlySpan<byte> kept = text[..Math.Min(text.Length, OpenTries.MaxLine)];
        var writer = new Writer(file.Description.Name, process);
        bool waiting = latest.TryGetValue(writer, out Written? before) && before.CopyToCome
            && Math.Abs(unixMilliseconds - before.UnixMilliseconds) <= ApartMilliseconds && kept.SequenceEqual(before.Text);
        bool copyToCome = priority is null ? ((lines % 2 == 1) != waiting) : priority != file.CopyPriority;
        Remember(writer, new(file.Description.Programs[0], kept.ToArray(), unixMilliseconds, copyToCome));
        if (priority is not null) return waiting && priority == file.CopyPriority ? lines - 1 : lines;
        return waiting ? lines / 2 : (lines / 2) + (lines % 2);
    }

    /// <summary>The latest lines whose copies may still come, as notes of no kind.</summary>
    public IEnumerable<PendingNote> Export()
    {
        long newest = latest.Count == 0 ? 0 : latest.Values.Max(w => w.UnixMilliseconds);
        foreach ((Writer writer, Written written) in latest)
        {
            if (!written.CopyToCome || newest - written.UnixMilliseconds > ApartMilliseconds) continue;
            yield return new(written.Program, writer.Process, written.UnixMilliseconds, "", AttemptKind.None, Source: null, User: null, 0, "", written.Text);
        }
    }

    /// <summary>Takes back what <see cref="Export"/> gave.</summary>
    public void Restore(PendingNote note)
    {
        if (rules.FileOf(note.Program) is { CopyPriority: not null } file)
            Remember(new(file.Description.Name, note.ProcessId), new(note.Program, note.Line, note.UnixMilliseconds, CopyToCome: true));
    }

    private void Remember(Writer writer, Written line)
    {
        if (!latest.ContainsKey(writer)) order.Enqueue(writer);
        latest[writer] = line;
        if (order.Count > MaxProcesses) latest.Remove(order.Dequeue());
    }

    private readonly record struct Writer(string File, int Process);

    private sealed record Written(string Program, byte[] Text, long UnixMilliseconds, bool CopyToCome);
}
