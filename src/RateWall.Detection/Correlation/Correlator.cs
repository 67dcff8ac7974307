namespace RateWall.Detection.Correlation;

/// <summary>
/// Attempts in, offences and sieges out: exact sliding windows over what a source did last. No clock, no I/O. Here is how
/// the tries of single sources are counted; the other files of this class have what sources do together, and trust.
/// </summary>
public sealed partial class Correlator
{
    private readonly WatchedService[] services;
    private readonly SourceKeys keys;
    private readonly ICorrelationState state;
    private readonly UserNames users;
    private readonly long trustMilliseconds;
    private readonly int maxWindows;
    private readonly SourceRows sources = new();
    private readonly (string? Name, int Service)[] named = new (string?, int)[64];
    private long overflowed;

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

        ArgumentOutOfRangeException.ThrowIfGreaterThan(services.Count, ushort.MaxValue / Slots, nameof(services));
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
    public long Overflowed
    {
        get
        {
            Finish();
            return overflowed;
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
        Finish();
        ObservedTry made = default;
        if (Take(attempt, ref made)) Count(ref made, offences);
    }

    /// <summary>Drops what is known of a key at or before a time, in memory (a pardon given meanwhile).</summary>
    public void Forget(AddressPrefix key, long upToUnixMilliseconds)
    {
        Finish();
        int source = sources.Find(key);
        if (source < 0) return;
        if (sources[source].WindowNumber != 0) sources[source].Window.Forget(upToUnixMilliseconds, tries);
        for (int other = sources[source].OtherWindow; other != 0; other = otherWindows[other - 1].Next)
            otherWindows[other - 1].Window.Forget(upToUnixMilliseconds, tries);
    }

    /// <summary>Forgets what has been saved, and what is still to be counted; it is loaded again when it is next touched.</summary>
    public void Clear()
    {
        aheadCount = 0;
        sources.Clear();
        ClearWindows();
        ClearTrust();
        ClearTogether();
    }

    // False when nothing is to be counted.
    private bool Take(in Attempt attempt, ref ObservedTry made)
    {
        Attempts += Math.Max(1, attempt.Count);
        int service = IndexOf(attempt.Service);
        if (service < 0) return false;
        if (!attempt.HasSource)
        {
            if (attempt.Kind != AttemptKind.Limit) return false;
            // The daemon itself says that it is full, and of nobody.
            Finish();
            RaiseSiege(services[service], DetectionName.DaemonLimit, attempt.UnixMilliseconds, 1);
            return false;
        }

        SourceAddress source = attempt.Source;
        AddressPrefix key = keys.KeyOf(source);
        made.Key = key;
        made.Hash = sources.HashOf(key.Address);
        made.UnixMilliseconds = attempt.UnixMilliseconds;
        made.Source = -1;
        made.Service = service;
        made.Times = Math.Clamp(attempt.Count, 1, WatchedService.MostOfALine);
        made.Kind = attempt.Kind;
        made.User = attempt.Kind is AttemptKind.Success or AttemptKind.Failure or AttemptKind.Invalid ? users.HashOf(attempt.User) : 0;
        return true;
    }

    private void Count(ref ObservedTry made, ICollection<Offence> offences)
    {
        switch (made.Kind)
        {
            case AttemptKind.Success:
                Succeeded(ref made);
                break;
            case AttemptKind.Failure or AttemptKind.Invalid:
                Failed(ref made, offences);
                break;
            case AttemptKind.Probe when services[made.Service].Set.Probes is { } probes:
                CountUntrusted(ref made, ProbeSlot, DetectionName.Probes, probes, offences);
                break;
            case AttemptKind.Limit when services[made.Service].Set.DaemonLimit is { } limit:
                CountUntrusted(ref made, LimitSlot, DetectionName.DaemonLimit, limit, offences);
                break;
        }
    }

    private void Failed(ref ObservedTry made, ICollection<Offence> offences)
    {
        WatchedService at = services[made.Service];
        if (!FindSource(ref made))
        {
            Overflow(made, at);
            return;
        }

        ref SourceRow who = ref sources[made.Source];
        Standing standing = StandingOf(ref who, made, at);
        if (at.CountsTries && !CountTry(made, ref who, standing, offences)) return;
        if (standing == Standing.Stranger && made.User != 0 && at.Set.Account is { } account)
            CountSourceOfAccount(made, account, offences);
        if (standing != Standing.Trusted) CountFailing(made, at);
    }

    // False when the try does not count, because the same mistake was made by the same user within the hour.
    private bool CountTry(in ObservedTry tried, ref SourceRow who, Standing standing, ICollection<Offence> offences)
    {
        (int source, int service, ulong user, long stamp) = (tried.Source, tried.Service, tried.User, tried.UnixMilliseconds);
        WatchedService at = services[service];
        int other = WindowOf(ref who, source, service, TrySlot);
        if (other < 0)
        {
            Overflow(tried, at);
            return true;
        }

        ref SlidingWindow window = ref WindowAt(ref who, other);
        var made = new Try(stamp, user);
        int times = tried.Times;
        if (standing != Standing.Stranger && user != 0 && HasLoggedIn(tried, at))
        {
            made = new(stamp, user | 1);
            if (window.Holds(made.User, stamp, WatchedService.PairMilliseconds, tries)) return false;
            times = 1;
        }

        window.Add(made, times, at.Reach, at.MostTries, tries);
        if (window.Count < at.FewestTries) return true;
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
        Offended(ref window, service, new(fired, at.Name, who.Key, Time(stamp), found, Time(since), crossed.Within) { Trusted = trusted }, offences);
        return true;
    }

    // What a trusted source may do as often as it likes.
    private void CountUntrusted(ref ObservedTry made, int slot, string detection, Threshold threshold, ICollection<Offence> offences)
    {
        WatchedService at = services[made.Service];
        long stamp = made.UnixMilliseconds;
        if (!FindSource(ref made))
        {
            Overflow(made, at);
            return;
        }

        ref SourceRow who = ref sources[made.Source];
        if (StandingOf(ref who, made, at) == Standing.Trusted) return;
        int other = WindowOf(ref who, made.Source, made.Service, slot);
        if (other < 0)
        {
            Overflow(made, at);
            return;
        }

        ref SlidingWindow window = ref WindowAt(ref who, other);
        window.Add(new(stamp, 0), made.Times, 2 * threshold.Milliseconds, threshold.Count + WatchedService.MostOfALine, tries);
        if (!window.Reaches(stamp, threshold.Milliseconds, threshold.Count, tries, out int found, out long since)) return;
        Offended(ref window, made.Service, new(detection, at.Name, who.Key, Time(stamp), found, Time(since), threshold.Within), offences);
    }

    private void Offended(ref SlidingWindow window, int service, in Offence offence, ICollection<Offence> offences)
    {
        window.Reset();
        offences.Add(offence);
        if (services[service].Set.Prefix is { } prefix) CountOffender(offence, service, prefix, offences);
    }

    // Whom it is about; false when so many are known that neither a window nor trust would find room.
    private bool FindSource(ref ObservedTry made)
    {
        if (made.Source < 0) made.Source = sources.Count < 2L * maxWindows ? sources.FindOrAdd(made.Key, made.Hash) : sources.Find(made.Key, made.Hash, out _);
        return made.Source >= 0;
    }

    private void Overflow(in ObservedTry made, WatchedService at)
    {
        overflowed += made.Times;
        RaiseSiege(at, DetectionName.Memory, made.UnixMilliseconds, made.Times);
    }

    private static DateTimeOffset Time(long stamp) => DateTimeOffset.FromUnixTimeMilliseconds(stamp);

    // Rules name their services with few strings, over and over.
    private int IndexOf(string service)
    {
        if (service.Length == 0) return Find(service);
        ref (string? Name, int Service) last = ref named[((service.Length << 3) + service[0]) & (named.Length - 1)];
        if (last.Name != service) last = (service, Find(service));
        return last.Service;

        int Find(string name) => Array.FindIndex(services, s => s.Name == name);
    }
}
