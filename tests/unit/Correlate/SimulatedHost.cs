using System.Text;
using RateWall.Commands;
using RateWall.Detection;
using RateWall.Detection.Correlation;
using RateWall.Detection.Logs;
using RateWall.Policy;
using RateWall.Storage;
using RateWall.UnitTests.Storage;
using RateWall.Wall;

namespace RateWall.UnitTests.Correlate;

/// <summary>
/// A host under the built-in policy whose log is read every so often: the real parser, correlator, state and commit, on a
/// clock and a kernel of the test's own. Nobody whom it bans goes away, so every log is the worst that can happen.
/// </summary>
internal sealed class SimulatedHost : IDisposable
{
    public static readonly DateTimeOffset Monday = new(2026, 11, 16, 0, 0, 0, TimeSpan.Zero);

    private readonly TemporaryDirectory directory = new();
    private readonly List<(DateTimeOffset At, string Text)> lines = [];
    private readonly SetClock clock = new(Monday);
    private int process = 1000;

    public ModelKernel Kernel { get; } = new();

    public List<BanVerdict> Verdicts { get; } = [];

    public IEnumerable<StoredBan> Bans => Verdicts.Where(v => v.Outcome == BanOutcome.Banned).Select(v => v.Ban!);

    /// <summary>Who was trusted at the end of each run, by the time of that run.</summary>
    public Dictionary<DateTimeOffset, HashSet<AddressPrefix>> Trusted { get; } = [];

    public void Dispose() => directory.Dispose();

    public void ImapLogin(DateTimeOffset at, string user, string source) =>
        Dovecot(at, $"Login: user=<{user}>, method=PLAIN, rip={source}, lip=203.0.113.1, mpid={process}, TLS, session=<c29tZXNlc3Npb24>");

    public void ImapFailure(DateTimeOffset at, string user, string source, int attempts = 1) =>
        Dovecot(at, $"Disconnected: Connection closed (auth failed, {attempts} attempts in 3 secs): user=<{user}>, method=PLAIN, rip={source}, lip=203.0.113.1, TLS, session=<c29tZXNlc3Npb24>");

    public void SshFailure(DateTimeOffset at, string user, string source) =>
        Add(at, $"sshd[{process++}]", $"Failed password for {user} from {source} port 40022 ssh2");

    public void SshLogin(DateTimeOffset at, string user, string source) =>
        Add(at, $"sshd[{process++}]", $"Accepted password for {user} from {source} port 40022 ssh2");

    /// <summary>What ssh says of a client that offers keys until one fits, with LogLevel VERBOSE.</summary>
    public void SshKeys(DateTimeOffset at, string user, string source, int wrong)
    {
        for (int i = 0; i < wrong; i++)
            Add(at.AddMilliseconds(i * 50), $"sshd[{process}]", $"Failed publickey for {user} from {source} port 40022 ssh2: RSA SHA256:bm90IGEga2V5{i}");
        Add(at.AddMilliseconds(wrong * 50), $"sshd[{process++}]", $"Accepted publickey for {user} from {source} port 40022 ssh2: ED25519 SHA256:c29tZXRoaW5n");
    }

    /// <summary>Reads everything written so far, a run for each such time.</summary>
    public void Run(TimeSpan every)
    {
        EffectivePolicy policy = PolicyReader.Load(directory.File("none.yaml"), mustExist: false, new LogFacts(HasJournal: true, _ => false));
        (DateTimeOffset At, string Text)[] log = [.. lines.OrderBy(l => l.At)];
        using StateDatabase state = StateDatabase.Open(directory.Path, clock, TextWriter.Null);
        var parser = new LogParser(RuleSet.BuiltIn, log[^1].At, TimeZoneInfo.Utc);
        var recorder = new StepRecorder(policy, SourceKeys.Default, state, state.UserNames());
        var commit = new StepCommit(state, Kernel.Sets, policy, new Exemptions([], SourceKeys.Default), clock, () => TextReader.Null);
        int read = 0;
        for (DateTimeOffset end = log[0].At + every; read < log.Length; end += every)
        {
            int first = read;
            while (read < log.Length && log[read].At <= end) read++;
            if (read == first) continue;
            clock.Now = end;
            byte[] block = Encoding.UTF8.GetBytes(string.Concat(log[first..read].Select(l => l.Text)));
            Assert.Equal(block.Length, parser.Read(block, [], Observe));
            parser.Settle(end.ToUnixTimeMilliseconds(), Observe);
            Verdicts.AddRange(commit.Commit(recorder.Take("log", $"{read}", [.. parser.Pending])));
            recorder.Clear();
            Trusted[end] = [.. Kernel.Trusted.Where(t => t.Value > end).Select(t => t.Key.Item1)];
        }

        void Observe(in Attempt attempt) => recorder.Observe(attempt);
    }

    private void Dovecot(DateTimeOffset at, string message) => Add(at, "dovecot", $"imap-login: {message}");

    private void Add(DateTimeOffset at, string tag, string message) =>
        lines.Add((at, $"{at:yyyy-MM-dd'T'HH:mm:ss.ffffff}+00:00 host {tag}: {message}\n"));
}
