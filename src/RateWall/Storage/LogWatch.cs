using RateWall.Detection.Logs;
using RateWall.Policy;
using RateWall.Systemd;

namespace RateWall.Storage;

/// <summary>
/// Says when a log has something new since the watch was opened or last said so. The journal is waited for with the entries
/// that count; files are looked at four times a second, which also sees every kind of rotation. A log that cannot be looked
/// at is passed over without a word: reading it tells why.
/// </summary>
internal sealed class LogWatch : IDisposable
{
    /// <summary>How often files are looked at, and whether to go on is asked.</summary>
    public static readonly TimeSpan Look = TimeSpan.FromMilliseconds(250);

    // Other programs may write to the journal without end: each entry of theirs ends a wait, and is no news.
    private static readonly TimeSpan Breath = TimeSpan.FromMilliseconds(20);

    private readonly Journal? journal;
    private readonly Dictionary<string, FileIdentity?> files;
    private readonly TimeProvider time;

    private LogWatch(Journal? journal, Dictionary<string, FileIdentity?> files, TimeProvider time)
    {
        this.journal = journal;
        this.files = files;
        this.time = time;
    }

    /// <summary>Begins to watch: what is written from now on is news.</summary>
    public static LogWatch Open(EffectivePolicy policy, RuleSet rules, TimeProvider time)
    {
        Journal? opened = null;
        var seen = new Dictionary<string, FileIdentity?>(StringComparer.Ordinal);
        foreach (PlannedLog log in LogPlan.For(policy))
        {
            if (log.File is null) opened = OpenJournal(new JournalTrust(rules.Files, [.. log.Services]));
            else seen[log.File] = LookAt(log.File);
        }

        return new(opened, seen, time);
    }

    /// <summary>Waits for news; false when there was none in time, or it is not to go on.</summary>
    /// <param name="limit">How long to wait.</param>
    /// <param name="goOn">Asked at least four times a second.</param>
    public bool Wait(TimeSpan limit, Func<bool> goOn)
    {
        long started = time.GetTimestamp();
        while (goOn() && time.GetElapsedTime(started) < limit)
        {
            if (journal is null) Thread.Sleep(Look);
            else if (journal.Wait(Look)) Thread.Sleep(Breath);
            if (JournalHasNews() | FilesHaveNews()) return true;
        }

        return false;
    }

    /// <inheritdoc/>
    public void Dispose() => journal?.Dispose();

    private bool JournalHasNews()
    {
        if (journal is null || !journal.Next()) return false;
        // Only that there is something matters; it may be very much.
        journal.SeekTail();
        return true;
    }

    private bool FilesHaveNews()
    {
        bool any = false;
        foreach (string path in files.Keys)
        {
            FileIdentity? now = LookAt(path);
            any |= now != files[path];
            files[path] = now;
        }

        return any;
    }

    private static FileIdentity? LookAt(string path)
    {
        try
        {
            return FileIdentity.OfPath(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static Journal? OpenJournal(JournalTrust trust)
    {
        Journal? opened = null;
        try
        {
            if (!Journal.Exists()) return null;
            opened = Journal.Open();
            trust.Narrow(opened);
            opened.SeekTail();
            return opened;
        }
        catch (SystemdException)
        {
            opened?.Dispose();
            return null;
        }
    }
}
