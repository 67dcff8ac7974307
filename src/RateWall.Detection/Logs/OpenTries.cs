using System.Runtime.CompilerServices;
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

    private readonly RuleSet rules;
    private readonly Stack<OpenTry> free = new();
    private OpenTry?[] heads = new OpenTry?[1024];
    private OpenTry? oldest;
    private OpenTry? newest;
    private int count;

    public OpenTries(RuleSet rules) => this.rules = rules;

    /// <summary>Everything held, oldest first; a process that has been counted is an entry with Count 0.</summary>
    public IReadOnlyList<PendingNote> Export()
    {
        var all = new List<PendingNote>(count);
        for (OpenTry? entry = oldest; entry is not null; entry = entry.Newer) all.Add(entry.ToNote());
        return all;
    }

    /// <summary>Takes back what <see cref="Export"/> gave.</summary>
    public void Restore(PendingNote note)
    {
        RuleFile? file = rules.FileOf(note.Program);
        if (file is null) return;
        var key = new TryKey(file, note.ProcessId, note.Source is not null, note.Source.GetValueOrDefault());
        OpenTry entry = Find(key) ?? Add(key);
        var attempt = new Attempt
        {
            UnixMilliseconds = note.UnixMilliseconds,
            Service = note.Service,
            Kind = note.Kind,
            User = note.User is null ? [] : Encoding.Latin1.GetBytes(note.User),
            Rule = note.Rule,
            Line = note.Line,
        };
        entry.Become(attempt, note.Count);
        Renew(entry);
    }

    /// <summary>A line that counts was seen: its process's notes are told.</summary>
    public void Counted(in TryKey key, in Attempt attempt, AttemptHandler onAttempt)
    {
        if (key.Process != 0 && key.HasSource) Drop(new(key.File, key.Process, hasSource: false, default), attempt.UnixMilliseconds, onAttempt);
        OpenTry? entry = Find(key);
        if (entry is not null) HandOnIfOver(entry, attempt.UnixMilliseconds, onAttempt);
        else entry = Add(key);
        entry.BecomeCounted(attempt);
        Renew(entry);
    }

    /// <summary>What is held of a try, or null.</summary>
    public OpenTry? Find(in TryKey key)
    {
        OpenTry? entry = heads[key.Hash & (heads.Length - 1)];
        while (entry is not null && !entry.Key.Is(key)) entry = entry.Chained;
        return entry;
    }

    /// <summary>True when a process has been counted so lately that what it says now tells of the same try.</summary>
    public static bool IsCounted(OpenTry? known, long unixMilliseconds) =>
        known is { Count: 0 } && unixMilliseconds - known.UnixMilliseconds <= CountedMilliseconds;

    /// <summary>A note was seen of a process that has not been counted: it waits.</summary>
    /// <param name="known">What <see cref="Find"/> gave for the key.</param>
    /// <param name="key">Whose it is.</param>
    /// <param name="attempt">The note.</param>
    /// <param name="onAttempt">Takes what has waited long enough.</param>
    public void Note(OpenTry? known, in TryKey key, in Attempt attempt, AttemptHandler onAttempt)
    {
        if (known is not null)
        {
            if (known.Count == 0)
            {
                known.Become(attempt, attempt.Count);
                Renew(known);
                return;
            }

            if (attempt.UnixMilliseconds - known.UnixMilliseconds > NoteMilliseconds) SettleOne(known, onAttempt);
            else known.Strengthen(attempt);
            return;
        }

        OpenTry entry = Add(key);
        entry.Become(attempt, attempt.Count);
        Renew(entry);
        if (count > MaxEntries) DropOldest(onAttempt);
    }

    /// <summary>Hands on the notes that have waited long enough, and forgets what need not be remembered longer.</summary>
    public void Settle(long now, AttemptHandler onAttempt)
    {
        // What is settled becomes the newest: the walk ends where it stood at the beginning.
        OpenTry? last = newest;
        for (OpenTry? entry = oldest, next; entry is not null; entry = next)
        {
            next = ReferenceEquals(entry, last) ? null : entry.Newer;
            if (!IsOver(entry, now)) continue;
            if (entry.Count == 0) Remove(entry);
            else SettleOne(entry, onAttempt);
        }
    }

    /// <summary>As <see cref="Settle"/>, but looks only at the entries that have waited longest: cheap at every line.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void SettleFirst(long now, AttemptHandler onAttempt)
    {
        while (oldest is { } entry && IsOver(entry, now))
        {
            if (entry.Count == 0) Remove(entry);
            else SettleOne(entry, onAttempt);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool IsOver(OpenTry entry, long now) =>
        now - entry.UnixMilliseconds > (entry.Count == 0 ? CountedMilliseconds : NoteMilliseconds);

    // A note whose ten seconds are over counts, whether or not somebody called Settle in between.
    private static void HandOnIfOver(OpenTry entry, long now, AttemptHandler onAttempt)
    {
        if (entry.Count > 0 && now - entry.UnixMilliseconds > NoteMilliseconds) entry.HandOn(onAttempt);
    }

    private void Drop(in TryKey key, long now, AttemptHandler onAttempt)
    {
        if (Find(key) is not { } entry) return;
        HandOnIfOver(entry, now, onAttempt);
        Remove(entry);
    }

    private void DropOldest(AttemptHandler onAttempt)
    {
        if (oldest is not { } entry) return;
        if (entry.Count > 0) entry.HandOn(onAttempt);
        Remove(entry);
    }

    // The process has been counted now; what else it says for half a minute tells of the same connection.
    private void SettleOne(OpenTry entry, AttemptHandler onAttempt)
    {
        entry.HandOn(onAttempt);
        entry.Count = 0;
        Renew(entry);
    }

    private OpenTry Add(in TryKey key)
    {
        if (count++ == heads.Length) Widen();
        if (!free.TryPop(out OpenTry? entry)) entry = new();
        entry.Key = key;
        Chain(entry);
        entry.Older = newest;
        if (newest is null) oldest = entry;
        else newest.Newer = entry;
        newest = entry;
        return entry;
    }

    private void Chain(OpenTry entry)
    {
        ref OpenTry? head = ref heads[entry.Key.Hash & (heads.Length - 1)];
        entry.Chained = head;
        head = entry;
    }

    private void Widen()
    {
        heads = new OpenTry?[heads.Length * 2];
        for (OpenTry? entry = oldest; entry is not null; entry = entry.Newer) Chain(entry);
    }

    // Makes the entry the newest.
    private void Renew(OpenTry entry)
    {
        if (ReferenceEquals(entry, newest)) return;
        Unlink(entry);
        entry.Older = newest;
        newest!.Newer = entry;
        newest = entry;
    }

    private void Unlink(OpenTry entry)
    {
        if (entry.Older is { } older) older.Newer = entry.Newer;
        else oldest = entry.Newer;
        if (entry.Newer is { } newer) newer.Older = entry.Older;
        else newest = entry.Older;
        entry.Older = entry.Newer = null;
    }

    // A log of an attack opens and closes thousands of these; they and their buffers are used again.
    private void Remove(OpenTry entry)
    {
        Unlink(entry);
        ref OpenTry? head = ref heads[entry.Key.Hash & (heads.Length - 1)];
        if (ReferenceEquals(head, entry))
        {
            head = entry.Chained;
        }
        else
        {
            OpenTry before = head!;
            while (!ReferenceEquals(before.Chained, entry)) before = before.Chained!;
            before.Chained = entry.Chained;
        }

        entry.Chained = null;
        count--;
        if (free.Count < 4096) free.Push(entry);
    }
}
