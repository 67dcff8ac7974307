using RateWall.Detection;
using RateWall.Detection.Correlation;
using RateWall.Detection.Logs;
using RateWall.Policy;
using RateWall.Storage;

namespace RateWall.Commands;

/// <summary>Collects what one step of reading comes to: attempts go in, offences, windows, trust and evidence come out.</summary>
internal sealed class StepRecorder
{
    private readonly Correlator correlator;
    private readonly SourceKeys keys;
    private readonly ICorrelationState state;
    private readonly TimeSpan trustFor;
    private readonly Dictionary<string, string> families;
    private readonly Dictionary<(AddressPrefix Key, string Family), long> successes = [];
    private readonly List<Offence> offences = [];
    private readonly List<Finding> findings = [];
    private readonly List<EvidenceLine> evidence = [];

    /// <param name="policy">What is detected where.</param>
    /// <param name="keys">Makes keys.</param>
    /// <param name="state">The past.</param>
    public StepRecorder(EffectivePolicy policy, SourceKeys keys, ICorrelationState state)
    {
        this.keys = keys;
        this.state = state;
        trustFor = policy.Trust.For;
        families = policy.Enabled.ToDictionary(s => s.Name, s => s.Family, StringComparer.Ordinal);
        ServiceDetection[] detections =
            [.. policy.Enabled.Select(s => new ServiceDetection(s.Name, s.Family, s.Failures, s.Probes, policy.Trust.Factor))];
        correlator = new(detections, keys, state, trustFor);
    }

    /// <summary>Who was forgiven what; read anew before each step.</summary>
    public Pardons Pardons { get; set; } = Pardons.None;

    /// <summary>Tries seen in this run.</summary>
    public long Attempts => correlator.Attempts;

    /// <summary>Tries that found no room for a new window.</summary>
    public long Overflowed => correlator.Overflowed;

    /// <summary>Takes an attempt that was read from the log its service is configured to.</summary>
    public void Observe(in Attempt attempt)
    {
        if (!families.TryGetValue(attempt.Service, out string? family)) return;
        if (!attempt.HasSource)
        {
            correlator.Observe(attempt, offences);
            return;
        }

        AddressPrefix key = keys.KeyOf(attempt.Source);
        if (attempt.UnixMilliseconds <= Pardons.ForgivenUpTo(key)) return;
        correlator.Observe(attempt, offences);
        foreach (Offence offence in offences) findings.Add(new(offence, IsTrusted(offence, family)));
        offences.Clear();
        if (attempt.Kind == AttemptKind.Success) Remember(key, family, attempt.UnixMilliseconds);
        else if (attempt.Kind is not AttemptKind.None) Keep(attempt, key);
    }

    /// <summary>What the step came to so far; <see cref="Clear"/> follows when it has been written down.</summary>
    public CorrelatedStep Take(string source, string? cursor, IReadOnlyList<PendingNote> notes) => new()
    {
        Source = source,
        Cursor = cursor,
        Findings = [.. findings],
        Windows = [.. correlator.Changed],
        Successes = [.. correlator.Successes],
        Notes = notes,
        Evidence = [.. evidence],
    };

    /// <summary>Forgets what has been written down.</summary>
    public void Clear()
    {
        correlator.Clear();
        findings.Clear();
        successes.Clear();
        evidence.Clear();
    }

    // The state knows successes of earlier steps; those of this one are only here.
    private bool IsTrusted(Offence offence, string family)
    {
        long at = offence.At.ToUnixTimeMilliseconds();
        long? last = successes.TryGetValue((offence.Key, family), out long seen) ? seen : state.LastSuccess(offence.Key, family);
        return last is { } success && success <= at && at - success < (long)trustFor.TotalMilliseconds;
    }

    private void Remember(AddressPrefix key, string family, long at)
    {
        if (!successes.TryGetValue((key, family), out long known) || at > known) successes[(key, family)] = at;
    }

    private void Keep(in Attempt attempt, AddressPrefix key)
    {
        ReadOnlySpan<byte> line = attempt.Line.Length > EvidenceLine.MaxLength ? attempt.Line[..EvidenceLine.MaxLength] : attempt.Line;
        evidence.Add(new(attempt.Service, key, attempt.UnixMilliseconds, line.ToArray()));
    }
}
