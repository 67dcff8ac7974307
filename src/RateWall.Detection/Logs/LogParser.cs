using System.Runtime.CompilerServices;

namespace RateWall.Detection.Logs;

/// <summary>Takes attempts as they become certain.</summary>
/// <param name="attempt">Valid only during the call.</param>
public delegate void AttemptHandler(in Attempt attempt);

/// <summary>
/// Lines in, attempts out: header, program, rules, and the counting of each try once (a note counts only when no
/// counting line of the same program and process follows within ten seconds). Pure but for what it has been fed.
/// </summary>
public sealed partial class LogParser
{
    private readonly RuleSet rules;
    private readonly TimeZoneInfo zone;
    private readonly OpenTries open;
    private StampReader stamps;
    private long now;
    private readonly OpenSessions sessions;
    private readonly TwiceWritten written;
    private LineBatch? batch;
    private long unfinished;

    /// <param name="rules">The rule files to match with.</param>
    /// <param name="now">The time of reading: resolves stamps without a year and lines without a stamp.</param>
    /// <param name="zone">The zone of stamps that name none.</param>
    public LogParser(RuleSet rules, DateTimeOffset now, TimeZoneInfo zone)
    {
        ArgumentNullException.ThrowIfNull(rules);
        ArgumentNullException.ThrowIfNull(zone);
        this.rules = rules;
        this.zone = zone;
        this.now = now.ToUnixTimeMilliseconds();
        stamps = new(now, zone);
        open = new(rules);
        sessions = new(rules);
        written = new(rules);
    }

    /// <summary>Counts what is understood of each program; null: nobody wants to know.</summary>
    public Heartbeat? Heartbeat { get; init; }

    /// <summary>Complete lines read so far.</summary>
    public long Lines { get; private set; }

    /// <summary>Lines longer than 8 KiB among them: counted, not looked at.</summary>
    public long Oversized { get; private set; }

    /// <summary>
    /// Bytes already taken of an oversized line whose end has not been read. A cursor that is kept must stand before
    /// them, or the next run would take the middle of the line for a line of its own.
    /// </summary>
    public long UnfinishedBytes => unfinished;

    /// <summary>Notes that still wait, processes already counted, and sessions that are known; give them to the next run's <see cref="Restore"/>.</summary>
    public IReadOnlyList<PendingNote> Pending => [.. open.Export(), .. sessions.Export(), .. written.Export()];

    /// <summary>Takes back the notes an earlier run left.</summary>
    public void Restore(IEnumerable<PendingNote> notes)
    {
        ArgumentNullException.ThrowIfNull(notes);
        foreach (PendingNote note in notes)
        {
            if (note.Kind == AttemptKind.None && note.Line.Length > 0) written.Restore(note);
            else if (note.Kind == AttemptKind.None) sessions.Restore(note);
            else open.Restore(note);
        }
    }

    /// <summary>Reads what comes as it would have been read at another time: a file of a year ago.</summary>
    public void ReadAsOf(DateTimeOffset time)
    {
        now = time.ToUnixTimeMilliseconds();
        stamps = new(time, zone);
    }

    /// <summary>Reads one message whose origin is known (a journal entry).</summary>
    public void Read(ReadOnlySpan<byte> message, in LineOrigin origin, AttemptHandler onAttempt)
    {
        ArgumentNullException.ThrowIfNull(onAttempt);
        Lines++;
        if (message.Length > LogLines.MaxLine)
        {
            Oversized++;
            return;
        }

        ReadOnlySpan<byte> found = message;
        ProgramRules[] files = rules.Find(origin.Program);
        LineFate fate = Match(ref found, files, out RuleMatch match);
        if (Heartbeat is not null) Beat(files, found, fate);
        if (fate != LineFate.Matched || match.Rule.Counting == Counting.Echo) return;
        Unsafe.SkipInit(out Evidence evidence);
        evidence.Read(message, found, match, origin.ProcessId);
        long time = origin.UnixMilliseconds == 0 ? now : origin.UnixMilliseconds;
        HandOn(new(message, found, time) { SyslogStart = 0, Priority = origin.Priority }, match, ref evidence, onAttempt);
    }

    /// <summary>Hands on the notes that have waited their ten seconds at <paramref name="unixMilliseconds"/>.</summary>
    public void Settle(long unixMilliseconds, AttemptHandler onAttempt)
    {
        ArgumentNullException.ThrowIfNull(onAttempt);
        open.Settle(unixMilliseconds, onAttempt);
    }

    /// <summary>
    /// Matches one line for itself, notes included and nothing held back: what `explain` shows. Only the address of a
    /// session is remembered for the lines behind. False when no rule matches, the line just opens a session, or the line is blank or longer than 8 KiB.
    /// </summary>
    public bool TryExplain(ReadOnlySpan<byte> line, ReadOnlySpan<byte> program, out Attempt attempt)
    {
        attempt = default;
        if (line.Length > LogLines.MaxLine || !TryMatch(line, program, out RuleMatch match, out Line matched, out Evidence evidence)) return false;
        FindSession(matched, match, ref evidence);
        attempt = AttemptOf(matched, match, evidence);
        if (match.Rule.Counting != Counting.Opens) return true;
        Open(matched, match, attempt);
        attempt = default;
        return false;
    }

    private void ReadLine(ReadOnlySpan<byte> text, ReadOnlySpan<byte> program, AttemptHandler onAttempt)
    {
        if (TryMatch(text, program, out RuleMatch match, out Line line, out Evidence evidence) && match.Rule.Counting != Counting.Echo)
            HandOn(line, match, ref evidence, onAttempt);
    }

    private bool TryMatch(ReadOnlySpan<byte> text, ReadOnlySpan<byte> program, out RuleMatch match, out Line line, out Evidence evidence)
    {
        LineHeader header = LineHeader.Read(text);
        ReadOnlySpan<byte> message = header.Message;
        int process = header.ProcessId;
        // What stood escaped in an engine's JSON is no part of the line.
        int start = text.Overlaps(header.Message, out int inside) ? inside : -1;
        ProgramRules[] files = rules.Find(header.Program);
        ProgramRules[]? own = rules.FindOwn(program);
        if (files.Length == 0 || (own is not null && !ReferenceEquals(own, files)))
        {
            // No header that names a program: the caller's program, or else every rule.
            bool named = !header.Program.IsEmpty && !header.Stamp.IsEmpty && program.IsEmpty;
            files = named ? [] : program.IsEmpty ? rules.Everything : rules.Find(program);
            message = header.AfterStamp;
            process = 0;
            start = -1;
        }

        LineFate fate = Match(ref message, files, out match);
        if (Heartbeat is not null) Beat(files, message, fate);
        Unsafe.SkipInit(out evidence);
        line = default;
        if (fate != LineFate.Matched) return false;
        line = new(text, message, TimeOf(header.Stamp, message, match)) { SyslogStart = start };
        evidence.Read(text, message, match, process);
        return true;
    }

    private long TimeOf(ReadOnlySpan<byte> stamp, ReadOnlySpan<byte> message, in RuleMatch match)
    {
        if (!stamp.IsEmpty) return stamps.Read(stamp);
        return match.Captures.StampStart < 0 ? now : stamps.ReadInner(message[match.Captures.StampStart..]);
    }

    private static LineFate Match(ref ReadOnlySpan<byte> message, ProgramRules[] files, out RuleMatch match)
    {
        LineFate fate = Match(message, files, beginnings: null, out match);
        if (fate == LineFate.Matched) message = message.Slice(match.Start, match.Length);
        return fate;
    }

    // With beginnings the message is one that can be read as Scan.Readable says.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static LineFate Match(ReadOnlySpan<byte> message, ProgramRules[] files, RecentBeginnings? beginnings, out RuleMatch match)
    {
        // A line that a rule says is no try is understood.
        bool claimed = false;
        foreach (ProgramRules candidate in files)
        {
            if (beginnings is null ? candidate.File.Match(message, candidate.Part, out match) : candidate.File.MatchInBlock(message, candidate.Part, beginnings, out match))
                return LineFate.Matched;
            claimed |= match.Rule is not null;
        }

        Unsafe.SkipInit(out match);
        return claimed ? LineFate.Understood : LineFate.Unknown;
    }

    // A line that names no program says nothing of any.
    private void Beat(ProgramRules[] files, ReadOnlySpan<byte> message, LineFate fate, int number = 0)
    {
        if (files.Length == 0 || ReferenceEquals(files, rules.Everything)) return;
        if (fate != LineFate.Unknown) Heartbeat!.Matched(files, number);
        else Heartbeat!.Unmatched(files, message, number);
    }

    private void HandOn(scoped in Line line, scoped in RuleMatch match, scoped ref Evidence evidence, AttemptHandler onAttempt)
    {
        Rule rule = match.Rule;
        RuleFile file = match.File;
        FindSession(line, match, ref evidence);
        var key = new TryKey(file, evidence.ProcessId, evidence.HasSource, evidence.Source);
        if (rule.Counting == Counting.Note)
        {
            Note(line, match, evidence, key, onAttempt);
            return;
        }

        Attempt attempt = AttemptOf(line, match, evidence);
        if (rule.Counting == Counting.Opens)
        {
            Open(line, match, attempt);
            return;
        }

        if (file.HasNotes)
        {
            if (file.CopyPriority is not null && line.SyslogStart >= 0 && !TakeCopies(line, match, evidence, ref attempt)) return;
            open.SettleFirst(line.UnixMilliseconds, onAttempt);
            // A limit is no try of its own: it neither answers for a note nor makes later ones superfluous.
            if (rule.Kind != AttemptKind.Limit) open.Counted(key, attempt, onAttempt);
        }

        onAttempt(attempt);
    }

    private void Note(scoped in Line line, scoped in RuleMatch match, scoped in Evidence evidence, scoped in TryKey key, AttemptHandler onAttempt)
    {
        open.SettleFirst(line.UnixMilliseconds, onAttempt);
        int known = open.Find(key);
        // Nearly always: most of what a daemon says of a try it says besides the line that counts.
        if (!open.IsCounted(known, line.UnixMilliseconds)) open.Note(known, key, AttemptOf(line, match, evidence), onAttempt);
    }

    // Leaves the tries of the lines that are no copies; false when there are none.
    private bool TakeCopies(scoped in Line line, scoped in RuleMatch match, scoped in Evidence evidence, ref Attempt attempt)
    {
        ReadOnlySpan<byte> text = line.Whole[line.SyslogStart..].TrimEnd("\r "u8);
        if (text.StartsWith("message repeated "u8)) text = text[(text.IndexOf((byte)'[') + 1)..^1].Trim((byte)' ');
        int originals = written.Originals(match.File, evidence.ProcessId, text, line.UnixMilliseconds, line.Priority, match.Lines);
        attempt = attempt with { Count = (int)((long)match.Count * originals / match.Lines) };
        return originals > 0;
    }

    private void Open(scoped in Line line, scoped in RuleMatch match, in Attempt attempt)
    {
        Captures found = match.Captures;
        RuleFile file = match.File;
        if (attempt.HasSource)
            sessions.Open(file.Name, file.Program, line.Message.Slice(found.SessionStart, found.SessionLength), attempt.Source, line.UnixMilliseconds);
    }

    // The address of a session that an earlier line opened.
    private void FindSession(scoped in Line line, scoped in RuleMatch match, scoped ref Evidence evidence)
    {
        ref readonly Captures found = ref match.Captures;
        if (found.AddressStart < 0 && found.SessionStart >= 0)
            evidence.HasSource = sessions.TryFind(match.File.Name, line.Message.Slice(found.SessionStart, found.SessionLength), out evidence.Source);
    }

    private static Attempt AttemptOf(scoped in Line line, scoped in RuleMatch match, scoped in Evidence evidence)
    {
        ref readonly Captures found = ref match.Captures;
        return new()
        {
            UnixMilliseconds = line.UnixMilliseconds,
            Service = match.Service,
            Kind = match.Rule.Kind,
            HasSource = evidence.HasSource,
            Source = evidence.Source,
            User = found.UserStart < 0 ? [] : line.Message.Slice(found.UserStart, found.UserLength),
            Count = match.Count,
            IsNote = match.Rule.Counting != Counting.Counts,
            Port = evidence.Port,
            Rule = match.Rule.Name,
            Line = line.Whole[..evidence.Length],
        };
    }

    private readonly ref struct Line(ReadOnlySpan<byte> whole, ReadOnlySpan<byte> message, long unixMilliseconds)
    {
        public readonly ReadOnlySpan<byte> Whole = whole;
        public readonly ReadOnlySpan<byte> Message = message;
        public readonly long UnixMilliseconds = unixMilliseconds;

        /// <summary>Where the message begins in a line of syslog; -1: the line is of the daemon's own log.</summary>
        public int SyslogStart { get; init; }

        /// <summary>As in <see cref="LineOrigin.Priority"/>.</summary>
        public int? Priority { get; init; }
    }
}
