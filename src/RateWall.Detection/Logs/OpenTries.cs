using System.Text;

namespace RateWall.Detection.Logs;

/// <summary>
/// Makes every try count once. A note waits ten seconds for the counting line of its process; of several notes of one
/// process the strongest waits. A process that has been counted is remembered for half a minute, so that what it says
/// while the connection ends is not counted again. Bounded: the oldest entry makes room.
/// </summary>
internal sealed class OpenTries
{
    /// <summary>How long a note waits.</summary>
    public const long NoteMilliseconds = 10_000;

    /// <summary>How long a counted process is remembered: longer than a client hesitates between try and hang-up.</summary>
    public const long CountedMilliseconds = 30_000;

    /// <summary>The most processes held.</summary>
    public const int MaxEntries = 65_536;

    /// <summary>The most bytes of a line that are kept.</summary>
    public const int MaxLine = 1024;

    private readonly Dictionary<Key, Entry> entries = [];
    private readonly Queue<(Key Key, long Version)> order = new();
    private readonly RuleSet rules;
    private readonly Stack<Entry> free = new();
    private long version;

    public OpenTries(RuleSet rules) => this.rules = rules;

    /// <summary>Everything held, oldest first; a process that has been counted is an entry with Count 0.</summary>
    public IReadOnlyList<PendingNote> Export()
    {
        var all = new List<PendingNote>(entries.Count);
        foreach (Entry entry in entries.Values.OrderBy(e => e.Version)) all.Add(entry.ToNote());
        return all;
    }

    /// <summary>Takes back what <see cref="Export"/> gave.</summary>
    public void Restore(PendingNote note)
    {
        RuleFile? file = rules.FileOf(note.Program);
        if (file is null) return;
        var key = new Key(file.Description.Name, note.ProcessId, note.Source);
        Entry entry = Fresh(note.Program, note.ProcessId, note.Source);
        var attempt = new Attempt
        {
            UnixMilliseconds = note.UnixMilliseconds,
            Service = note.Service,
            Kind = note.Kind,
            User = note.User is null ? [] : Encoding.Latin1.GetBytes(note.User),
            Rule = note.Rule,
            Line = note.Line,
        };
        entry.Become(attempt, note.Count, keepText: true);
        Put(key, entry);
    }

    /// <summary>A line that counts was seen: its process's notes are told.</summary>
    public void Counted(string file, string program, int process, in Attempt attempt, AttemptHandler onAttempt)
    {
        Key key = KeyOf(file, process, attempt);
        if (process != 0 && attempt.HasSource) Drop(new(file, process, null), attempt.UnixMilliseconds, onAttempt);
        if (entries.TryGetValue(key, out Entry? entry)) HandOnIfOver(entry, attempt.UnixMilliseconds, onAttempt);
        else entry = Fresh(program, process, key.Source);
        entry.Become(attempt, 0, keepText: false);
        Put(key, entry);
    }

    /// <summary>A note was seen: it waits, unless its process has been counted already.</summary>
    public void Note(string file, string program, int process, in Attempt attempt, AttemptHandler onAttempt)
    {
        Key key = KeyOf(file, process, attempt);
        if (entries.TryGetValue(key, out Entry? known))
        {
            if (known.Count == 0 && attempt.UnixMilliseconds - known.UnixMilliseconds <= CountedMilliseconds) return;
            if (known.Count == 0)
            {
                known.Become(attempt, attempt.Count, keepText: true);
                Put(key, known);
                return;
            }

            if (attempt.UnixMilliseconds - known.UnixMilliseconds > NoteMilliseconds) SettleOne(key, known, onAttempt);
            else known.Strengthen(attempt);
            return;
        }

        Entry entry = Fresh(program, process, key.Source);
        entry.Become(attempt, attempt.Count, keepText: true);
        Put(key, entry);
        if (entries.Count > MaxEntries) DropOldest(onAttempt);
    }

    /// <summary>Hands on the notes that have waited long enough, and forgets what need not be remembered longer.</summary>
    public void Settle(long now, AttemptHandler onAttempt)
    {
        int rounds = order.Count;
        while (rounds-- > 0)
        {
            (Key key, long seen) = order.Dequeue();
            if (!entries.TryGetValue(key, out Entry? entry) || entry.Version != seen) continue;
            long waits = entry.Count == 0 ? CountedMilliseconds : NoteMilliseconds;
            if (now - entry.UnixMilliseconds <= waits) order.Enqueue((key, seen));
            else if (entry.Count == 0) Remove(key, entry);
            else SettleOne(key, entry, onAttempt);
        }
    }

    /// <summary>As <see cref="Settle"/>, but looks only at the entries that have waited longest: cheap at every line.</summary>
    public void SettleFirst(long now, AttemptHandler onAttempt)
    {
        while (order.TryPeek(out (Key Key, long Version) head))
        {
            bool current = entries.TryGetValue(head.Key, out Entry? entry) && entry.Version == head.Version;
            if (current && now - entry!.UnixMilliseconds <= (entry.Count == 0 ? CountedMilliseconds : NoteMilliseconds)) return;
            order.Dequeue();
            if (!current) continue;
            if (entry!.Count == 0) Remove(head.Key, entry);
            else SettleOne(head.Key, entry, onAttempt);
        }
    }

    // A note whose ten seconds are over counts, whether or not somebody called Settle in between.
    private static void HandOnIfOver(Entry entry, long now, AttemptHandler onAttempt)
    {
        if (entry.Count > 0 && now - entry.UnixMilliseconds > NoteMilliseconds) entry.HandOn(onAttempt);
    }

    private void Drop(Key key, long now, AttemptHandler onAttempt)
    {
        if (!entries.TryGetValue(key, out Entry? entry)) return;
        HandOnIfOver(entry, now, onAttempt);
        Remove(key, entry);
    }

    private void DropOldest(AttemptHandler onAttempt)
    {
        while (order.TryDequeue(out (Key Key, long Version) head))
        {
            if (!entries.TryGetValue(head.Key, out Entry? entry) || entry.Version != head.Version) continue;
            if (entry.Count > 0) entry.HandOn(onAttempt);
            Remove(head.Key, entry);
            return;
        }
    }

    // The process has been counted now; what else it says for half a minute tells of the same connection.
    private void SettleOne(Key key, Entry entry, AttemptHandler onAttempt)
    {
        entry.HandOn(onAttempt);
        entry.Count = 0;
        Put(key, entry);
    }

    private void Put(Key key, Entry entry)
    {
        entry.Version = ++version;
        entries[key] = entry;
        order.Enqueue((key, entry.Version));
        if (order.Count <= 4 * MaxEntries) return;
        order.Clear();
        foreach ((Key live, Entry held) in entries.OrderBy(e => e.Value.Version)) order.Enqueue((live, held.Version));
    }

    private Entry Fresh(string program, int process, SourceAddress? source)
    {
        if (!free.TryPop(out Entry? entry)) entry = new();
        entry.Open(program, process, source);
        return entry;
    }

    // A log of an attack opens and closes thousands of these; they and their buffers are used again.
    private void Remove(in Key key, Entry entry)
    {
        entries.Remove(key);
        if (free.Count < 4096) free.Push(entry);
    }

    private static Key KeyOf(string file, int process, in Attempt attempt) =>
        new(file, process, attempt.HasSource ? attempt.Source : null);

    private readonly record struct Key(string File, int Process, SourceAddress? Source)
    {
        public override int GetHashCode()
        {
            UInt128 address = Source?.Value ?? UInt128.One;
            return HashCode.Combine(Process, (ulong)address, (ulong)(address >> 64));
        }
    }

    private sealed class Entry
    {
        private byte[] text = [];
        private int userLength;
        private int lineLength;
        private string program = "";
        private int process;
        private SourceAddress? source;
        private string service = "";
        private AttemptKind kind;
        private string rule = "";

        public long UnixMilliseconds { get; set; }

        public int Count { get; set; }

        public long Version { get; set; }

        private ReadOnlySpan<byte> User => text.AsSpan(0, userLength);

        private ReadOnlySpan<byte> Line => text.AsSpan(userLength, lineLength);

        public void Open(string byProgram, int byProcess, SourceAddress? from) => (program, process, source) = (byProgram, byProcess, from);

        public void Become(in Attempt attempt, int count, bool keepText)
        {
            UnixMilliseconds = attempt.UnixMilliseconds;
            service = attempt.Service;
            kind = attempt.Kind;
            Count = count;
            rule = attempt.Rule;
            userLength = keepText ? Math.Min(attempt.User.Length, MaxLine) : 0;
            lineLength = keepText ? Math.Min(attempt.Line.Length, MaxLine) : 0;
            if (text.Length < userLength + lineLength) text = new byte[Math.Max(256, userLength + lineLength)];
            attempt.User[..userLength].CopyTo(text);
            attempt.Line[..lineLength].CopyTo(text.AsSpan(userLength));
        }

        // A name that does not exist says more than a refusal, a refusal more than a hang-up.
        public void Strengthen(in Attempt attempt)
        {
            if (Strength(attempt.Kind) <= Strength(kind)) return;
            long first = UnixMilliseconds;
            Become(attempt, Math.Max(Count, attempt.Count), keepText: true);
            UnixMilliseconds = first;
        }

        public void HandOn(AttemptHandler onAttempt)
        {
            var attempt = new Attempt
            {
                UnixMilliseconds = UnixMilliseconds,
                Service = service,
                Kind = kind,
                HasSource = source is not null,
                Source = source ?? default,
                User = User,
                Count = Count,
                IsNote = true,
                Rule = rule,
                Line = Line,
            };
            onAttempt(attempt);
        }

        public PendingNote ToNote() => new(
            program, process, UnixMilliseconds, service, kind, source,
            userLength == 0 || Count == 0 ? null : Encoding.Latin1.GetString(User), Count, rule, Count == 0 ? [] : Line.ToArray());

        private static int Strength(AttemptKind kind) => kind switch
        {
            AttemptKind.Invalid => 3,
            AttemptKind.Failure => 2,
            AttemptKind.Probe => 1,
            _ => 0,
        };
    }
}
