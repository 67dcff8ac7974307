using System.Globalization;
using RateWall.Commands;
using RateWall.Detection;
using RateWall.Detection.Logs;
using RateWall.IntegrationTests.Machine;
using RateWall.IntegrationTests.Systemd;
using RateWall.Policy;
using RateWall.Storage;
using RateWall.Systemd;
using RateWall.Wall;

namespace RateWall.IntegrationTests.Correlate;

/// <summary>Correlation over real journal files, with the real state; only the kernel is a list of what it was given.</summary>
public sealed class JournalRunTests : IDisposable
{
    private static readonly EffectivePolicy Policy = PolicyReader.Parse([], new LogFacts(HasJournal: true, _ => false));
    private readonly TemporaryDirectory temporary = new();
    private JournalExport fresh = new();
    private readonly StringWriter warnings = new();
    private readonly List<AddressPrefix> banned = [];
    private int written;
    private int flushed;

    public void Dispose()
    {
        warnings.Dispose();
        temporary.Dispose();
    }

    [JournalFact]
    public void Correlate_ForgedEntriesBesideTrueOnes_CountsTheTrueOnes()
    {
        for (int i = 0; i < 8; i++)
        {
            Failure("192.0.2.7", "0", "sshd", "ssh.service");
            Failure("192.0.2.8", "1000", "logger", "session-3.scope");
            Failure("192.0.2.9", "1000", "sshd", "user@1000.service");
            Failure("192.0.2.10", "0", "logger", "cron.service");
        }

        CorrelationRun run = Run();

        Assert.Equal("192.0.2.7", string.Join(" ", banned));
        Assert.Equal((8, ExitCode.Done), (run.Attempts, run.Worst));
        Assert.Empty(warnings.ToString());
    }

    [JournalFact]
    public void Correlate_TwoRuns_ReadEachEntryOnceAndCountAcrossThem()
    {
        for (int i = 0; i < 5; i++) Failure("192.0.2.7");
        Assert.Equal(5, Run().Attempts);
        Assert.Empty(banned);
        string stored = Stored();

        Assert.Equal(0, Run().Lines);
        Assert.Equal(stored, Stored());

        Failure("192.0.2.7");
        Assert.Equal(1, Run().Attempts);
        Assert.Single(banned);
        Assert.True(stored != Stored(), "the place has not moved");
        Assert.Empty(warnings.ToString());
    }

    [JournalFact]
    public void Correlate_FirstRun_LooksBackOneDay()
    {
        for (int i = 0; i < 6; i++) Failure("192.0.2.7");
        written = 24 * 60 * 60;
        for (int i = 0; i < 6; i++) Failure("192.0.2.8");

        Assert.Equal(6, Run().Lines);
        Assert.Equal("192.0.2.8", string.Join(" ", banned));
    }

    [JournalFact]
    public void Correlate_PlaceVacuumed_IsToldOnceAndOnlyWhenThereIsMore()
    {
        for (int i = 0; i < 3; i++) Failure("192.0.2.7");
        Run();
        Directory.Delete(temporary["journal"], recursive: true);
        written += 10;
        Failure("192.0.2.8", "1000", "logger", "session-3.scope", program: "logger");
        for (int i = 0; i < 3; i++) Assert.Equal(0, Run().Lines);
        Assert.Empty(warnings.ToString());

        Failure("192.0.2.7");
        Assert.Equal(1, Run().Lines);
        for (int i = 0; i < 3; i++) Assert.Equal(0, Run().Lines);
        Assert.Equal(2, warnings.ToString().Split("no longer has the entry").Length);
    }

    [JournalFact]
    public void Correlate_StoredPlaceUnreadable_IsToldOnceAndSetAside()
    {
        Failure("192.0.2.7");
        Run();
        using (StateDatabase state = Open()) state.Commit(new() { Source = "journal", Cursor = "no cursor at all" }, [], []);

        Assert.Throws<DamagedStateException>(Run);
        Assert.Equal(1, Run().Lines);
        Assert.Contains("it was kept as", warnings.ToString(), StringComparison.Ordinal);
        Assert.Single(Directory.GetFiles(temporary["state"], "state.db.damaged-*"));
    }

    private void Failure(string source, string uid = "0", string command = "sshd", string unit = "ssh.service", string program = "sshd") => fresh.Entry(
        written++,
        ("MESSAGE", string.Create(CultureInfo.InvariantCulture, $"Failed password for root from {source} port {40000 + (written % 1000)} ssh2")),
        ("SYSLOG_IDENTIFIER", program), ("_PID", (1000 + written).ToString(CultureInfo.InvariantCulture)), ("_UID", uid), ("_COMM", command),
        ("_SYSTEMD_UNIT", unit));

    // A minute after the last entry.
    private CorrelationRun Run()
    {
        if (written > flushed) fresh.WriteTo(temporary["journal"]);
        (fresh, flushed) = (new(), written);
        var clock = new StoppedClock(JournalExport.Start.AddSeconds(written + 60));
        using StateDatabase state = StateDatabase.Open(temporary["state"], clock, warnings);
        var kernel = new BanSets(Put, trusted => 0, (_, _) => { }, bans => new(0, null));
        var commit = new StepCommit(state, kernel, Policy, new Exemptions([], SourceKeys.Default), clock, () => TextReader.Null);
        var run = new CorrelationRun(Policy, RuleSet.BuiltIn, SourceKeys.Default, state, commit, clock, warnings, openJournal: () => Journal.Open(temporary["journal"]));
        foreach (PlannedLog log in LogPlan.For(Policy)) run.Read(log);
        return run;
    }

    private BanElement?[] Put(IReadOnlyList<BanElement> bans)
    {
        banned.AddRange(bans.Select(b => b.Target));
        return [.. bans];
    }

    private StateDatabase Open() => StateDatabase.Open(temporary["state"], TimeProvider.System, warnings);

    private string Stored()
    {
        using StateDatabase state = Open();
        return state.Cursor("journal") ?? "";
    }

    private sealed class StoppedClock(DateTimeOffset now) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => now;
    }
}
