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

/// <summary>Who is to be banned because a unit has too many processes.</summary>
/// <param name="Offences">They, those with most connections first.</param>
/// <param name="Evidence">What is remembered of their connections.</param>
/// <param name="Connections">How many connections they hold.</param>
/// <param name="Unknown">Why nobody can be told at some service; null: it was told everywhere.</param>
internal sealed record HoldersFound(IReadOnlyList<Offence> Offences, IReadOnlyList<EvidenceLine> Evidence, int Connections, string? Unknown);

/// <summary>
/// Finds who holds a unit's processes, by the connections to its services. A source is blamed when it holds as many as the
/// entry says or more, is not exempt, and has not logged in at any service within the time for which a login is trusted.
/// Only connections that were open when the logs were last read count, where that is known: on a newer one somebody may
/// have logged in. Those with most connections come first, and no more of them are taken than are needed to bring the
/// processes down to normal.
/// </summary>
internal sealed class UnitHolders(EffectivePolicy policy, Exemptions exemptions, StateDatabase state, TimeProvider time)
{
    /// <summary>The most sources that are banned at once.</summary>
    private const int MostSources = 1000;

    private readonly DateTimeOffset now = DateTimeOffset.FromUnixTimeMilliseconds(time.GetUtcNow().ToUnixTimeMilliseconds());
    private readonly Dictionary<AddressPrefix, List<(string Service, TcpSocket Socket)>> held = [];
    private string? unknown;

    /// <summary>Looks at the connections now.</summary>
    /// <param name="entry">Whose services, and from how many connections on.</param>
    /// <param name="surplus">How many processes there are beyond what is normal.</param>
    /// <exception cref="NetfilterException">The kernel does not tell of connections.</exception>
    public HoldersFound Find(UnitPolicy entry, long surplus)
    {
        using (SocketDiagnostics sockets = SocketDiagnostics.Open(time))
            foreach (ServicePolicy service in policy.Enabled.Where(s => entry.Services.Contains(s.Name, StringComparer.Ordinal))) Collect(service, sockets);
        string[] families = [.. policy.Services.Select(s => s.Family).Distinct(StringComparer.Ordinal)];
        var offences = new List<Offence>();
        var evidence = new List<EvidenceLine>();
        int connections = 0;
        foreach ((AddressPrefix key, List<(string Service, TcpSocket Socket)> of) in held.OrderByDescending(h => h.Value.Count).ThenBy(h => h.Key))
        {
            if (of.Count < entry.Holds || connections >= surplus || offences.Count == MostSources) break;
            if (Array.Exists(families, f => IsTrusted(key, f))) continue;
            string service = of.GroupBy(h => h.Service, StringComparer.Ordinal).MaxBy(g => g.Count())!.Key;
            offences.Add(new(DetectionName.Units, service, key, now, of.Count, now, TimeSpan.Zero));
            evidence.AddRange(of.Take(EvidenceLine.MaxPerKey).Select(h => LineOf(h.Socket, key, h.Service)));
            connections += of.Count;
        }

        return new(offences, evidence, connections, unknown);
    }

    private void Collect(ServicePolicy service, SocketDiagnostics sockets)
    {
        ConnectionLedger? ledger = null;
        // Where nobody looks after connections, as at smtp, nobody logs in.
        if (service.Detections.LooksAtConnections)
        {
            ledger = ServiceLedger.Read(service, exemptions.Keys, state, now);
            if (WhyUnknown(service, ledger) is { } why)
            {
                unknown ??= why;
                return;
            }
        }

        foreach (TcpSocket socket in sockets.List(new([TcpState.Established], service.Ports)))
        {
            SourceAddress remote = SourceAddress.From(socket.Remote.Address);
            if (exemptions.Find(AddressPrefix.Single(remote)) is not null || !IsReadOf(ledger, socket, remote)) continue;
            AddressPrefix key = exemptions.Keys.KeyOf(remote);
            if (!held.TryGetValue(key, out List<(string, TcpSocket)>? of)) held.Add(key, of = []);
            of.Add((service.Name, socket));
        }
    }

    // On one that came after the last look, or on which somebody logged in, nobody is to blame.
    private static bool IsReadOf(ConnectionLedger? ledger, TcpSocket socket, SourceAddress remote) =>
        ledger is null || ledger.Find(new(socket.Cookie, remote, socket.Remote.Port, socket.Local.Port)) is { LoggedIn: not true };

    // Without the logs everybody is a stranger, also the office behind one address.
    private string? WhyUnknown(ServicePolicy service, ConnectionLedger ledger)
    {
        if (service.Logs.FirstOrDefault(l => l.File is not null && !File.Exists(l.File)) is { File: { } missing })
            return $"who has logged in at {service.Name} is not known, because {TerminalText.Escape(missing)} is not there";
        if (ledger.IsBehind)
            return $"who has logged in at {service.Name} is not known, because its log could not be read to its end; 'ratewall correlate' says why";
        long since = now.ToUnixTimeMilliseconds() - ledger.LastLook;
        if (ledger.LastLook == long.MinValue || since > ConnectionLedger.LongestGap || since < 0)
            return $"who has logged in at {service.Name} is not known, because its log was not read in the last {DurationText.Format(TimeSpan.FromMilliseconds(ConnectionLedger.LongestGap))}; is ratewall-correlate.timer or ratewall-follow.service at work?";
        return ledger.IsApart ? $"the logins at {service.Name} come from other addresses than its connections, as behind a proxy" : null;
    }

    private bool IsTrusted(AddressPrefix key, string family) =>
        state.LastSuccess(key, family) is { } last && policy.Trust.Until(last, now) > now;

    private EvidenceLine LineOf(TcpSocket socket, AddressPrefix key, string service)
    {
        string text = string.Create(
            CultureInfo.InvariantCulture,
            $"{HumanTime.Rfc3339(now)} {service}: connection from {SourceAddress.From(socket.Remote.Address)} port {socket.Remote.Port} to port {socket.Local.Port}, open while the daemon had too many processes");
        return new(service, key, now.ToUnixTimeMilliseconds(), Encoding.UTF8.GetBytes(text));
    }
}
