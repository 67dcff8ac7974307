using RateWall.Commands;
using RateWall.Policy;
using RateWall.Storage;
using RateWall.UnitTests.Storage;
using RateWall.Watch;

namespace RateWall.UnitTests.Watch;

/// <summary>Rounds of a watch, each as a program that was started anew would make it, on a model of PID 1.</summary>
public abstract class WatchRounds : IDisposable
{
    private protected const string Dovecot = "dovecot.service";
    private protected static readonly DateTimeOffset Start = new(2026, 11, 21, 12, 0, 0, TimeSpan.Zero);

    private protected readonly SetClock clock = new(Start);
    private protected readonly StringWriter output = new();
    private protected readonly ModelUnits units = new(Start, Dovecot) { Tasks = 90 };

    private readonly TemporaryDirectory directory = new();

    public void Dispose()
    {
        directory.Dispose();
        GC.SuppressFinalize(this);
    }

    private protected static EffectivePolicy Policy(string ladder, string more = "") =>
        Parse($"units: {{ dovecot: {{ ladder: {ladder}, warn: 60, act: 80, normal: 40, after: 10s{more} }}, imap_login: {{ enabled: false }}, pop3_login: {{ enabled: false }} }}");

    private protected static EffectivePolicy Parse(string text) =>
        PolicyReader.Parse([new PolicyFile("p.yaml", System.Text.Encoding.UTF8.GetBytes(text + "\n"))], new LogFacts(HasJournal: true, _ => false));

    private protected static Action<WatchStage> Dying(WatchStage at) => stage =>
    {
        if (stage == at) throw new KilledException();
    };

    private protected void Rounds(EffectivePolicy policy, int count, Action<WatchStage>? passing = null, Action? then = null)
    {
        for (int i = 0; i < count; i++)
        {
            Round(policy, units, passing);
            then?.Invoke();
            Pass();
        }
    }

    private protected void Pass()
    {
        clock.Now += TimeSpan.FromSeconds(5);
        units.Pass(TimeSpan.FromSeconds(5));
    }

    // Each with a state of its own, as a program that was started anew would have.
    private protected void Round(EffectivePolicy policy, ModelUnits on, Action<WatchStage>? passing)
    {
        using StateDatabase state = Open();
        var session = new Session
        {
            ConfigPath = "/nonexistent/ratewall.yaml",
            ConfigNamed = false,
            StateDirectory = directory.Path,
            Format = OutputFormat.Table,
            Out = output,
            Error = output,
            Time = clock,
        };
        var round = new WatchRound(session, policy, on, state, passing);
        WatchAnswer.Tell(session, round.Run(), round.Acts, always: true);
    }

    private protected StateDatabase Open() => StateDatabase.Open(directory.Path, clock, output);

    private protected string Acts()
    {
        using StateDatabase state = Open();
        return string.Join(", ", state.UnitActs(100).Reverse().Select(a => $"{a.Happened.Act} {a.State}"));
    }

    private protected List<UnitMemory> Memories()
    {
        using StateDatabase state = Open();
        return [.. state.Watches().Select(w => w.Memory)];
    }

    private protected sealed class KilledException : Exception;
}
