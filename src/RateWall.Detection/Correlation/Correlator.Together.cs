namespace RateWall.Detection.Correlation;

/// <summary>A look at a service's connections, taken from outside its log.</summary>
/// <param name="Service">The service.</param>
/// <param name="UnixMilliseconds">When, in milliseconds since 1970.</param>
/// <param name="Unauthenticated">Connections open that nobody has logged in on.</param>
/// <param name="Capacity">How many connections the service carries at once, at least 1.</param>
public readonly record struct ServiceSample(string Service, long UnixMilliseconds, int Unauthenticated, int Capacity);

/// <summary>What many sources do together: networks of offenders, one account for all, pressure, and the siege it raises.</summary>
public sealed partial class Correlator
{
    private const string SiegeWindow = "siege";

    private const int IPv4Prefix = 24;
    private const int IPv6Prefix = 48;

    private readonly RowTable<GroupRow> groups = new();
    private readonly RoomPool<Member> members = new();

    // How many sources that may be members of an account's group have logged in.
    private int strangersIn;
    private bool countsEveryFirstLogin;

    /// <summary>Sieges that were raised or renewed since the last <see cref="Clear"/>.</summary>
    public IEnumerable<SiegeSeen> Sieges => Finished().Where(s => s.SiegeChanged)
        .Select(s => new SiegeSeen(s.Name, s.SiegeCause!, Time(s.Siege.Since), Time(s.Siege.Until), s.SiegeCount));

    /// <summary>The network in which a source's fellow offenders are counted: IPv4 /24, IPv6 /48.</summary>
    public static AddressPrefix NetworkOf(AddressPrefix key) => AddressPrefix.Of(key.Address, key.IsIPv4 ? IPv4Prefix : IPv6Prefix);

    /// <summary>False where hosts count one by one: there the network says nothing of who they are.</summary>
    public static bool CountsNetworkOf(AddressPrefix key) => key.IsIPv4 || key.Length != 128;

    /// <summary>Takes a look at a service: above 60 % of what it carries twice running is a siege.</summary>
    public void Observe(in ServiceSample sample)
    {
        Finish();
        int service = IndexOf(sample.Service);
        if (service < 0) return;
        WatchedService at = services[service];
        long used = 100L * sample.Unauthenticated, full = (long)Crowding.TakenPercent * sample.Capacity;
        Load(at);
        bool isFull = used > full, again = isFull && at.WasFull;
        if (isFull || at.WasFull) at.FullChanged = sample.UnixMilliseconds;
        at.WasFull = isFull;
        // Siege goes on while half of that is reached.
        if (again || (used * 2 >= full && IsUnderSiege(at, sample.UnixMilliseconds)))
            RaiseSiege(at, DetectionName.Capacity, sample.UnixMilliseconds, sample.Unauthenticated);
    }

    /// <summary>Takes an offence that was found outside the log; it may complete one of the source's network.</summary>
    public void Observe(Offence offence, ICollection<Offence> offences)
    {
        ArgumentNullException.ThrowIfNull(offences);
        Finish();
        int service = IndexOf(offence.Service);
        if (service < 0) return;
        offences.Add(offence);
        if (!offence.Trusted && services[service].Set.Prefix is { } prefix) CountOffender(offence, service, prefix, offences);
    }

    // A source offended: is its network full of such?
    private void CountOffender(in Offence offence, int service, PrefixThreshold threshold, ICollection<Offence> offences)
    {
        if (!CountsNetworkOf(offence.Key)) return;
        AddressPrefix network = NetworkOf(offence.Key);
        long stamp = offence.At.ToUnixTimeMilliseconds();
        int row = GroupOf(network.Address, network.Length, service);
        if (row < 0)
        {
            overflowed++;
            RaiseSiege(services[service], DetectionName.Memory, stamp, 1);
            return;
        }

        ref GroupRow group = ref groups[row];
        int count = group.Members.Add(new(offence.Key.Address, stamp), threshold.Members.Milliseconds, threshold.Members.Count, members);
        if (count < threshold.Members.Count || stamp <= group.ProtectedUntil) return;
        if (LastSuccessInside(network) is { } last && stamp - last <= trustMilliseconds)
        {
            group.ProtectedUntil = last + trustMilliseconds;
            return;
        }

        Member[] all = [.. group.Members.Members(members)];
        group.Members.Reset();
        offences.Add(new(DetectionName.Prefix, offence.Service, network, offence.At, count, Time(all[0].UnixMilliseconds), threshold.Members.Within)
        {
            Members = [.. all.Select(m => keys.KeyOf(m.Address))],
        });
    }

    // A source that never logged in tried an account: is it one of many?
    private void CountSourceOfAccount(in ObservedTry made, AccountThreshold threshold, ICollection<Offence> offences)
    {
        WatchedService at = services[made.Service];
        int row = GroupOf(new(0, made.User), 0, made.Service);
        if (row < 0)
        {
            Overflow(made, at);
            return;
        }

        ref GroupRow group = ref groups[row];
        ref MemberWindow window = ref group.Members;
        long stamp = made.UnixMilliseconds;
        if (window.IsEmpty) group.Checked = strangersIn;
        if (made.Key.Length == 64 && keys.KeyOf(made.Key.Address) != made.Key) Doubt(ref group);
        if (window.Add(new(made.Key.Address, stamp), threshold.Sources.Milliseconds, threshold.Sources.Count, members) < threshold.Sources.Count) return;
        // Some may have logged in since.
        if (group.Checked != strangersIn)
        {
            for (int i = window.Members(members).Length - 1; i >= 0; i--)
                if (!IsStranger(keys.KeyOf(window.Members(members)[i].Address), at)) window.RemoveAt(i, members);
            group.Checked = strangersIn;
        }

        int count = window.Members(members).Length;
        if (count < threshold.Sources.Count) return;
        foreach (Member one in window.Members(members))
            offences.Add(new(DetectionName.Account, at.Name, keys.KeyOf(one.Address), Time(stamp), count, Time(one.UnixMilliseconds), threshold.Sources.Within));
        window.Reset();
        RaiseSiege(at, DetectionName.Account, stamp, count);
    }

    private void CountFailing(in ObservedTry made, WatchedService at)
    {
        if (at.Failing is not { } failing) return;
        Load(at);
        long length = at.PressureMilliseconds, stamp = made.UnixMilliseconds;
        if (failing.Count > 0)
        {
            // So far back is no late line: the clock was set back.
            if (stamp <= failing.Newest - (2 * length)) failing.Clear();
            else if (stamp <= failing.Newest - length) return;
        }

        failing.Add(made.Key.Address, made.Hash, stamp);
        failing.DropUpTo(failing.Newest - length);
        at.FailingChanged = true;
        if (failing.Count >= at.PressureSources || (failing.Count * 2 >= at.PressureSources && IsUnderSiege(at, stamp)))
            RaiseSiege(at, DetectionName.Pressure, stamp, failing.Count);
    }

    private bool IsUnderSiege(WatchedService at, long stamp)
    {
        Load(at);
        return at.SiegeCause is not null && stamp < at.Siege.Until;
    }

    private void RaiseSiege(WatchedService at, string detection, long stamp, int count)
    {
        if (at.Set.Pressure is not { } pressure) return;
        long lasting = pressure.ForMilliseconds, since = stamp, until = stamp + lasting;
        if (IsUnderSiege(at, stamp))
        {
            // A late line makes no siege shorter; what lies far ahead was made by a clock that has been set back since.
            if (at.Siege.Until >= until && at.Siege.Until - until < lasting) return;
            since = Math.Min(at.Siege.Since, stamp);
        }
        else
        {
            at.SiegeCause = detection;
        }

        at.Siege = (since, until);
        at.SiegeCount = count;
        at.SiegeChanged = true;
    }

    private void Load(WatchedService at)
    {
        if (at.Loaded) return;
        at.Loaded = true;
        if (at.Set.Pressure is null) return;
        at.WasFull = state.LoadWindow(new(DetectionName.Capacity, at.Name, default)).Count > 0;
        foreach (WindowMark mark in state.LoadWindow(new(DetectionName.Pressure, at.Name, default))) at.Failing!.Add(mark.Address, sources.HashOf(mark.Address), mark.UnixMilliseconds);
        if (state.LoadWindow(new(SiegeWindow, at.Name, default)) is [var since, var until])
            (at.SiegeCause, at.Siege, at.SiegeCount) = (DetectionOf(since.Low), (since.UnixMilliseconds, until.UnixMilliseconds), (int)until.Low);
    }

    // The row of a group, or -1 when there is no room for another.
    private int GroupOf(SourceAddress subject, byte length, int service)
    {
        int hash = GroupRow.HashOf(subject, service, groups.Seed), at = hash;
        int row;
        while ((row = groups.Next(hash, ref at)) >= 0)
        {
            ref GroupRow known = ref groups[row];
            if (known.Subject == subject && known.Length == length && known.Service == service) return row;
        }

        if (groups.Count >= maxWindows) return -1;
        row = groups.Add(hash, at);
        ref GroupRow added = ref groups[row];
        added.Subject = subject;
        added.Length = length;
        added.Service = service;
        added.ProtectedUntil = long.MinValue;
        added.Members.Load(state.LoadWindow(IdOf(added)), members);
        if (!added.Members.IsEmpty) Doubt(ref added);
        return row;
    }

    // It has members of whom this run has seen nothing: any login may be one's first.
    private void Doubt(ref GroupRow group)
    {
        group.Checked = -1;
        countsEveryFirstLogin = true;
    }

    private WindowId IdOf(in GroupRow row) => row.Length == 0
        ? new(DetectionName.Account, services[row.Service].Name, default, row.Subject.Low)
        : new(DetectionName.Prefix, services[row.Service].Name, AddressPrefix.Of(row.Subject, row.Length));

    private IEnumerable<WindowState> ChangedTogether()
    {
        for (int i = 0; i < groups.Count; i++)
            if (groups[i].Members.Changed) yield return new(IdOf(groups[i]), Marks([.. groups[i].Members.Members(members)]));
        foreach (WatchedService at in services)
        {
            if (at.FailingChanged) yield return new(new(DetectionName.Pressure, at.Name, default), Marks(at.Failing!.All));
            if (at.FullChanged is { } stamp)
                yield return new(new(DetectionName.Capacity, at.Name, default), at.WasFull ? [new(stamp, 0, 0)] : []);
            if (at.SiegeChanged) yield return new(new(SiegeWindow, at.Name, default), MarksOfSiege(at));
        }
    }

    private void ClearTogether()
    {
        groups.Clear();
        members.Clear();
        countsEveryFirstLogin = false;
        foreach (WatchedService at in services)
        {
            at.Failing?.Clear();
            (at.Loaded, at.FailingChanged, at.SiegeCause, at.SiegeChanged, at.FullChanged) = (false, false, null, false, null);
        }
    }

    private static WindowMark[] Marks(IEnumerable<Member> held) =>
        [.. held.Select(m => new WindowMark(m.UnixMilliseconds, m.Address.High, m.Address.Low))];

    private static WindowMark[] MarksOfSiege(WatchedService at) =>
        [new(at.Siege.Since, 0, (ulong)Array.IndexOf(SiegeCauses, at.SiegeCause)), new(at.Siege.Until, 0, (ulong)at.SiegeCount)];

    // In this order they are stored.
    private static readonly string[] SiegeCauses =
        [DetectionName.Pressure, DetectionName.Account, DetectionName.Memory, DetectionName.Capacity, DetectionName.DaemonLimit];

    private WatchedService[] Finished()
    {
        Finish();
        return services;
    }

    private static string DetectionOf(ulong number) => SiegeCauses[number < (ulong)SiegeCauses.Length ? (int)number : 0];
}
