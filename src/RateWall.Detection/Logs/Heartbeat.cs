namespace RateWall.Detection.Logs;

/// <summary>How the lines of a program fared.</summary>
/// <param name="Program">The name of its rule file.</param>
/// <param name="Lines">Lines that it wrote.</param>
/// <param name="Matched">Those that a rule understands.</param>
/// <param name="Suspect">Those that no rule understands and that look like failures.</param>
/// <param name="Shapes">The most frequent forms of the suspect ones.</param>
public sealed record ProgramBeat(string Program, long Lines, long Matched, long Suspect, IReadOnlyList<LineShape> Shapes);

/// <summary>
/// Counts, for programs that have a rule file, what is understood of them: a rule file that fits no more, after an update or
/// a change of the daemon's settings, would otherwise be silence.
/// </summary>
public sealed class Heartbeat
{
    // All of these are looked at; of what is more, in a step of reading that long, one in so many: the rest is counted alike.
    private const int LookedAt = 20_000;
    private const int Sample = 16;
    private const int Nearby = 64;

    private readonly Dictionary<ProgramRules[], Beat> beats = [];
    // Those that were asked for last, by some number: lines of a few programs come in any order.
    private readonly Near[] near = new Near[Nearby];

    /// <summary>What was counted since the last call.</summary>
    public IReadOnlyList<ProgramBeat> Take()
    {
        ProgramBeat[] all =
        [
            .. beats.Values.GroupBy(b => b.Program, StringComparer.Ordinal)
                .Select(same => new ProgramBeat(
                    same.Key, same.Sum(b => b.Matched + b.Unmatched), same.Sum(b => b.Matched), same.Sum(b => b.Suspect),
                    [.. same.SelectMany(b => b.Shapes.All)])),
        ];
        beats.Clear();
        Array.Clear(near);
        return all;
    }

    /// <summary>A rule understands a line.</summary>
    /// <param name="files">The rules of its program.</param>
    /// <param name="number">Their number, where they have one.</param>
    internal void Matched(ProgramRules[] files, int number = 0) => Of(files, number).Matched++;

    /// <summary>No rule understands a line.</summary>
    /// <param name="files">The rules of its program.</param>
    /// <param name="message">Its message.</param>
    /// <param name="number">The number of the rules, where they have one.</param>
    internal void Unmatched(ProgramRules[] files, ReadOnlySpan<byte> message, int number = 0)
    {
        Beat beat = Of(files, number);
        bool sampled = beat.Unmatched++ >= LookedAt;
        if (sampled && beat.Unmatched % Sample != 0) return;
        if (!FailureWords.AreIn(message)) return;
        beat.Suspect += sampled ? Sample : 1;
        beat.Shapes.Add(message);
    }

    private Beat Of(ProgramRules[] files, int number)
    {
        ref Near known = ref near[number % Nearby];
        if (ReferenceEquals(known.Files, files)) return known.Beat;
        if (!beats.TryGetValue(files, out Beat? beat)) beats.Add(files, beat = new(files[0].File.Description.Name));
        known = new(files, beat);
        return beat;
    }

    private readonly record struct Near(ProgramRules[] Files, Beat Beat);

    private sealed class Beat(string program)
    {
        public string Program => program;

        public long Matched { get; set; }

        public long Unmatched { get; set; }

        public long Suspect { get; set; }

        public LineShapes Shapes { get; } = new();
    }
}
