namespace RateWall.Detection.Correlation;

/// <summary>Who logged in, and what that is worth.</summary>
public sealed partial class Correlator
{
    // Earlier than every login.
    private const long Never = long.MinValue;

    private readonly Rows<TrustRow> trust = new();
    private readonly RowTable<LoginRow> logins = new();

    private enum Standing
    {
        /// <summary>Never logged in at a service of the family.</summary>
        Stranger,

        /// <summary>Logged in once, but too long ago.</summary>
        Known,

        /// <summary>Logged in lately.</summary>
        Trusted,
    }

    /// <summary>Keys that logged in since the last <see cref="Clear"/>, the latest time of each.</summary>
    public IEnumerable<SuccessSeen> Successes
    {
        get
        {
            Finish();
            for (int i = 0; i < trust.Count; i++)
                if (trust[i] is { Seen: not Never } known) yield return new(sources[known.Source].Key, services[known.Family].Family, known.Seen);
        }
    }

    /// <summary>Users that logged in since the last <see cref="Clear"/>, the latest time of each at each source.</summary>
    public IEnumerable<LoginSeen> Logins
    {
        get
        {
            Finish();
            for (int i = 0; i < logins.Count; i++)
                if (logins[i] is { Changed: true } login)
                    yield return new(sources[login.Source].Key, services[login.Family].Family, login.User, login.Last);
        }
    }

    private void ClearTrust()
    {
        trust.Clear();
        logins.Clear();
    }

    private void Succeeded(ref ObservedTry made)
    {
        WatchedService at = services[made.Service];
        long stamp = made.UnixMilliseconds;
        ulong user = made.User;
        if (made.Source < 0) made.Source = sources.FindOrAdd(made.Key, made.Hash);
        int source = made.Source;
        ref SourceRow who = ref sources[source];
        int row = TrustOf(who, at.FamilyNumber);
        if (row < 0) row = AddTrust(ref who, source, at.FamilyNumber, Remembered(made.Key, at));
        ref TrustRow known = ref trust[row];
        ushort bit = SourceRow.BitOf(at.FamilyNumber);
        if ((who.NeverIn & bit) != 0 || (known.Last == Never && (bit == 0 || countsEveryFirstLogin))) strangersIn++;
        who.NeverIn &= (ushort)~bit;
        known.Last = Math.Max(known.Last, stamp);
        known.Seen = Math.Max(known.Seen, stamp);
        if (user == 0) return;
        int pair = LoginOf(made, at);
        if (pair >= 0)
        {
            ref LoginRow login = ref logins[pair];
            login.Changed |= stamp > login.Last;
            login.Last = Math.Max(login.Last, stamp);
        }

        // Five keys offered and then the right one, a slip and then the right password: no attack.
        if (!at.CountsTries) return;
        int other = WindowOf(ref who, source, made.Service, TrySlot);
        if (other >= 0 && WindowAt(ref who, other).Count > 0) WindowAt(ref who, other).Settle(user, stamp, tries);
    }

    private Standing StandingOf(ref SourceRow who, in ObservedTry made, WatchedService at)
    {
        ushort bit = SourceRow.BitOf(at.FamilyNumber);
        if ((who.NeverIn & bit) != 0) return Standing.Stranger;
        int row = TrustOf(who, at.FamilyNumber);
        long last = row >= 0 ? trust[row].Last : Remembered(made.Key, at);
        if (last == Never && bit != 0)
        {
            who.NeverIn |= bit;
            return Standing.Stranger;
        }

        // Bounded like the windows: beyond that the storage is asked each time.
        if (row < 0 && trust.Count < maxWindows) AddTrust(ref who, made.Source, at.FamilyNumber, last);
        return last == Never ? Standing.Stranger : made.UnixMilliseconds - last <= trustMilliseconds ? Standing.Trusted : Standing.Known;
    }

    private bool HasLoggedIn(in ObservedTry made, WatchedService at)
    {
        int row = LoginOf(made, at);
        long last = row >= 0 ? logins[row].Last : state.LastLogin(made.Key, at.Family, made.User) ?? Never;
        return last != Never && made.UnixMilliseconds - last <= trustMilliseconds;
    }

    // Asked of the storage once: most failures of a known source are slips of a known user. -1 when there is no room.
    private int LoginOf(in ObservedTry made, WatchedService at)
    {
        (int source, ulong user) = (made.Source, made.User);
        int hash = LoginRow.HashOf(user, source), place = hash;
        int row;
        while ((row = logins.Next(hash, ref place)) >= 0)
        {
            ref LoginRow known = ref logins[row];
            if (known.User == user && known.Source == source && known.Family == at.FamilyNumber) return row;
        }

        if (logins.Count >= maxWindows) return -1;
        long last = state.LastLogin(made.Key, at.Family, user) ?? Never;
        row = logins.Add(hash, place);
        ref LoginRow added = ref logins[row];
        added.User = user;
        added.Last = last;
        added.Source = source;
        added.Family = (short)at.FamilyNumber;
        return row;
    }

    // Whether a member of a group never logged in at the family, as far as is known by now.
    private bool IsStranger(AddressPrefix key, WatchedService at)
    {
        int source = sources.Find(key);
        if (source >= 0)
        {
            if ((sources[source].NeverIn & SourceRow.BitOf(at.FamilyNumber)) != 0) return true;
            int row = TrustOf(sources[source], at.FamilyNumber);
            if (row >= 0) return trust[row].Last == Never;
        }

        return state.LastSuccess(key, at.Family) is null;
    }

    // The last success of any source inside a network, at whatever service.
    private long? LastSuccessInside(AddressPrefix network)
    {
        long? last = state.LastSuccessInside(network);
        for (int row = 0; row < trust.Count; row++)
            if (trust[row].Seen != Never && network.Contains(sources[trust[row].Source].Address)) last = Math.Max(last ?? Never, trust[row].Seen);
        return last;
    }

    private int TrustOf(in SourceRow who, int family)
    {
        for (int row = who.Trust; row != 0; row = trust[row - 1].Next)
            if (trust[row - 1].Family == family) return row - 1;
        return -1;
    }

    private int AddTrust(ref SourceRow who, int source, int family, long last)
    {
        int added = trust.Add();
        trust[added] = new() { Source = source, Family = family, Last = last, Seen = Never, Next = who.Trust };
        who.Trust = added + 1;
        return added;
    }

    private long Remembered(in AddressPrefix key, WatchedService at) => state.LastSuccess(key, at.Family) ?? Never;

    private struct TrustRow
    {
        /// <summary>The last success ever, or <see cref="Never"/>.</summary>
        public long Last;

        /// <summary>The last one seen since the last save, or <see cref="Never"/>.</summary>
        public long Seen;

        /// <summary>The number of the source's row.</summary>
        public int Source;

        /// <summary>The number of the first service of the family.</summary>
        public int Family;

        /// <summary>The source's next trust, plus 1.</summary>
        public int Next;
    }
}
