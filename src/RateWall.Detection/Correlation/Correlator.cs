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
    private readonly SourceRows sources = new();
    private readonly Rows<WindowRow> windows = new();
    private readonly Rows<TrustRow> trust = new();
    private readonly StampPool stamps = new();
    private readonly List<string> names = [];
    private readonly int[] named = new int[64];
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
    public IEnumerable<WindowState> Changed
    {
        get
        {
            for (int i = 0; i < windows.Count; i++)
                if (windows[i].Window.Changed) yield return new(IdOf(windows[i]), windows[i].Window.Stamps.ToArray());
        }
    }

    /// <summary>Keys that logged in since the last <see cref="Clear"/>, the latest time of each.</summary>
    public IEnumerable<SuccessSeen> Successes
    {
        get
        {
            for (int i = 0; i < trust.Count; i++)
                if (trust[i].Seen is { } seen) yield return new(sources[trust[i].Source].Key, services[trust[i].Family].Family, seen);
        }
    }

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
                Succeeded(sources.FindOrAdd(keys.KeyOf(attempt.Source)), service, attempt.UnixMilliseconds);
                break;
            case AttemptKind.Failure or AttemptKind.Invalid when detection.Failures is { } failures:
                int source = SourceOf(attempt);
                long factor = IsTrusted(source, service, attempt.UnixMilliseconds) ? detection.TrustedFactor : 1;
                Count(attempt, source, service * 2, failures.Within, failures.Count * factor, offences);
                break;
            case AttemptKind.Probe when detection.Probes is { } probes:
                int prober = SourceOf(attempt);
                if (IsTrusted(prober, service, attempt.UnixMilliseconds)) break;
                Count(attempt, prober, (service * 2) + 1, probes.Within, probes.Count, offences);
                break;
        }
    }

    /// <summary>Drops the stamps of a key at or before a time, in memory (a pardon given meanwhile).</summary>
    public void Forget(AddressPrefix key, long upToUnixMilliseconds)
    {
        int source = sources.Find(key);
        if (source < 0) return;
        for (int row = sources[source].Window; row != 0; row = windows[row - 1].Next)
            windows[row - 1].Window.Forget(upToUnixMilliseconds);
    }

    /// <summary>Forgets what has been saved; windows are loaded again when they are next touched.</summary>
    public void Clear()
    {
        sources.Clear();
        windows.Clear();
        trust.Clear();
        stamps.Clear();
    }

    // Whom an attempt is about, or -1 when so many are known that neither a window nor trust would find room.
    private int SourceOf(in Attempt attempt)
    {
        AddressPrefix key = keys.KeyOf(attempt.Source);
        return sources.Count < 2L * maxWindows ? sources.FindOrAdd(key) : sources.Find(key);
    }

    private void Count(in Attempt attempt, int source, int slot, TimeSpan within, long threshold, ICollection<Offence> offences)
    {
        int times = Math.Clamp(attempt.Count, 1, 10_000);
        int row = source < 0 ? -1 : WindowOf(source, slot);
        if (row < 0)
        {
            Overflowed += times;
            return;
        }

        ref SlidingWindow window = ref windows[row].Window;
        long length = (long)within.TotalMilliseconds;
        window.Add(attempt.UnixMilliseconds, times, length, stamps);
        if (window.Count < threshold) return;
        (int count, long since) = window.Fullest(attempt.UnixMilliseconds, length);
        if (count < threshold) return;
        window.Reset();
        WindowId id = IdOf(windows[row]);
        offences.Add(new(
            id.Detection, id.Service, id.Key, DateTimeOffset.FromUnixTimeMilliseconds(attempt.UnixMilliseconds), count,
            DateTimeOffset.FromUnixTimeMilliseconds(since), within));
    }

    // The row of the source's window, or -1 when there is no room for another.
    private int WindowOf(int source, int slot)
    {
        for (int row = sources[source].Window; row != 0; row = windows[row - 1].Next)
            if (windows[row - 1].Slot == slot) return row - 1;
        if (windows.Count >= maxWindows) return -1;
        int added = windows.Add();
        windows[added] = new() { Source = source, Slot = slot, Next = sources[source].Window };
        sources[source].Window = added + 1;
        windows[added].Window.Load(state.LoadWindow(IdOf(windows[added])), stamps);
        return added;
    }

    private void Succeeded(int source, int service, long stamp)
    {
        int row = TrustOf(source, families[service]);
        if (row < 0) row = AddTrust(source, families[service], Remembered(source, service));
        sources[source].NeverIn &= (ushort)~SourceRow.BitOf(families[service]);
        ref TrustRow known = ref trust[row];
        known.Last = Later(known.Last, stamp);
        known.Seen = Later(known.Seen, stamp);
    }

    private bool IsTrusted(int source, int service, long stamp)
    {
        if (source < 0) return false;
        ref SourceRow who = ref sources[source];
        ushort bit = SourceRow.BitOf(families[service]);
        if ((who.NeverIn & bit) != 0) return false;
        int row = TrustOf(source, families[service]);
        long? last = row >= 0 ? trust[row].Last : Remembered(source, service);
        if (last is null && bit != 0)
        {
            who.NeverIn |= bit;
            return false;
        }

        // Bounded like the windows: beyond that the storage is asked each time.
        if (row < 0 && trust.Count < maxWindows) AddTrust(source, families[service], last);
        return last is { } success && stamp - success <= trustMilliseconds;
    }

    private int TrustOf(int source, int family)
    {
        for (int row = sources[source].Trust; row != 0; row = trust[row - 1].Next)
            if (trust[row - 1].Family == family) return row - 1;
        return -1;
    }

    private int AddTrust(int source, int family, long? last)
    {
        int added = trust.Add();
        trust[added] = new() { Source = source, Family = family, Last = last, Next = sources[source].Trust };
        sources[source].Trust = added + 1;
        return added;
    }

    private long? Remembered(int source, int service) => state.LastSuccess(sources[source].Key, services[service].Family);

    private static long Later(long? before, long stamp) => before is { } known && known > stamp ? known : stamp;

    // Rules name their services with few strings, over and over: the same object is the same service.
    private int IndexOf(string service)
    {
        for (int i = 0; i < names.Count; i++)
            if (ReferenceEquals(names[i], service)) return named[i];
        int index = Array.FindIndex(services, s => s.Service == service);
        if (names.Count == named.Length) return index;
        named[names.Count] = index;
        names.Add(service);
        return index;
    }

    private WindowId IdOf(in WindowRow row) =>
        new(row.Slot % 2 == 1 ? Probes : Failures, services[row.Slot / 2].Service, sources[row.Source].Key);

    private static bool IsSound(Threshold? threshold) =>
        threshold is null || (threshold.Count is >= 1 and <= 10_000 && threshold.Within > TimeSpan.Zero);

    private struct WindowRow
    {
        public SlidingWindow Window;

        /// <summary>The number of the source's row.</summary>
        public int Source;

        /// <summary>Twice the service's number, plus 1 for probes.</summary>
        public int Slot;

        /// <summary>The source's next window, plus 1.</summary>
        public int Next;
    }

    private struct TrustRow
    {
        /// <summary>The last success ever, or null.</summary>
        public long? Last;

        /// <summary>The last one seen since the last save, or null.</summary>
        public long? Seen;

        /// <summary>The number of the source's row.</summary>
        public int Source;

        /// <summary>The number of the first service of the family.</summary>
        public int Family;

        /// <summary>The source's next trust, plus 1.</summary>
        public int Next;
    }
}
