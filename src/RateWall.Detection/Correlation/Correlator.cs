namespace RateWall.Detection.Correlation;

/// <summary>What the correlator must be told about the past. Implemented by the storage, and in memory for replays.</summary>
public interface ICorrelationState
{
    /// <summary>The stamps (milliseconds since 1970, ascending) of a window as the last run left it; empty when unknown.</summary>
    IReadOnlyList<long> LoadWindow(in WindowId window);

    /// <summary>When the key last logged in successfully at a service of this family, in ms since 1970; null: never.</summary>
    long? LastSuccess(AddressPrefix key, string family);
}

/// <summary>A window that changed: what the storage writes. No stamps: the row goes.</summary>
public sealed record WindowState(WindowId Window, IReadOnlyList<long> Stamps);

/// <summary>A success that was seen.</summary>
public readonly record struct SuccessSeen(AddressPrefix Key, string Family, long UnixMilliseconds);

/// <summary>Attempts in, offences out: exact sliding windows over the last N times of a key. No clock, no I/O.</summary>
public sealed class Correlator
{
    private const string Failures = "failures";
    private const string Probes = "probes";

    private readonly ServiceDetection[] services;
    private readonly SourceKeys keys;
    private readonly ICorrelationState state;
    private readonly long trustMilliseconds;
    private readonly int maxWindows;
    private readonly Dictionary<Slot, SlidingWindow> windows = [];
    private readonly Dictionary<Slot, Trust> trust = [];
    private readonly int[] families;

    /// <param name="services">What is detected where; attempts at other services are counted and dropped.</param>
    /// <param name="keys">Makes the key of a source.</param>
    /// <param name="state">The past.</param>
    /// <param name="trustFor">How long after a success a key is trusted.</param>
    /// <param name="maxWindows">The most windows held; beyond it new keys are counted in <see cref="Overflowed"/> only.</param>
    /// <exception cref="ArgumentOutOfRangeException">A threshold or factor is out of its range.</exception>
    public Correlator(IReadOnlyList<ServiceDetection> services, SourceKeys keys, ICorrelationState state, TimeSpan trustFor, int maxWindows = 1_000_000)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(keys);
        ArgumentNullException.ThrowIfNull(state);
        foreach (ServiceDetection service in services)
        {
            if (!IsSound(service.Failures) || !IsSound(service.Probes) || service.TrustedFactor < 1)
                throw new ArgumentOutOfRangeException(nameof(services), $"{service}: a count is 1 to 10000, a time is positive, a factor at least 1");
        }

        this.services = [.. services];
        families = [.. services.Select(s => Array.FindIndex(this.services, f => f.Family == s.Family))];
        this.keys = keys;
        this.state = state;
        trustMilliseconds = (long)trustFor.TotalMilliseconds;
        this.maxWindows = maxWindows;
    }

    /// <summary>Attempts seen (by their <see cref="Attempt.Count"/>).</summary>
    public long Attempts { get; private set; }

    /// <summary>Attempts that found no room for a new window.</summary>
    public long Overflowed { get; private set; }

    /// <summary>Windows that changed since the last <see cref="Clear"/>.</summary>
    public IEnumerable<WindowState> Changed =>
        windows.Where(w => w.Value.Changed).Select(w => new WindowState(IdOf(w.Key), w.Value.Stamps.ToArray()));

    /// <summary>Keys that logged in since the last <see cref="Clear"/>, the latest time of each.</summary>
    public IEnumerable<SuccessSeen> Successes =>
        trust.Where(t => t.Value.Seen is not null).Select(t => new SuccessSeen(t.Key.Key, services[t.Key.Service].Family, t.Value.Seen!.Value));

    /// <summary>
    /// Takes one attempt; a fired detection is added to <paramref name="offences"/> and its window starts anew. An
    /// attempt fires at most one offence, however many tries it stands for.
    /// </summary>
    public void Observe(in Attempt attempt, ICollection<Offence> offences)
    {
        ArgumentNullException.ThrowIfNull(offences);
        Attempts += Math.Max(1, attempt.Count);
        int service = IndexOf(attempt.Service);
        if (service < 0 || !attempt.HasSource) return;
        ServiceDetection detection = services[service];
        switch (attempt.Kind)
        {
            case AttemptKind.Success:
                Succeeded(keys.KeyOf(attempt.Source), service, attempt.UnixMilliseconds);
                break;
            case AttemptKind.Failure or AttemptKind.Invalid when detection.Failures is { } failures:
                AddressPrefix key = keys.KeyOf(attempt.Source);
                long factor = IsTrusted(key, service, attempt.UnixMilliseconds) ? detection.TrustedFactor : 1;
                Count(attempt, new(service, IsProbe: false, key), failures.Within, failures.Count * factor, offences);
                break;
            case AttemptKind.Probe when detection.Probes is { } probes:
                AddressPrefix prober = keys.KeyOf(attempt.Source);
                if (IsTrusted(prober, service, attempt.UnixMilliseconds)) break;
                Count(attempt, new(service, IsProbe: true, prober), probes.Within, probes.Count, offences);
                break;
        }
    }

    /// <summary>Drops the stamps of a key at or before a time, in memory (a pardon given meanwhile).</summary>
    public void Forget(AddressPrefix key, long upToUnixMilliseconds)
    {
        foreach ((Slot slot, SlidingWindow window) in windows)
            if (slot.Key == key) window.Forget(upToUnixMilliseconds);
    }

    /// <summary>Forgets what has been saved; windows are loaded again when they are next touched.</summary>
    public void Clear()
    {
        windows.Clear();
        trust.Clear();
    }

    private void Count(in Attempt attempt, Slot slot, TimeSpan within, long threshold, ICollection<Offence> offences)
    {
        int times = Math.Clamp(attempt.Count, 1, 10_000);
        if (!windows.TryGetValue(slot, out SlidingWindow? window))
        {
            if (windows.Count >= maxWindows)
            {
                Overflowed += times;
                return;
            }

            window = new();
            window.Load(state.LoadWindow(IdOf(slot)));
            windows.Add(slot, window);
        }

        long length = (long)within.TotalMilliseconds;
        window.Add(attempt.UnixMilliseconds, times, length);
        if (window.Stamps.Length < threshold) return;
        (int count, long since) = window.Fullest(attempt.UnixMilliseconds, length);
        if (count < threshold) return;
        window.Reset();
        offences.Add(new(
            slot.IsProbe ? Probes : Failures, services[slot.Service].Service, slot.Key,
            DateTimeOffset.FromUnixTimeMilliseconds(attempt.UnixMilliseconds), count,
            DateTimeOffset.FromUnixTimeMilliseconds(since), within));
    }

    private void Succeeded(AddressPrefix key, int service, long stamp)
    {
        var who = new Slot(families[service], IsProbe: false, key);
        Trust known = TrustOf(who);
        trust[who] = new(Later(known.Last, stamp), Later(known.Seen, stamp));
    }

    private bool IsTrusted(AddressPrefix key, int service, long stamp)
    {
        var who = new Slot(families[service], IsProbe: false, key);
        Trust known = TrustOf(who);
        // Bounded like the windows: beyond that the storage is asked each time.
        if (trust.Count < maxWindows) trust.TryAdd(who, known);
        return known.Last is { } success && stamp - success <= trustMilliseconds;
    }

    private Trust TrustOf(Slot who) =>
        trust.TryGetValue(who, out Trust known) ? known : new(state.LastSuccess(who.Key, services[who.Service].Family), null);

    private static long Later(long? before, long stamp) => before is { } known && known > stamp ? known : stamp;

    private int IndexOf(string service)
    {
        for (int i = 0; i < services.Length; i++)
            if (services[i].Service == service) return i;
        return -1;
    }

    private WindowId IdOf(Slot slot) => new(slot.IsProbe ? Probes : Failures, services[slot.Service].Service, slot.Key);

    private static bool IsSound(Threshold? threshold) =>
        threshold is null || (threshold.Count is >= 1 and <= 10_000 && threshold.Within > TimeSpan.Zero);

    /// <param name="Last">The last success ever, or null.</param>
    /// <param name="Seen">The last one seen since the last save, or null.</param>
    private readonly record struct Trust(long? Last, long? Seen);

    private readonly record struct Slot(int Service, bool IsProbe, AddressPrefix Key)
    {
        // The address says enough; the run-time's own combination over all fields costs three times as much.
        public override int GetHashCode() =>
            HashCode.Combine((ulong)(Key.Address.Value >> 64), (ulong)Key.Address.Value, (Service * 2) + (IsProbe ? 1 : 0));
    }
}
