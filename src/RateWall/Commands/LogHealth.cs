using RateWall.Detection.Logs;
using RateWall.Output;
using RateWall.Policy;
using RateWall.Storage;

namespace RateWall.Commands;

/// <summary>Something about the logs that keeps tries from being seen.</summary>
/// <param name="Text">One sentence.</param>
/// <param name="Shapes">The most frequent forms of the lines it is about: hostile text.</param>
internal sealed record LogWarning(string Text, IReadOnlyList<LineShape> Shapes);

/// <summary>Judges what the heartbeat counted: is what the protected services log understood? Pure.</summary>
internal static class LogHealth
{
    // Fewer may be anything; a daemon that changed its lines soon writes more.
    private const int FewSuspects = 5;
    private const int ManySuspects = 20;
    private const int MostShapes = 3;
    private static readonly TimeSpan Silence = TimeSpan.FromDays(1);

    /// <param name="beats">What was counted of each program.</param>
    /// <param name="watchedSince">Since when lines are read; null: never.</param>
    /// <param name="activeUnits">Units of rule files that run now; empty when nobody could be asked.</param>
    /// <param name="policy">Which services are watched.</param>
    /// <param name="rules">The rule files.</param>
    /// <param name="now">The time.</param>
    public static IReadOnlyList<LogWarning> Judge(
        IReadOnlyList<StoredBeat> beats, DateTimeOffset? watchedSince, IReadOnlySet<string> activeUnits, EffectivePolicy policy, RuleSet rules, DateTimeOffset now) =>
        [.. beats.Select(Misunderstood).OfType<LogWarning>(), .. Silent(beats, watchedSince, activeUnits, policy, rules, now)];

    /// <summary>Units of the rule files of watched services, which somebody may ask for; templates cannot be asked for.</summary>
    public static IEnumerable<(string Unit, RuleFileDescription File)> UnitsOf(EffectivePolicy policy, RuleSet rules)
    {
        HashSet<string> watched = [.. policy.Enabled.Where(s => s.Log.File is null).Select(s => s.Name)];
        return rules.Files.Where(f => f.Services.Any(watched.Contains))
            .SelectMany(f => f.Units.Where(u => !u.Contains('@', StringComparison.Ordinal)).Select(u => (u.Contains('.', StringComparison.Ordinal) ? u : u + ".service", f)));
    }

    private static LogWarning? Misunderstood(StoredBeat stored)
    {
        ProgramBeat beat = stored.Beat;
        LineShape[] shapes = [.. beat.Shapes.Take(MostShapes)];
        if (beat.Matched == 0 && beat.Suspect >= FewSuspects)
            return new($"{beat.Program}: {HumanCount.Of(beat.Lines, "line")} read and none understood, although {beat.Suspect} look like failures; see 'ratewall explain' and docs/rules.md", shapes);
        return beat.Suspect >= ManySuspects && beat.Suspect > beat.Matched
            ? new($"{beat.Program}: of {HumanCount.Of(beat.Lines, "line")} read {beat.Matched} are understood, and {beat.Suspect} more look like failures", shapes)
            : null;
    }

    private static IEnumerable<LogWarning> Silent(
        IReadOnlyList<StoredBeat> beats, DateTimeOffset? watchedSince, IReadOnlySet<string> activeUnits, EffectivePolicy policy, RuleSet rules, DateTimeOffset now)
    {
        if (watchedSince is not { } since || now - since < Silence) yield break;
        HashSet<string> heard = [.. beats.Select(b => b.Beat.Program)];
        foreach ((string unit, RuleFileDescription file) in UnitsOf(policy, rules))
        {
            if (activeUnits.Contains(unit) && !heard.Contains(file.Name))
                yield return new($"{unit} runs, and in {HumanTime.Duration(now - since)} not one line of it was read; does it log elsewhere? See 'log' in docs/policy.md", []);
        }
    }
}
