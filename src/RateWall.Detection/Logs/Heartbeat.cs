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

    // Words of failures, without the first letter, which may be a capital.
    private static readonly byte[][] Words = [.. ((string[])["failed", "failure", "invalid", "denied", "refused", "rejected", "incorrect", "unknown user"]).Select(w => System.Text.Encoding.ASCII.GetBytes(w[1..]))];

    private readonly Dictionary<ProgramRules[], Beat> beats = [];
    private ProgramRules[]? latest;
    private Beat? latestBeat;

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
        latest = null;
        return all;
    }

    internal void Matched(ProgramRules[] files) => Of(files).Matched++;

    internal void Unmatched(ProgramRules[] files, ReadOnlySpan<byte> message)
    {
        Beat beat = Of(files);
        bool sampled = beat.Unmatched++ >= LookedAt;
        if (sampled && beat.Unmatched % Sample != 0) return;
        if (!LooksLikeFailure(message)) return;
        beat.Suspect += sampled ? Sample : 1;
        beat.Shapes.Add(message);
    }

    internal static bool LooksLikeFailure(ReadOnlySpan<byte> message)
    {
        foreach (byte[] word in Words)
            if (message.IndexOf(word) > 0) return true;
        return false;
    }

    private Beat Of(ProgramRules[] files)
    {
        if (ReferenceEquals(files, latest)) return latestBeat!;
        if (!beats.TryGetValue(files, out Beat? beat)) beats.Add(files, beat = new(files[0].File.Description.Name));
        (latest, latestBeat) = (files, beat);
        return beat;
    }

    private sealed class Beat(string program)
    {
        public string Program => program;

        public long Matched { get; set; }

        public long Unmatched { get; set; }

        public long Suspect { get; set; }

        public LineShapes Shapes { get; } = new();
    }
}
