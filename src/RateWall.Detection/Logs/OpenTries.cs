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

    // So many free ones keep their buffers.
    private const int MaxFree = 4096;

    private readonly RuleSet rules;
    // The first one stands for the end of both chains: its newer one is the oldest of all, its older one the newest.
    private OpenTry[] tries = new OpenTry[256];
    private int[] heads = new int[1024];
    private int count;
    private int sourceless;
    // Places that were used once and are free, chained by their Chained; places from the other on never were.
    private int free;
    private int unused = 1;

    public OpenTries(RuleSet rules) => this.rules = rules;

    /// <summary>Everything held, oldest first; a process that has been counted is an entry with Count 0.</summary>
    public IReadOnlyList<PendingNote> Export()
    {
        var all = new List<PendingNote>(count);
        for (int at = tries[0].Newer; at != 0; at = tries[at].Newer) all.Add(tries[at].ToNote());
        return all;
    }

    /// <summary>Takes back what <see cref="Export"/> gave.</summary>
    public void Restore(PendingNote note)
    {
        RuleFile? file = rules.FileOf(note.Program);
        if (file is null) return;
        var key = new TryKey(file, note.ProcessId, note.Source is not null, note.Source.GetValueOrDefault());
        int entry = Find(key);
        if (entry == 0) entry = Add(key);
        var attempt = new Attempt
        {
            UnixMilliseconds = note.UnixMilliseconds,
            Service = note.Service,
            Kind = note.Kind,
            User = note.User is null ? [] : Encoding.Latin1.GetBytes(note.User),
            Rule = note.Rule,
            Line = note.Line,
        };
        tries[entry].Become(attempt, note.Count);
        Renew(entry);
    }

    /// <summary>A line that counts was seen: its process's notes are told.</summary>
    public void Counted(in TryKey key, in Attempt attempt, AttemptHandler onAttempt)
    {
        if (sourceless > 0 && key.Process != 0 && key.HasSource) Drop(new(key.File, key.Process, hasSource: false, default), attempt.UnixMilliseconds, onAttempt);
        int entry = Find(key);
        if (entry != 0) HandOnIfOver(entry, attempt.UnixMilliseconds, onAttempt);
        else entry = Add(key);
        tries[entry].BecomeCounted(attempt);
        Renew(entry);
    }

    /// <summary>What is held of a try, as a number that is good until something else is done here; 0: nothing.</summary>
    public int Find(in TryKey key)
    {
        int entry = heads[key.Hash & (heads.Length - 1)];
        while (entry != 0 && !tries[entry].Key.Is(key)) entry = tries[entry].Chained;
        return entry;
    }

    /// <summary>True when a process has been counted so lately that what it says now tells of the same try.</summary>
    public bool IsCounted(int known, long unixMilliseconds) =>
        known != 0 && tries[known].Count == 0 && unixMilliseconds - tries[known].UnixMilliseconds <= CountedMilliseconds;

    /// <summary>A note was seen of a process that has not been counted: it waits.</summary>
    /// <param name="known">What <see cref="Find"/> gave for the key.</param>
    /// <param name="key">Whose it is.</param>
    /// <param name="attempt">The note.</param>
    /// <param name="onAttempt">Takes what has waited long enough.</param>
    public void Note(int known, in TryKey key, in Attempt attempt, AttemptHandler onAttempt)
    {
        if (known != 0)
        {
            ref OpenTry found = ref tries[known];
            if (found.Count == 0)
            {
                found.Become(attempt, attempt.Count);
                Renew(known);
                return;
            }

            if (attempt.UnixMilliseconds - found.UnixMilliseconds > NoteMilliseconds) SettleOne(known, onAttempt);
            else found.Strengthen(attempt);
            return;
        }

        int entry = Add(key);
        tries[entry].Become(attempt, attempt.Count);
        Renew(entry);
        if (count > MaxEntries) DropOldest(onAttempt);
    }

    /// <summary>Hands on the notes that have waited long enough, and forgets what need not be remembered longer.</summary>
    public void Settle(long now, AttemptHandler onAttempt)
    {
        // What is settled becomes the newest: the walk ends where it stood at the beginning.
        int last = tries[0].Older;
        for (int entry = tries[0].Newer, next; entry != 0; entry = next)
        {
            next = entry == last ? 0 : tries[entry].Newer;
            if (!tries[entry].IsOver(now)) continue;
            if (tries[entry].Count == 0) Remove(entry);
            else SettleOne(entry, onAttempt);
        }
    }

    /// <summary>As <see cref="Settle"/>, but looks only at the entries that have waited longest: cheap at every line.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void SettleFirst(long now, AttemptHandler onAttempt)
    {
        while (tries[0].Newer is not 0 and var oldest && tries[oldest].IsOver(now))
        {
            if (tries[oldest].Count == 0) Remove(oldest);
            else SettleOne(oldest, onAttempt);
        }
    }

    // A note whose ten seconds are over counts, whether or not somebody called Settle in between.
    private void HandOnIfOver(int entry, long now, AttemptHandler onAttempt)
    {
        if (tries[entry].Count > 0 && now - tries[entry].UnixMilliseconds > NoteMilliseconds) tries[entry].HandOn(onAttempt);
    }

    private void Drop(in TryKey key, long now, AttemptHandler onAttempt)
    {
        int entry = Find(key);
        if (entry == 0) return;
        HandOnIfOver(entry, now, onAttempt);
        Remove(entry);
    }

    private void DropOldest(AttemptHandler onAttempt)
    {
        int entry = tries[0].Newer;
        if (entry == 0) return;
        if (tries[entry].Count > 0) tries[entry].HandOn(onAttempt);
        Remove(entry);
    }

    // The process has been counted now; what else it says for half a minute tells of the same connection.
    private void SettleOne(int entry, AttemptHandler onAttempt)
    {
        tries[entry].HandOn(onAttempt);
        tries[entry].Count = 0;
        Renew(entry);
    }

    private int Add(in TryKey key)
    {
        if (count++ == heads.Length) Widen();
        if (!key.HasSource) sourceless++;
        int entry = free;
        if (entry != 0)
        {
            free = tries[entry].Chained;
        }
        else
        {
            entry = unused++;
            if (entry == tries.Length) Array.Resize(ref tries, tries.Length * 2);
        }

        tries[entry].Key = key;
        Chain(entry);
        Append(entry);
        return entry;
    }

    private void Chain(int entry)
    {
        ref int head = ref heads[tries[entry].Key.Hash & (heads.Length - 1)];
        tries[entry].Chained = head;
        head = entry;
    }

    private void Widen()
    {
        heads = new int[heads.Length * 2];
        for (int entry = tries[0].Newer; entry != 0; entry = tries[entry].Newer) Chain(entry);
    }

    // Makes the entry the newest.
    private void Renew(int entry)
    {
        if (tries[0].Older == entry) return;
        Unlink(entry);
        Append(entry);
    }

    private void Append(int entry)
    {
        ref OpenTry end = ref tries[0], added = ref tries[entry];
        added.Older = end.Older;
        added.Newer = 0;
        tries[end.Older].Newer = entry;
        end.Older = entry;
    }

    private void Unlink(int entry)
    {
        ref OpenTry gone = ref tries[entry];
        tries[gone.Older].Newer = gone.Newer;
        tries[gone.Newer].Older = gone.Older;
    }

    // A log of an attack opens and closes thousands of these; they and their buffers are used again.
    private void Remove(int entry)
    {
        Unlink(entry);
        ref OpenTry gone = ref tries[entry];
        ref int link = ref heads[gone.Key.Hash & (heads.Length - 1)];
        while (link != entry) link = ref tries[link].Chained;
        link = gone.Chained;
        if (!gone.Key.HasSource) sourceless--;
        gone.Chained = free;
        free = entry;
        count--;
        if (unused - count > MaxFree) gone.DropText();
    }
}
