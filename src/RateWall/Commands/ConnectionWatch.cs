using System.Globalization;
using System.Text;
using RateWall.Detection;
using RateWall.Detection.Correlation;
using RateWall.Netfilter;
using RateWall.Output;
using RateWall.Policy;
using RateWall.Storage;
using RateWall.Wall;

namespace RateWall.Commands;

/// <summary>A service that was full of connections on which nobody logged in.</summary>
/// <param name="Service">The service.</param>
/// <param name="Unauthenticated">How many of them there were.</param>
/// <param name="Capacity">How many it carries.</param>
/// <param name="ToEnd">Those that make room, strangers' oldest.</param>
internal sealed record CrowdedService(string Service, int Unauthenticated, int Capacity, IReadOnlyList<TcpSocket> ToEnd);

/// <summary>
/// The open connections to services that watch for holders or for their capacity: looked at before the logs are read, and
/// judged afterwards, when it is known who has logged in (<see cref="ConnectionLedger"/>).
/// </summary>
internal sealed class ConnectionWatch
{
    /// <summary>What the step is called in which they are judged.</summary>
    public const string StepName = "connections";

    // A listing costs some microseconds a connection; with --follow, rounds may follow each other closely.
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(5);

    // All that a connection goes through after its handshake: also the short ones whose logins are about to be read.
    private static readonly TcpState[] Accepted =
        [TcpState.Established, TcpState.FinWait1, TcpState.FinWait2, TcpState.TimeWait, TcpState.CloseWait, TcpState.LastAck, TcpState.Closing];

    private readonly EffectivePolicy policy;
    private readonly Exemptions exemptions;
    private readonly StateDatabase state;
    private readonly TimeProvider time;
    private readonly DateTimeOffset lookedAt;
    private readonly Dictionary<string, ConnectionLedger> ledgers;
    private readonly Dictionary<string, List<OpenConnection>> open;
    private readonly Dictionary<ulong, TcpSocket> sockets = [];
    private readonly List<TcpSocket> toEnd = [];
    private readonly List<CrowdedService> crowded = [];

    private ConnectionWatch(EffectivePolicy policy, Exemptions exemptions, StateDatabase state, TimeProvider time)
    {
        this.policy = policy;
        this.exemptions = exemptions;
        this.state = state;
        this.time = time;
        lookedAt = DateTimeOffset.FromUnixTimeMilliseconds(time.GetUtcNow().ToUnixTimeMilliseconds());
        ledgers = Watched(policy).ToDictionary(s => s.Name, s => ServiceLedger.Read(s, exemptions.Keys, state, lookedAt), StringComparer.Ordinal);
        open = ledgers.Keys.ToDictionary(s => s, _ => new List<OpenConnection>(), StringComparer.Ordinal);
    }

    /// <summary>True when the connections were looked at, so that they can be judged.</summary>
    public bool IsLook { get; private set; }

    /// <summary>Why they could not be looked at; null when they could, or when it was not time to.</summary>
    public string? Problem { get; private set; }

    /// <summary>What is to be kept until the next run.</summary>
    public IEnumerable<WindowState> Changed => ledgers.Values.SelectMany(l => l.Changed);

    /// <summary>Looks, unless somebody did a moment ago.</summary>
    public static ConnectionWatch Look(EffectivePolicy policy, Exemptions exemptions, StateDatabase state, TimeProvider time)
    {
        var watch = new ConnectionWatch(policy, exemptions, state, time);
        if (watch.ledgers.Count > 0 && watch.IsTime()) watch.Look();
        return watch;
    }

    /// <summary>Takes an attempt that has a source.</summary>
    public void Observe(in Attempt attempt)
    {
        if (!ledgers.TryGetValue(attempt.Service, out ConnectionLedger? ledger)) return;
        if (attempt.Kind == AttemptKind.Success) ledger.LoggedIn(attempt.Source, attempt.Port, attempt.UnixMilliseconds);
        else ledger.Named(attempt.Source);
    }

    /// <summary>What was observed is written down.</summary>
    public void Keep()
    {
        foreach (ConnectionLedger ledger in ledgers.Values)
        {
            ledger.Keep();
            ledger.Saved();
        }
    }

    /// <summary>What was observed and not written down is forgotten: it will be read again.</summary>
    public void Drop()
    {
        foreach (ConnectionLedger ledger in ledgers.Values) ledger.Drop();
    }

    /// <summary>Gives holders and numbers to the recorder.</summary>
    /// <param name="recorder">Takes what is found.</param>
    /// <param name="unread">Services whose logs could not be read to their end.</param>
    public void Judge(StepRecorder recorder, IReadOnlySet<string> unread)
    {
        var seen = new List<(ServicePolicy Service, ConnectionsSeen Seen)>();
        foreach (ServicePolicy service in Watched(policy))
        {
            seen.Add((service, ledgers[service.Name].Judge(
                open[service.Name], lookedAt.ToUnixTimeMilliseconds(), service.Detections.Holders,
                (key, count) => IsTrusted(key, service.Family) ? count * policy.Trust.Factor : count,
                (long)policy.Trust.For.TotalMilliseconds, !unread.Contains(service.Name))));
        }

        HashSet<AddressPrefix> inside = [.. seen.SelectMany(s => s.Seen.LoggedIn)];
        foreach ((ServicePolicy service, ConnectionsSeen found) in seen)
        {
            foreach (Holder holder in found.Holders) Take(holder, service, inside, recorder);
            if (found.Unauthenticated is not { } count || service.Detections.Capacity is not { } capacity) continue;
            recorder.Observe(new ServiceSample(service.Name, lookedAt.ToUnixTimeMilliseconds(), count, capacity));
            if (service.Detections.Pressure is not null) MakeRoom(service, found, count, capacity);
        }
    }

    /// <summary>True when a service was full, also where what fills it is too young to be ended yet.</summary>
    public bool IsAnyFull { get; private set; }

    /// <summary>Services that were full of strangers' connections, and what becomes of these.</summary>
    public IReadOnlyList<CrowdedService> Crowded => crowded;

    /// <summary>Ends the oldest connections of strangers at each of <see cref="Crowded"/>. To be called when siege keeps others out.</summary>
    public EndedConnections MakeRoom() => HeldConnections.End([.. crowded.SelectMany(c => c.ToEnd)], time);

    /// <summary>Ends the held connections of sources that are logged in on others, and so are not banned.</summary>
    public EndedConnections EndHeld() => HeldConnections.End(toEnd, time);

    private static IEnumerable<ServicePolicy> Watched(EffectivePolicy policy) =>
        policy.Enabled.Where(s => s.Detections.LooksAtConnections);

    private bool IsTime()
    {
        TimeSpan wait = policy.Enabled.Select(s => s.Detections.Holders?.For / 2 ?? LongestWait).Append(LongestWait).Min();
        return ledgers.Values.Any(l => lookedAt.ToUnixTimeMilliseconds() - l.LastTry is var since && (l.LastTry == long.MinValue || since < 0 || since >= wait.TotalMilliseconds));
    }

    private void Look()
    {
        var services = new Dictionary<int, string>();
        foreach (ServicePolicy service in Watched(policy))
            foreach (int port in service.Ports) services[port] = service.Name;
        var connected = ledgers.Keys.ToDictionary(s => s, _ => new HashSet<SourceAddress>(), StringComparer.Ordinal);
        var exempted = new HashSet<SourceAddress>();
        try
        {
            using SocketDiagnostics diagnostics = SocketDiagnostics.Open(time);
            foreach (TcpSocket socket in diagnostics.List(new(Accepted, services.Keys)))
            {
                SourceAddress remote = SourceAddress.From(socket.Remote.Address);
                string service = services[socket.Local.Port];
                connected[service].Add(remote);
                if (exemptions.Find(AddressPrefix.Single(remote)) is not null) exempted.Add(remote);
                else if (socket.State == TcpState.Established && sockets.TryAdd(socket.Cookie, socket))
                    open[service].Add(new(socket.Cookie, remote, socket.Remote.Port, socket.Local.Port));
            }
        }
        catch (NetfilterException e)
        {
            Problem = e.Message;
            return;
        }

        foreach ((string service, ConnectionLedger ledger) in ledgers) ledger.Look(connected[service], exempted, lookedAt.ToUnixTimeMilliseconds());
        IsLook = true;
    }

    private void Take(Holder holder, ServicePolicy service, HashSet<AddressPrefix> inside, StepRecorder recorder)
    {
        DateTimeOffset since = DateTimeOffset.FromUnixTimeMilliseconds(holder.Held[0].UnixMilliseconds);
        if (holder.IsMixed)
        {
            // A ban would cut those who are logged in. Which of the connections is theirs must be certain.
            if (holder.IsCertain && since.ToUnixTimeMilliseconds() > recorder.Pardons.ForgivenUpTo(holder.Key))
                toEnd.AddRange(holder.Held.Select(h => sockets[h.Connection.Cookie]));
            return;
        }

        var offence = new Offence(
            DetectionName.Holders, service.Name, holder.Key, lookedAt, holder.Held.Count, since, service.Detections.Holders!.For)
        {
            // Banned at this service alone when it may be at work at another.
            Trusted = inside.Contains(holder.Key) || policy.Services.Any(s => IsTrusted(holder.Key, s.Family)),
        };
        recorder.Observe(offence, holder.Held.Take(EvidenceLine.MaxPerKey).Select(h => LineOf(h, holder.Key, service.Name)));
    }

    private void MakeRoom(ServicePolicy service, ConnectionsSeen found, int count, int capacity)
    {
        IsAnyFull |= Crowding.IsFull(count, capacity);
        HashSet<AddressPrefix> banned = [.. found.Holders.Where(h => !h.IsMixed).Select(h => h.Key)];
        IReadOnlyList<HeldConnection> inTheWay = Crowding.ToEnd(found, capacity, lookedAt.ToUnixTimeMilliseconds(), source =>
            exemptions.Keys.KeyOf(source) is var key && !banned.Contains(key) && !policy.Services.Any(s => IsTrusted(key, s.Family)));
        if (inTheWay.Count > 0) crowded.Add(new(service.Name, count, capacity, [.. inTheWay.Select(h => sockets[h.Connection.Cookie])]));
    }

    private EvidenceLine LineOf(HeldConnection held, AddressPrefix key, string service)
    {
        long seconds = (lookedAt.ToUnixTimeMilliseconds() - held.UnixMilliseconds) / 1000;
        string text = string.Create(
            CultureInfo.InvariantCulture,
            $"{HumanTime.Rfc3339(lookedAt)} {service}: connection from {held.Connection.Source} port {held.Connection.Port} to port {held.Connection.LocalPort}, open for {seconds} s or longer, nobody logged in on it");
        return new(service, key, lookedAt.ToUnixTimeMilliseconds(), Encoding.UTF8.GetBytes(text));
    }

    private bool IsTrusted(AddressPrefix key, string family) =>
        state.LastSuccess(key, family) is { } last && policy.Trust.Until(last, lookedAt) > lookedAt;
}
