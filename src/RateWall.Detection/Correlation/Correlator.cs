namespace RateWall.Detection.Correlation;

/// <summary>
/// Attempts in, offences and sieges out: exact sliding windows over what a source did last. No clock, no I/O. Here is how
/// the tries of single sources are counted; the other files of this class have what sources do together, and trust.
/// </summary>
public sealed partial class Correlator
{
    private const int TrySlot = 0;
    private const int ProbeSlot = 1;
    private const int LimitSlot = 2;
    private const int Slots = 3;

    private readonly WatchedService[] services;
    private readonly SourceKeys keys;
    private readonly ICorrelationState state;
    private readonly UserNames users;
    private readonly long trustMilliseconds;
    private readonly int maxWindows;
    private readonly SourceRows sources = new();
    private readonly Rows<WindowRow> windows = new();
    private readonly RoomPool<Try> tries = new();
    private readonly List<string> names = [];
    private readonly int[] named = new int[64];

    /// <param name="services">What is detected where; attempts at other services are counted and dropped.</param>
    /// <param name="keys">Makes the key of a source.</param>
    /// <param name="state">The past.</param>
    /// <param name="users">Hashes names of users as those in <paramref name="state"/> were.</param>
    /// <param name="trustFor">How long after a success a key is trusted.</param>
    /// <param name="maxWindows">The most windows held, and the most groups; beyond it new keys are counted in <see cref="Overflowed"/> only.</param>
    /// <exception cref="ArgumentOutOfRangeException">A threshold or factor is out of its range.</exception>
    public Correlator(
        IReadOnlyList<ServiceDetection> services, SourceKeys keys, ICorrelationState state, UserNames users, TimeSpan trustFor,
        int maxWindows = 1_000_000)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(keys);
        ArgumentNullException.ThrowIfNull(state);
        ArgumentNullException.ThrowIfNull(users);
        foreach (ServiceDetection service in services)
        {
            if (!service.Set.IsSound || service.TrustedFactor < 1)
                throw new ArgumentOutOfRangeException(nameof(services), $"{service}: a count is 1 to 10000 (1000 of a network or an account), a time is positive, a factor at least 1");
        }

        string[] families = [.. services.Select(s => s.Family)];
        this.services = [.. services.Select(s => new WatchedService(s, Array.IndexOf(families, s.Family)))];
        this.keys = keys;
        this.state = state;
        this.users = users;
        trustMilliseconds = (long)trustFor.TotalMilliseconds;
        this.maxWindows = maxWindows;
    }

    /// <summary>Attempts seen (by their <see cref="Attempt.Count"/>).</summary>
    public long Attempts { get; private set; }

    /// <summary>Attempts that found no room for a new window; each raises siege where it was made.</summary>
    public long Overflowed { get; private set; }

    /// <summary>Windows that changed since the last <see cref="Clear"/>.</summary>
    public IEnumerable<WindowState> Changed
    {
        get
        {
            for (int i = 0; i < windows.Count; i++)
                if (windows[i].Window.Changed) yield return new(IdOf(windows[i]), Marks(windows[i].Window.Tries(tries)));
            foreach (WindowState together in ChangedTogether()) yield return together;
        }
    }

    /// <summary>
    /// Takes one attempt; detections that fired are added to <paramref name="offences"/>, and what they stood on starts anew.
    /// An attempt fires at most one offence of its own source, however many tries it stands for; that one may complete one of
    /// the source's network, and the attempt one of the account, which is an offence of each source that tried it.
    /// </summary>
    public void Observe(in Attempt attempt, ICollection<Offence> offences)
    {
        ArgumentNullException.ThrowIfNull(offences);
        Attempts += Math.Max(1, attempt.Count);
        int service = IndexOf(attempt.Service);
        if (service < 0) return;
        if (!attempt.HasSource)
        {
            // The daemon itself says that it is full, and of nobody.
            if (attempt.Kind == AttemptKind.Limit) RaiseSiege(services[service], DetectionName.DaemonLimit, attempt.UnixMilliseconds, 1);
            return;
        }

        switch (attempt.Kind)
        {
            case AttemptKind.Success:
                Succeeded(attempt, service);
                break;
            case AttemptKind.Failure or AttemptKind.Invalid:
                Failed(attempt, service, offences);
                break;
            case AttemptKind.Probe when services[service].Set.Probes is { } probes:
                CountUntrusted(attempt, service, ProbeSlot, DetectionName.Probes, probes, offences);
                break;
            case AttemptKind.Limit:
                if (services[service].Set.DaemonLimit is { } limit)
                    CountUntrusted(attempt, service, LimitSlot, DetectionName.DaemonLimit, limit, offences);
                break;
        }
    }

    /// <summary>Drops what is known of a key at or before a time, in memory (a pardon given meanwhile).</summary>
    public void Forget(AddressPrefix key, long upToUnixMilliseconds)
    {
        int source = sources.Find(key);
        if (source < 0) return;
        for (int row = sources[source].Window; row != 0; row = windows[row - 1].Next)
            windows[row - 1].Window.Forget(upToUnixMilliseconds, tries);
    }

    /// <summary>Forgets what has been saved; it is loaded again when it is next touched.</summary>
    public void Clear()
    {
        sources.Clear();
        windows.Clear();
        tries.Clear();
        ClearTrust();
        ClearTogether();
    }

    private void Failed(in Attempt attempt, int service, ICollection<Offence> offences)
    {
        WatchedService at = services[service];
        // While the name is hashed its source comes nearer.
        AddressPrefix key = keys.KeyOf(attempt.Source);
        sources.Ask(key);
        ulong user = users.HashOf(attempt.User);
        int source = SourceOf(key);
        if (source < 0)
        {
            Overflow(attempt, at);
            return;
        }

        AskForRows(source);
        long stamp = attempt.UnixMilliseconds;
        Standing standing = StandingOf(source, at, stamp);
        if (at.CountsTries && !CountTry(attempt, source, service, standing, user, offences)) return;
        if (standing == Standing.Stranger && user != 0 && at.Set.Account is { } account)
            CountSourceOfAccount(attempt, sources[source].Address, user, service, account, offences);
        if (standing != Standing.Trusted) CountFailing(sources[source].Address, stamp, at);
    }

    // False when the try does not count, because the same mistake was made by the same user within the hour.
    private bool CountTry(in Attempt attempt, int source, int service, Standing standing, ulong user, ICollection<Offence> offences)
    {
        WatchedService at = services[service];
        long stamp = attempt.UnixMilliseconds;
        int row = WindowOf(source, service, TrySlot);
        if (row < 0)
        {
            Overflow(attempt, at);
            return true;
        }

        ref SlidingWindow window = ref windows[row].Window;
        var made = new Try(stamp, user);
        int times = Times(attempt);
        if (standing != Standing.Stranger && user != 0 && HasLoggedIn(source, at, user, stamp))
        {
            made = new(stamp, user | 1);
            if (window.Holds(made.User, stamp, WatchedService.PairMilliseconds, tries)) return false;
            times = 1;
        }

        window.Add(made, times, at.Reach, at.MostTries, tries);
        bool trusted = standing == Standing.Trusted;
        long factor = trusted ? at.TrustedFactor : 1;
        Threshold? many = trusted ? at.Set.Users?.Trusted : at.Set.Users?.Stranger;
        string fired;
        Threshold crossed;
        if (at.Set.Failures is { } failures && window.Reaches(stamp, failures.Milliseconds, failures.Count * factor, tries, out int found, out long since))
            (fired, crossed) = (DetectionName.Failures, failures);
        else if (many is not null && made.IsStrangers && window.ReachesNames(stamp, many.Milliseconds, many.Count, tries, out found, out since))
            (fired, crossed) = (DetectionName.Users, many);
        else if (at.Set.Slow is { } slow && window.Reaches(stamp, slow.Milliseconds, slow.Count * factor, tries, out found, out since))
            (fired, crossed) = (DetectionName.Slow, slow);
        else
            return true;
        Offended(row, service, new(fired, at.Name, sources[source].Key, Time(stamp), found, Time(since), crossed.Within) { Trusted = trusted }, offences);
        return true;
    }

    // What a trusted source may do as often as it likes.
    private void CountUntrusted(in Attempt attempt, int service, int slot, string detection, Threshold threshold, ICollection<Offence> offences)
    {
        WatchedService at = services[service];
        long stamp = attempt.UnixMilliseconds;
        int source = SourceOf(keys.KeyOf(attempt.Source));
        if (source >= 0 && StandingOf(source, at, stamp) == Standing.Trusted) return;
        int row = source < 0 ? -1 : WindowOf(source, service, slot);
        if (row < 0)
        {
            Overflow(attempt, at);
            return;
        }

        ref SlidingWindow window = ref windows[row].Window;
        window.Add(new(stamp, 0), Times(attempt), 2 * threshold.Milliseconds, threshold.Count + WatchedService.MostOfALine, tries);
        if (!window.Reaches(stamp, threshold.Milliseconds, threshold.Count, tries, out int found, out long since)) return;
        Offended(row, service, new(detection, at.Name, sources[source].Key, Time(stamp), found, Time(since), threshold.Within), offences);
    }

    private void Offended(int row, int service, Offence offence, ICollection<Offence> offences)
    {
        windows[row].Window.Reset();
        offences.Add(offence);
        if (services[service].Set.Prefix is { } prefix) CountOffender(offence, service, prefix, offences);
    }

    // Whom an attempt is about, or -1 when so many are known that neither a window nor trust would find room.
    private int SourceOf(AddressPrefix key) => sources.Count < 2L * maxWindows ? sources.FindOrAdd(key) : sources.Find(key);

    // Its first window and its first trust, side by side and not one after the other.
    private void AskForRows(int source)
    {
        ref SourceRow who = ref sources[source];
        if (who.Window != 0) MemoryAhead.Ask(ref windows[who.Window - 1]);
        if (who.Trust != 0) MemoryAhead.Ask(ref trust[who.Trust - 1]);
    }

    // The row of the source's window, or -1 when there is no room for another.
    private int WindowOf(int source, int service, int slot)
    {
        slot += service * Slots;
        for (int row = sources[source].Window; row != 0; row = windows[row - 1].Next)
            if (windows[row - 1].Slot == slot) return row - 1;
        if (windows.Count >= maxWindows) return -1;
        int added = windows.Add();
        windows[added] = new() { Source = source, Slot = slot, Next = sources[source].Window };
        sources[source].Window = added + 1;
        windows[added].Window.Load(state.LoadWindow(IdOf(windows[added])), tries);
        return added;
    }

    private void Overflow(in Attempt attempt, WatchedService at)
    {
        Overflowed += Times(attempt);
        RaiseSiege(at, DetectionName.Memory, attempt.UnixMilliseconds, Times(attempt));
    }

    private static int Times(in Attempt attempt) => Math.Clamp(attempt.Count, 1, WatchedService.MostOfALine);

    private static DateTimeOffset Time(long stamp) => DateTimeOffset.FromUnixTimeMilliseconds(stamp);

    // Rules name their services with few strings, over and over: the same object is the same service.
    private int IndexOf(string service)
    {
        for (int i = 0; i < names.Count; i++)
            if (ReferenceEquals(names[i], service)) return named[i];
        int index = Array.FindIndex(services, s => s.Name == service);
        if (names.Count == named.Length) return index;
        named[names.Count] = index;
        names.Add(service);
        return index;
    }

    private WindowId IdOf(in WindowRow row) => new(
        (row.Slot % Slots) switch { TrySlot => WindowId.Tries, ProbeSlot => DetectionName.Probes, _ => DetectionName.DaemonLimit },
        services[row.Slot / Slots].Name, sources[row.Source].Key);

    private static WindowMark[] Marks(ReadOnlySpan<Try> held)
    {
        var marks = new WindowMark[held.Length];
        for (int i = 0; i < marks.Length; i++) marks[i] = new(held[i].UnixMilliseconds, 0, held[i].User);
        return marks;
    }

    private struct WindowRow
    {
        public SlidingWindow Window;

        /// <summary>The number of the source's row.</summary>
        public int Source;

        /// <summary>The service's number times <see cref="Slots"/>, plus what is counted.</summary>
        public int Slot;

        /// <summary>The source's next window, plus 1.</summary>
        public int Next;
    }
}
