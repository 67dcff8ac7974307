using RateWall.Detection;
using RateWall.Detection.Logs;
using RateWall.Output;
using RateWall.Policy;
using RateWall.Storage;
using RateWall.Systemd;

namespace RateWall.Commands;

/// <summary>Reads every log of the policy to its end, step by step, each step made true before the next is read.</summary>
/// <param name="policy">Which logs are read for which services.</param>
/// <param name="rules">The rule files.</param>
/// <param name="keys">The key function of this host.</param>
/// <param name="state">The past.</param>
/// <param name="commit">Makes a step true.</param>
/// <param name="time">The clock.</param>
/// <param name="warnings">Where a log that cannot be read is told.</param>
/// <param name="progress">Where it is told how far a long run has come; null: nowhere.</param>
/// <param name="openJournal">Opens the journal, null where there is none; this machine's unless said otherwise.</param>
internal sealed class CorrelationRun(
    EffectivePolicy policy, RuleSet rules, SourceKeys keys, StateDatabase state, StepCommit commit, TimeProvider time, TextWriter warnings,
    ProgressLine? progress = null, Func<Journal?>? openJournal = null)
{
    private readonly HashSet<string> unread = new(StringComparer.Ordinal);
    private readonly StepRecorder recorder = new(policy, keys, state, state.UserNames());

    /// <summary>Asked after each step whether to read on; what is not read now the next run reads. Null: always.</summary>
    public Func<bool>? GoOn { get; init; }

    /// <summary>What is known of open connections; null where they are not looked at.</summary>
    public ConnectionWatch? Connections { get; init; }

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
        recorder.Connections = Connections;
        bool toTheEnd = false;
        try
        {
            using ILogSource? source = log.File is null ? OpenJournal(log) : OpenFile(log, log.File);
            if (source is not null) toTheEnd = Read(source, ForeignFiles(log)) && (log.File is null || File.Exists(log.File));
        }
        catch (UnauthorizedAccessException e)
        {
            Refuse(ExitCode.NotPermitted, e.Message);
        }
        catch (LogSourceException e)
        {
            Refuse(ExitCode.Usage, e.Message);
        }
        catch (SystemdException e)
        {
            const int eacces = 13; // asm-generic/errno-base.h
            Refuse(e.Errno == eacces ? ExitCode.NotPermitted : ExitCode.Refused, e.Message);
        }
        catch (IOException e) when (e is not StateException)
        {
            Refuse(ExitCode.Refused, $"{log.File ?? "the journal"} cannot be read: {e.Message}");
        }
        finally
        {
            // Of a step that broke off nothing may get into the next log's.
            recorder.Clear();
            Connections?.Drop();
            if (!toTheEnd) unread.UnionWith(log.ServiceNames);
        }
    }

    /// <summary>Judges the open connections, when all logs have been read: whose logins could not be read stays unjudged.</summary>
    public void Judge()
    {
        if (Connections is not { IsLook: true } connections) return;
        recorder.Connections = Connections;
        recorder.Pardons = state.Pardons();
        connections.Judge(recorder, unread);
        Verdicts.AddRange(commit.Commit(recorder.Take(ConnectionWatch.StepName, cursor: null, [])));
        connections.Keep();
        recorder.Clear();
    }

    // The rule files of programs that have a log of their own, by service.
    private HashSet<(string Service, string File)> ForeignFiles(PlannedLog log) =>
        [.. log.Elsewhere.SelectMany(e => rules.Files.Where(f => f.Programs.Contains(e.Program, StringComparer.Ordinal)).Select(f => (e.Service, f.Name)))];

    // True when it was read to its end.
    private bool Read(ILogSource source, HashSet<(string Service, string File)> foreign)
    {
        DateTimeOffset now = time.GetUtcNow();
        var heartbeat = new Heartbeat();
        var parser = new LogParser(rules, now, TimeZoneInfo.Local) { Heartbeat = heartbeat };
        IReadOnlyList<PendingNote> before = state.Notes(source.Name);
        parser.Restore(before);
        string? cursor = state.Cursor(source.Name);
        // A line without a stamp counts as of now. In a log that was never read it may be a year old: that is no evidence.
        long? untimed = cursor is null && source is LogFileSource ? now.ToUnixTimeMilliseconds() : null;
        bool atEnd;
        do
        {
            recorder.Pardons = state.Pardons();
            LogStep step = source.ReadStep(parser, Observe);
            atEnd = step.AtEnd;
            // Only at the end: before it, the line that counts the try may be the next one.
            if (atEnd) parser.Settle(time.GetUtcNow().ToUnixTimeMilliseconds(), Observe);
            CorrelatedStep found = recorder.Take(source.Name, step.Cursor, [.. parser.Pending]) with { Beats = heartbeat.Take(), ReadAt = time.GetUtcNow() };
            if (step.Cursor != cursor || found.Notes.Count != before.Count || found.Windows.Count > 0)
            {
                Verdicts.AddRange(commit.Commit(found));
                Connections?.Keep();
                (cursor, before) = (step.Cursor, found.Notes);
            }

            recorder.Clear();
            progress?.Report(() => $"{source.Name}: {HumanCount.Of(parser.Lines, "line")} read, {HumanCount.Of(recorder.Attempts, "attempt")} so far");
        }
        while (GoOn?.Invoke() != false && !atEnd);
        Lines += parser.Lines;
        return atEnd;

        void Observe(in Attempt attempt)
        {
            // A service is read from one log only, or a program's tries from its own; another log's lines about it may be
            // copies or forgeries.
            if (!source.Services.Contains(attempt.Service) || attempt.UnixMilliseconds == untimed) return;
            if (foreign.Count == 0 || !foreign.Contains((attempt.Service, attempt.Rule[..attempt.Rule.LastIndexOf(".rules:", StringComparison.Ordinal)]))) recorder.Observe(attempt);
        }
    }

    private LogFileSource? OpenFile(PlannedLog log, string file)
    {
        string? cursor = state.Cursor(LogFileSource.NameOf(file));
        if (cursor is not null && !FileCursor.TryParse(cursor, out _)) throw state.Distrust($"the stored place of {file} is not readable");
        // A host without mail has no mail.log; a timer that says so every 15 seconds tells nobody anything.
        bool neverThere = cursor is null && log.Services.All(s => s.Log.IsUsualPlace) && !File.Exists(file);
        return neverThere ? null : LogFileSource.Open(file, log.Program, log.ServiceNames, cursor, warnings);
    }

    private JournalSource? OpenJournal(PlannedLog log)
    {
        const int einval = 22; // asm-generic/errno-base.h
        if ((openJournal ?? OfThisMachine)() is not { } journal)
        {
            warnings.WriteLine($"ratewall: warning: this machine has no journal, so nobody watches {string.Join(", ", log.Services.Select(s => s.Name))}; name their log files in the policy");
            return null;
        }

        string? cursor = state.Cursor(JournalSource.StoredName);
        try
        {
            return JournalSource.Open(
                journal, new JournalTrust(rules.Files, [.. log.Services]), log.ServiceNames, cursor, time.GetUtcNow(), warnings);
        }
        catch (SystemdException e) when (cursor is not null && e.Errno == einval)
        {
            journal.Dispose();
            throw state.Distrust($"the stored place in the journal is not readable ({e.Message})");
        }
        catch (SystemdException)
        {
            journal.Dispose();
            throw;
        }
    }

    private static Journal? OfThisMachine() => Journal.Exists() ? Journal.Open() : null;

    private void Refuse(ExitCode code, string message)
    {
        warnings.WriteLine($"ratewall: {TerminalText.Escape(message)}");
        if (code > Worst) Worst = code;
    }
}
