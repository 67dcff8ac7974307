using RateWall.Detection;
using RateWall.Netfilter;

namespace RateWall.Wall;

/// <summary>What became of the connections that banned sources still held.</summary>
/// <param name="Ended">How many were ended.</param>
/// <param name="Problem">Why no more could be ended, for people; null when all were. The ban stands all the same.</param>
public sealed record EndedConnections(int Ended, string? Problem);

/// <summary>
/// The open connections of banned sources. A ban drops their packets, so that the daemon's processes would wait for more until
/// its own time runs out; destroying the sockets makes their next read fail at once.
/// </summary>
internal static class HeldConnections
{
    /// <summary>What holds a process, or will when it is accepted. What both sides have closed ends by itself.</summary>
    private static readonly TcpState[] Holding = [TcpState.Established, TcpState.SynReceived, TcpState.FinWait1, TcpState.FinWait2, TcpState.CloseWait];

    private const string Unsupported = "this kernel cannot end the connections of others (CONFIG_INET_DIAG_DESTROY)";

    /// <summary>
    /// Ends the connections of these sources to these local ports. To be called when the kernel has their ban: before it, they
    /// would connect again. A connection that has gone meanwhile is as good as ended; those of the exempt, which no ban stops,
    /// stay.
    /// </summary>
    public static EndedConnections End(
        IReadOnlyCollection<AddressPrefix> banned, IReadOnlyCollection<int> ports, Exemptions exemptions, TimeProvider time)
    {
        if (banned.Count == 0 || ports.Count == 0) return new(0, null);
        int ended = 0;
        try
        {
            HashSet<AddressPrefix> sources = [.. banned];
            (bool IPv4, byte Length)[] lengths = [.. sources.Select(s => (s.IsIPv4, s.Length)).Distinct()];
            using SocketDiagnostics sockets = SocketDiagnostics.Open(time);
            foreach (TcpSocket socket in sockets.List(new(Holding, ports)))
            {
                SourceAddress remote = SourceAddress.From(socket.Remote.Address);
                if (!lengths.Any(l => l.IPv4 == remote.IsIPv4 && sources.Contains(AddressPrefix.Of(remote, l.Length)))) continue;
                if (IsLetGo(socket) || exemptions.Find(AddressPrefix.Single(remote)) is not null) continue;
                if (!TryEnd(sockets, socket, ref ended)) return new(ended, Unsupported);
            }

            return new(ended, null);
        }
        catch (NetfilterException e)
        {
            return new(ended, e.Message);
        }
    }

    /// <summary>Who holds connections to these local ports. Empty also where that cannot be told: <see cref="End(IReadOnlyCollection{AddressPrefix}, IReadOnlyCollection{int}, Exemptions, TimeProvider)"/> says why.</summary>
    public static ConnectedSources Sources(IReadOnlyCollection<int> ports, TimeProvider time)
    {
        if (ports.Count == 0) return new([]);
        try
        {
            using SocketDiagnostics sockets = SocketDiagnostics.Open(time);
            return new([.. sockets.List(new(Holding, ports)).Select(s => SourceAddress.From(s.Remote.Address))]);
        }
        catch (NetfilterException)
        {
            return new([]);
        }
    }

    /// <summary>Ends exactly these connections, whoever has them. One that has gone meanwhile is as good as ended.</summary>
    public static EndedConnections End(IReadOnlyCollection<TcpSocket> connections, TimeProvider time)
    {
        if (connections.Count == 0) return new(0, null);
        int ended = 0;
        try
        {
            using SocketDiagnostics sockets = SocketDiagnostics.Open(time);
            foreach (TcpSocket socket in connections)
                if (!TryEnd(sockets, socket, ref ended)) return new(ended, Unsupported);
            return new(ended, null);
        }
        catch (NetfilterException e)
        {
            return new(ended, e.Message);
        }
    }

    private static bool TryEnd(SocketDiagnostics sockets, TcpSocket socket, ref int ended)
    {
        SocketDestruction outcome = sockets.Destroy(socket);
        if (outcome == SocketDestruction.Destroyed) ended++;
        return outcome != SocketDestruction.Unsupported;
    }

    // Its program closed it and holds it no more; an older kernel cannot destroy such a remnant.
    private static bool IsLetGo(TcpSocket socket) => socket is { Inode: 0, State: TcpState.FinWait1 or TcpState.FinWait2 };
}
