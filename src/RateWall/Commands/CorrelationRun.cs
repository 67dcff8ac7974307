using RateWall.Detection;
using RateWall.Detection.Logs;
using RateWall.Policy;
using RateWall.Storage;
using RateWall.Systemd;

namespace RateWall.Commands;

/// <summary>Reads every log of the policy to its end, step by step, each step made true before the next is read.</summary>
internal sealed class CorrelationRun(
    EffectivePolicy policy, RuleSet rules, SourceKeys keys, StateDatabase state, StepCommit commit, TimeProvider time, TextWriter warnings)
{
    private readonly StepRecorder recorder = new(policy, keys, state);

    /// <summary>Lines read.</summary>
    public long Lines { get; private set; }

    /// <summary>Tries seen.</summary>
    public long Attempts => recorder.Attempts;

    /// <summary>Tries that found no room in memory.</summary>
    public long Overflowed => recorder.Overflowed;

    /// <summary>What became of the offences, in order.</summary>
    public List<BanVerdict> Verdicts { get; } = [];

    /// <summary>How the run ended: a log that could not be read does not keep the others from being read.</summary>
    public ExitCode Worst { get; private set; } = ExitCode.Done;

    /// <summary>Reads one log to its end, or tells why it cannot be read.</summary>
    public void Read(PlannedLog log)
    {
        using ILogSource? source = Open(log);
        if (source is not null) Read(source);
    }

    private void Read(ILogSource source)
    {
        var parser = new LogParser(rules, time.GetUtcNow(), TimeZoneInfo.Local);
        IReadOnlyList<PendingNote> before = state.Notes(source.Name);
        parser.Restore(before);
        string? cursor = state.Cursor(source.Name);
        bool atEnd;
        do
        {
            recorder.Pardons = state.Pardons();
            LogStep step = source.ReadStep(parser, Observe);
            atEnd = step.AtEnd;
            // Only at the end: before it, the line that counts the try may be the next one.
            if (atEnd) parser.Settle(time.GetUtcNow().ToUnixTimeMilliseconds(), Observe);
            CorrelatedStep found = recorder.Take(source.Name, step.Cursor, [.. parser.Pending]);
            if (step.Cursor != cursor || found.Notes.Count != before.Count || found.Windows.Count > 0)
            {
                Verdicts.AddRange(commit.Commit(found));
                (cursor, before) = (step.Cursor, found.Notes);
            }

            recorder.Clear();
        }
        while (!atEnd);
        Lines += parser.Lines;

        void Observe(in Attempt attempt)
        {
            // A service is read from one log only; another log's lines about it may be copies or forgeries.
            if (source.Services.Contains(attempt.Service)) recorder.Observe(attempt);
        }
    }

    private ILogSource? Open(PlannedLog log)
    {
        try
        {
            return log.File is null ? OpenJournal(log) : OpenFile(log, log.File);
        }
        catch (UnauthorizedAccessException e)
        {
            return Refuse(ExitCode.NotPermitted, e.Message);
        }
        catch (LogSourceException e)
        {
            return Refuse(ExitCode.Usage, e.Message);
        }
        catch (SystemdException e)
        {
            const int eacces = 13; // asm-generic/errno-base.h
            return Refuse(e.Errno == eacces ? ExitCode.NotPermitted : ExitCode.Refused, e.Message);
        }
    }

    private LogFileSource? OpenFile(PlannedLog log, string file)
    {
        string? cursor = state.Cursor(LogFileSource.NameOf(file));
        // A host without mail has no mail.log; a timer that says so every 15 seconds tells nobody anything.
        bool neverThere = cursor is null && log.Services.All(s => s.Log.IsUsualPlace) && !File.Exists(file);
        return neverThere ? null : LogFileSource.Open(file, log.Program, log.ServiceNames, cursor, warnings);
    }

    private JournalSource? OpenJournal(PlannedLog log)
    {
        if (!Journal.Exists())
        {
            warnings.WriteLine($"ratewall: warning: this machine has no journal, so nobody watches {string.Join(", ", log.Services.Select(s => s.Name))}; name their log files in the policy");
            return null;
        }

        Journal journal = Journal.Open();
        try
        {
            return JournalSource.Open(
                journal, new JournalTrust(rules.Files, [.. log.Services]), log.ServiceNames, state.Cursor(JournalSource.StoredName),
                time.GetUtcNow(), warnings);
        }
        catch (SystemdException)
        {
            journal.Dispose();
            throw;
        }
    }

    private ILogSource? Refuse(ExitCode code, string message)
    {
        warnings.WriteLine($"ratewall: {message}");
        if (code > Worst) Worst = code;
        return null;
    }
}
