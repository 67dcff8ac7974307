using System.Buffers.Binary;

namespace RateWall.Detection.Correlation;

/// <summary>
/// Joins the open connections of a service with its log: on which of them has somebody logged in? A login whose line names the
/// remote port answers for that connection; one that names none answers for one connection of its address that was open then.
/// In doubt a connection counts as logged in: those that were open before the first look, or came while nobody looked. While
/// the log cannot be read a look is as none, because a login on any of them may stand there unread. And nothing is told of a
/// service of which no login has been read, or whose logins name other addresses than its connections have, as behind a
/// proxy. Pure; what it remembers is kept as two windows.
/// </summary>
public sealed class ConnectionLedger
{
    /// <summary>The most connections of a service that are remembered, and the most logins between two looks.</summary>
    public const int Most = 65_536;

    /// <summary>The longest time between two looks, in ms: what came in a longer one is not judged.</summary>
    public const long LongestGap = 300_000;

    /// <summary>The name of the window that holds logins; the connections are in that of <see cref="DetectionName.Holders"/>.</summary>
    public const string LoginsWindow = "connection_logins";

    // A stamp of a log may have whole seconds, and lie a little before its connection's first packet is known.
    private const long Slack = 2000;

    // The side that closes first, in mail and FTP the server, keeps the connection in TIME-WAIT for a minute (RFC 9293 3.6.1;
    // TCP_TIMEWAIT_LEN in net/tcp.h). A login that is older may have ended without a trace.
    private const long Trace = 55_000;

    // So many logins from addresses without any connection mean that connections and log do not belong together: before any
    // login ever did, and after.
    private const int StrangeLoginsAtFirst = 10;
    private const int StrangeLogins = 100;

    // How that is written down: beside it, whether the log could not be read, and how long after the last look.
    private const ulong StrangeMask = 0x7f, BehindMask = 0x100;
    private const int BehindShift = 16;
    private const long MostBehind = (1L << 40) - 1;

    private readonly string service;
    private readonly SourceKeys keys;
    private readonly UserNames hashes;
    private Dictionary<ulong, Known> connections = [];
    private List<Login> logins = [];
    private int certainLogins;
    private long lastLook = long.MinValue, lastTry = long.MinValue, lastLogin;
    private bool everMatched, overflowed, changed, newLogins, behind;
    private int strange;
    private long lookedAt = long.MinValue;
    private HashSet<ulong> present = [], exempt = [];

    /// <param name="service">The service.</param>
    /// <param name="keys">Makes keys.</param>
    /// <param name="hashes">Hashes addresses as those in <paramref name="state"/> were.</param>
    /// <param name="state">The past.</param>
    /// <param name="boot">When this machine was started, in ms since 1970: the kernel's names for connections begin anew then.</param>
    public ConnectionLedger(string service, SourceKeys keys, UserNames hashes, ICorrelationState state, long boot)
    {
        ArgumentNullException.ThrowIfNull(keys);
        ArgumentNullException.ThrowIfNull(hashes);
        ArgumentNullException.ThrowIfNull(state);
        this.service = service;
        this.keys = keys;
        this.hashes = hashes;
        Load(state.LoadWindow(new(DetectionName.Holders, service, default)), state.LoadWindow(new(LoginsWindow, service, default)), boot);
    }

    /// <summary>
    /// When the connections were last looked at and the log was read to its end after that, in ms since 1970;
    /// <see cref="long.MinValue"/>: never.
    /// </summary>
    public long LastLook => lastLook;

    /// <summary>The same, also when the log could not be read.</summary>
    public long LastTry => lastTry;

    /// <summary>True when the log could not be read to its end the last time: on any connection somebody may have logged in.</summary>
    public bool IsBehind => behind;

    /// <summary>True when the logins read last named other addresses than the connections have, as behind a proxy.</summary>
    public bool IsApart => strange >= (everMatched ? StrangeLogins : StrangeLoginsAtFirst);

    /// <summary>What is remembered of a connection; null: nobody has looked since it came.</summary>
    public ConnectionStanding? Find(in OpenConnection connection)
    {
        if (!connections.TryGetValue(connection.Cookie, out Known known)) return null;
        ulong address = HashOf(connection.Source, 0);
        return new(known.First, known.Standing switch
        {
            Standing.LoggedIn => true,
            Standing.Unjudged => null,
            _ when behind => null,
            // One of its address's logins without a port may have been about it.
            _ => logins.Exists(l => l.WithPort == 0 && l.Address == address) ? null : false,
        });
    }

    /// <summary>Who is and just was connected; what is read of the log afterwards is held against that.</summary>
    /// <param name="connected">The addresses of all connections, those in TIME-WAIT with them.</param>
    /// <param name="exempted">Those among them that are never judged: their logins say nothing of other connections.</param>
    /// <param name="now">When, in ms since 1970.</param>
    public void Look(IEnumerable<SourceAddress> connected, IEnumerable<SourceAddress> exempted, long now)
    {
        ArgumentNullException.ThrowIfNull(connected);
        ArgumentNullException.ThrowIfNull(exempted);
        exempt = [.. exempted.Select(s => HashOf(s, 0))];
        present = [.. connected.Select(s => HashOf(s, 0))];
        present.ExceptWith(exempt);
        lookedAt = now;
    }

    /// <summary>Takes a line of the service that names a source: connections and log belong together if it has one open.</summary>
    public void Named(SourceAddress source)
    {
        if (everMatched && strange == 0) return;
        if (!present.Contains(HashOf(source, 0))) return;
        (everMatched, strange) = (true, 0);
    }

    /// <summary>Takes a login.</summary>
    /// <param name="source">Where it came from.</param>
    /// <param name="port">The remote port, or 0 where the line names none.</param>
    /// <param name="unixMilliseconds">When, in ms since 1970.</param>
    public void LoggedIn(SourceAddress source, int port, long unixMilliseconds)
    {
        ulong address = HashOf(source, 0);
        lastLogin = Math.Max(lastLogin, unixMilliseconds);
        if (present.Contains(address)) Named(source);
        else if (unixMilliseconds <= lookedAt && unixMilliseconds > lookedAt - Trace && !exempt.Contains(address)) strange = Math.Min(strange + 1, StrangeLogins);
        // An older one can only be about connections that were there before the first look.
        if (lastLook == long.MinValue || unixMilliseconds < lastLook - LongestGap) return;
        if (logins.Count >= Most)
        {
            overflowed = true;
            return;
        }

        logins.Add(new(unixMilliseconds, port == 0 ? 0 : HashOf(source, port), address));
        newLogins = true;
    }

    /// <summary>What has been noted since the last call is written down.</summary>
    public void Keep() => certainLogins = logins.Count;

    /// <summary>What has been noted since <see cref="Keep"/> will be read again.</summary>
    public void Drop() => logins.RemoveRange(certainLogins, logins.Count - certainLogins);

    /// <summary>Judges a look at the connections, taken before the log was read to its end.</summary>
    /// <param name="open">All open connections of the service but those of the exempt.</param>
    /// <param name="now">When they were looked at, in ms since 1970.</param>
    /// <param name="threshold">Null: nobody is told to be a holder.</param>
    /// <param name="most">How many connections a source may hold, given its key and the threshold's count.</param>
    /// <param name="trustedFor">How long a login at the service lets it be judged, in ms.</param>
    /// <param name="logRead">False when the log could not be read to its end: then nothing is told, and the last look stays the last.</param>
    public ConnectionsSeen Judge(
        IReadOnlyList<OpenConnection> open, long now, HoldersThreshold? threshold, Func<AddressPrefix, int, int> most, long trustedFor, bool logRead)
    {
        ArgumentNullException.ThrowIfNull(open);
        ArgumentNullException.ThrowIfNull(most);
        if (!logRead && lastLook != long.MinValue)
        {
            (lastTry, behind, changed, certainLogins) = (now, true, true, logins.Count);
            return ConnectionsSeen.Unknown;
        }

        bool blind = lastLook == long.MinValue || now - lastLook > LongestGap || now < lastLook || overflowed;
        Remember(open, now, blind);
        AnswerByPort(open, now);
        Dictionary<ulong, int> answered = AnswerByNumber(open, now);
        (lastLook, lastTry, behind, overflowed, changed, newLogins) = (now, now, !logRead, false, true, true);
        certainLogins = logins.Count;
        if (!logRead || lastLogin == 0 || now - lastLogin > trustedFor || IsApart) return ConnectionsSeen.Unknown;
        return Tell(open, now, threshold, most, answered);
    }

    /// <summary>What is to be kept until the next run; nothing when nothing changed since <see cref="Saved"/>.</summary>
    public IEnumerable<WindowState> Changed
    {
        get
        {
            if (changed && lastLook != long.MinValue) yield return new(new(DetectionName.Holders, service, default), Marks());
            if (newLogins) yield return new(new(LoginsWindow, service, default), [.. logins.Select(l => new WindowMark(l.UnixMilliseconds, l.WithPort, l.Address))]);
        }
    }

    /// <summary><see cref="Changed"/> has been written down.</summary>
    public void Saved() => changed = newLogins = false;

    // Connections that came and went.
    private void Remember(IReadOnlyList<OpenConnection> open, long now, bool blind)
    {
        var still = new Dictionary<ulong, Known>(open.Count);
        foreach (OpenConnection connection in open)
        {
            if (!connections.TryGetValue(connection.Cookie, out Known known)) continue;
            // Of logins that found no room one may have been about it.
            if (overflowed && known.Standing == Standing.Waiting) known = known with { Standing = Standing.Unjudged };
            still[connection.Cookie] = known with { First = Math.Min(known.First, now) };
        }

        int unseen = blind ? 0 : (int)(now - lastLook);
        foreach (OpenConnection connection in open)
        {
            if (still.Count >= Most) break;
            still.TryAdd(connection.Cookie, new(now, unseen, blind ? Standing.Unjudged : Standing.Waiting));
        }

        connections = still;
    }

    // Logins that name a port find their connection, and are done with.
    private void AnswerByPort(IReadOnlyList<OpenConnection> open, long now)
    {
        HashSet<ulong> named = [.. logins.Where(l => l.WithPort != 0).Select(l => l.WithPort)];
        if (named.Count == 0) return;
        HashSet<ulong> found = [];
        foreach (OpenConnection connection in open)
        {
            ulong hash = HashOf(connection.Source, connection.Port);
            if (!named.Contains(hash) || !connections.TryGetValue(connection.Cookie, out Known known)) continue;
            connections[connection.Cookie] = known with { Standing = Standing.LoggedIn };
            found.Add(hash);
        }

        // Of a later one the next look shows the connection; of an earlier one it has gone.
        logins.RemoveAll(l => l.WithPort != 0 && (found.Contains(l.WithPort) || l.UnixMilliseconds < now - Slack));
    }

    // Logins that name none answer for the oldest connection of their address that was open then. Logins that can be about none
    // any more are forgotten. Says of how many connections of an address somebody has logged in.
    private Dictionary<ulong, int> AnswerByNumber(IReadOnlyList<OpenConnection> open, long now)
    {
        var answered = new Dictionary<ulong, int>();
        if (logins.TrueForAll(l => l.WithPort != 0)) return answered;
        HashSet<ulong> addresses = [.. logins.Where(l => l.WithPort == 0).Select(l => l.Address)];
        var born = new Dictionary<ulong, List<long>>();
        foreach (OpenConnection connection in open)
        {
            if (!connections.TryGetValue(connection.Cookie, out Known known) || known.Standing is Standing.LoggedIn or Standing.Unjudged) continue;
            ulong address = HashOf(connection.Source, 0);
            if (!addresses.Contains(address)) continue;
            if (!born.TryGetValue(address, out List<long>? of)) born.Add(address, of = []);
            of.Add(known.Born);
        }

        foreach (List<long> of in born.Values) of.Sort();
        var kept = new List<Login>(logins.Count);
        foreach (Login login in logins.OrderBy(l => l.UnixMilliseconds))
        {
            int done = answered.GetValueOrDefault(login.Address);
            bool answers = login.WithPort == 0 && born.TryGetValue(login.Address, out List<long>? of) && done < of.Count && of[done] - Slack <= login.UnixMilliseconds;
            if (answers) answered[login.Address] = done + 1;
            if (answers || login.UnixMilliseconds >= now - Slack) kept.Add(login);
        }

        logins = kept;
        return answered;
    }

    private ConnectionsSeen Tell(
        IReadOnlyList<OpenConnection> open, long now, HoldersThreshold? threshold, Func<AddressPrefix, int, int> most, Dictionary<ulong, int> answered)
    {
        var held = new Dictionary<AddressPrefix, List<HeldConnection>>();
        var others = new HashSet<AddressPrefix>();
        var unsure = new HashSet<AddressPrefix>();
        var waiting = new List<HeldConnection>();
        foreach (OpenConnection connection in open.OrderBy(c => connections.TryGetValue(c.Cookie, out Known k) ? k.Born : now))
        {
            AddressPrefix key = keys.KeyOf(connection.Source);
            if (!connections.TryGetValue(connection.Cookie, out Known known) || known.Standing is Standing.LoggedIn or Standing.Unjudged)
            {
                others.Add(key);
                continue;
            }

            ulong address = answered.Count == 0 ? 0 : HashOf(connection.Source, 0);
            if (answered.TryGetValue(address, out int left) && left > 0)
            {
                answered[address] = left - 1;
                others.Add(key);
                unsure.Add(key);
                continue;
            }

            waiting.Add(new(connection, known.First));
            if (threshold is null || known.Standing == Standing.Told || now - known.First < threshold.Milliseconds) continue;
            if (!held.TryGetValue(key, out List<HeldConnection>? of)) held.Add(key, of = []);
            of.Add(new(connection, known.First));
        }

        var holders = new List<Holder>();
        foreach ((AddressPrefix key, List<HeldConnection> of) in held)
        {
            if (of.Count < most(key, threshold!.Count)) continue;
            holders.Add(new(key, of, others.Contains(key), !unsure.Contains(key)));
            // What somebody was blamed for once does not count again.
            foreach (HeldConnection one in of)
                connections[one.Connection.Cookie] = connections[one.Connection.Cookie] with { Standing = Standing.Told };
        }

        return new(holders, others, waiting.Count) { Waiting = [.. waiting.Where(w => !unsure.Contains(keys.KeyOf(w.Connection.Source)))] };
    }

    private ulong HashOf(SourceAddress source, int port)
    {
        Span<byte> bytes = stackalloc byte[18];
        BinaryPrimitives.WriteUInt128BigEndian(bytes, source.Value);
        BinaryPrimitives.WriteUInt16BigEndian(bytes[16..], (ushort)port);
        return Math.Max(1, hashes.Hash(bytes));
    }

    // First what is known of the service, with the time of the last look; it stands last, for by that the storage knows the age.
    private WindowMark[] Marks() =>
    [
        .. connections.Select(c => new WindowMark(c.Value.First, c.Key, ((ulong)c.Value.Unseen << 2) | (ulong)c.Value.Standing)),
        new(
            lastLook, (ulong)lastLogin,
            ((ulong)Math.Clamp(lastTry - lastLook, 0, MostBehind) << BehindShift) | (behind ? BehindMask : 0) | ((ulong)strange << 1) | (everMatched ? 1UL : 0)),
    ];

    private void Load(IReadOnlyList<WindowMark> seen, IReadOnlyList<WindowMark> read, long boot)
    {
        if (seen.Count == 0) return;
        WindowMark about = seen[^1];
        (lastLogin, strange, everMatched) = ((long)about.High, (int)Math.Min((about.Low >> 1) & StrangeMask, StrangeLogins), (about.Low & 1) != 0);
        // Before this boot the kernel counted its names for connections anew.
        if (about.UnixMilliseconds < boot) return;
        lastLook = about.UnixMilliseconds;
        lastTry = lastLook + (long)Math.Min(about.Low >> BehindShift, MostBehind);
        behind = (about.Low & BehindMask) != 0;
        foreach (WindowMark mark in seen.Take(Math.Min(seen.Count - 1, Most)))
            connections[mark.High] = new(mark.UnixMilliseconds, (int)Math.Min(mark.Low >> 2, LongestGap), (Standing)(mark.Low & 3));
        logins.AddRange(read.Take(Most).Select(m => new Login(m.UnixMilliseconds, m.High, m.Low)));
        certainLogins = logins.Count;
        // More may have been read since the last look than there is room for.
        overflowed = logins.Count >= Most;
        foreach (Login login in logins) lastLogin = Math.Max(lastLogin, login.UnixMilliseconds);
    }

    private enum Standing
    {
        /// <summary>Nobody is known to have logged in on it.</summary>
        Waiting = 0,

        /// <summary>Somebody has.</summary>
        LoggedIn = 1,

        /// <summary>It came when nobody looked.</summary>
        Unjudged = 2,

        /// <summary>Its source has been blamed for it.</summary>
        Told = 3,
    }

    /// <summary>What is known of a connection.</summary>
    /// <param name="First">When it was first seen, in ms since 1970.</param>
    /// <param name="Unseen">How long before that nobody had looked, in ms: it may be so much older.</param>
    /// <param name="Standing">Whether somebody has logged in on it.</param>
    private readonly record struct Known(long First, int Unseen, Standing Standing)
    {
        /// <summary>It is not older than this.</summary>
        public long Born => First - Unseen;
    }

    private readonly record struct Login(long UnixMilliseconds, ulong WithPort, ulong Address);
}
