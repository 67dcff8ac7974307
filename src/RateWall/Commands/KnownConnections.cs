using RateWall.Detection;
using RateWall.Detection.Correlation;
using RateWall.Netfilter;
using RateWall.Output;
using RateWall.Policy;
using RateWall.Storage;

namespace RateWall.Commands;

/// <summary>The connections that a source holds at protected ports, and what earlier looks found out about them.</summary>
internal static class KnownConnections
{
    /// <summary>Lists them, the oldest first.</summary>
    /// <exception cref="NetfilterException">The kernel does not tell.</exception>
    public static IReadOnlyList<HeldForm> Of(AddressPrefix key, EffectivePolicy policy, SourceKeys keys, StateDatabase? state, TimeProvider time)
    {
        ServicePolicy[] services = [.. policy.Enabled];
        int[] ports = [.. services.SelectMany(s => s.Ports).Distinct()];
        using SocketDiagnostics diagnostics = SocketDiagnostics.Open(time);
        DateTimeOffset now = time.GetUtcNow();
        var held = new List<HeldForm>();
        var ledgers = new Dictionary<string, ConnectionLedger?>(StringComparer.Ordinal);
        foreach (TcpSocket socket in diagnostics.List(new([TcpState.Established], ports)))
        {
            SourceAddress remote = SourceAddress.From(socket.Remote.Address);
            if (keys.KeyOf(remote) != key) continue;
            ServicePolicy service = Array.Find(services, s => s.Ports.Contains(socket.Local.Port))!;
            if (!ledgers.TryGetValue(service.Name, out ConnectionLedger? ledger))
                ledgers.Add(service.Name, ledger = LedgerOf(service, keys, state, now));
            held.Add(FormOf(new(socket.Cookie, remote, socket.Remote.Port, socket.Local.Port), service.Name, ledger, now));
        }

        return [.. held.OrderByDescending(h => h.AgeSeconds ?? -1)];
    }

    // Null where no look was ever taken: such a state may have no key for names either, and what only reads makes none.
    private static ConnectionLedger? LedgerOf(ServicePolicy service, SourceKeys keys, StateDatabase? state, DateTimeOffset now) =>
        state is null || state.LoadWindow(new(DetectionName.Holders, service.Name, default)).Count == 0 ? null : ServiceLedger.Read(service, keys, state, now);

    private static HeldForm FormOf(in OpenConnection connection, string service, ConnectionLedger? ledger, DateTimeOffset now)
    {
        ConnectionStanding? standing = ledger?.Find(connection);
        DateTimeOffset? since = standing is null ? null : DateTimeOffset.FromUnixTimeMilliseconds(standing.Value.UnixMilliseconds);
        return new(
            service, connection.Source.ToString(), connection.Port, connection.LocalPort, HumanTime.Rfc3339(since),
            since is null ? null : Math.Max(0, (long)(now - since.Value).TotalSeconds),
            standing?.LoggedIn switch { true => "yes", false => "none", null => "unknown" });
    }
}
