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
    private readonly HashSet<string> services;
    private readonly List<Offence> offences = [];
    private readonly List<EvidenceLine> evidence = [];

    /// <param name="policy">What is detected where.</param>
    /// <param name="keys">Makes keys.</param>
    /// <param name="state">The past.</param>
    /// <param name="users">Hashes names of users as those in <paramref name="state"/> were.</param>
    public StepRecorder(EffectivePolicy policy, SourceKeys keys, ICorrelationState state, UserNames users)
    {
        this.keys = keys;
        services = policy.Enabled.Select(s => s.Name).ToHashSet(StringComparer.Ordinal);
        ServiceDetection[] detections = [.. policy.Enabled.Select(s => new ServiceDetection(s.Name, s.Family, s.Detections, policy.Trust.Factor))];
        correlator = new(detections, keys, state, users, policy.Trust.For);
    }

    /// <summary>Who was forgiven what; read anew before each step.</summary>
    public Pardons Pardons { get; set; } = Pardons.None;

    /// <summary>False: lines are not kept as evidence.</summary>
    public bool KeepsEvidence { get; init; } = true;

    /// <summary>What is known of open connections; null where they are not looked at.</summary>
    public ConnectionWatch? Connections { get; set; }

    /// <summary>Detections that fired since the last <see cref="Clear"/>, in order.</summary>
    public IReadOnlyList<Offence> Offences
    {
        get
        {
            correlator.Finish();
            return offences;
        }
    }

    /// <summary>Tries seen in this run.</summary>
    public long Attempts => correlator.Attempts;

    /// <summary>Tries that found no room for a new window.</summary>
    public long Overflowed => correlator.Overflowed;

    /// <summary>Takes an attempt that was read from the log its service is configured to.</summary>
    public void Observe(in Attempt attempt)
    {
        if (!services.Contains(attempt.Service)) return;
        if (!attempt.HasSource)
        {
            correlator.Enqueue(attempt, offences);
            return;
        }

        Connections?.Observe(attempt);
        AddressPrefix key = keys.KeyOf(attempt.Source);
        if (attempt.UnixMilliseconds <= Pardons.ForgivenUpTo(key)) return;
        correlator.Enqueue(attempt, offences);
        if (KeepsEvidence && attempt.Kind is not (AttemptKind.None or AttemptKind.Success)) Keep(attempt, key);
    }

    /// <summary>Takes an offence that was found outside the log, and what is to be said of it.</summary>
    public void Observe(Offence offence, IEnumerable<EvidenceLine> lines)
    {
        correlator.Observe(offence, offences);
        evidence.AddRange(lines);
    }

    /// <summary>Takes a look at a service's connections.</summary>
    public void Observe(in ServiceSample sample) => correlator.Observe(sample);

    /// <summary>What the step came to so far; <see cref="Clear"/> follows when it has been written down.</summary>
    public CorrelatedStep Take(string source, string? cursor, IReadOnlyList<PendingNote> notes) => new()
    {
        Source = source,
        Cursor = cursor,
        Offences = [.. Offences],
        Windows = [.. correlator.Changed, .. Connections?.Changed ?? []],
        Successes = [.. correlator.Successes],
        Logins = [.. correlator.Logins],
        Sieges = [.. correlator.Sieges],
        Notes = notes,
        Evidence = [.. evidence],
    };

    /// <summary>Forgets what has been written down.</summary>
    public void Clear()
    {
        correlator.Clear();
        offences.Clear();
        evidence.Clear();
    }

    private void Keep(in Attempt attempt, AddressPrefix key)
    {
        ReadOnlySpan<byte> line = attempt.Line.Length > EvidenceLine.MaxLength ? attempt.Line[..EvidenceLine.MaxLength] : attempt.Line;
        evidence.Add(new(attempt.Service, key, attempt.UnixMilliseconds, line.ToArray()));
    }
}
