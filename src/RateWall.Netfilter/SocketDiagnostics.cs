using static RateWall.Netfilter.KernelHeaders;

namespace RateWall.Netfilter;

/// <summary>
/// TCP sockets of a network namespace, looked at and destroyed through the kernel's socket diagnostics (sock_diag(7)). It stays
/// in the namespace it was opened in. Not thread-safe.
/// </summary>
public sealed class SocketDiagnostics : IDisposable
{
    private readonly NetlinkSocket socket;
    private readonly NetlinkExchange exchange;
    private readonly KernelRetry retry;

    private SocketDiagnostics(NetlinkSocket socket, TimeProvider time)
    {
        this.socket = socket;
        exchange = new(socket);
        retry = new(time);
    }

    /// <summary>Opens a netlink socket in the current network namespace.</summary>
    /// <param name="time">What the waits between tries go by.</param>
    /// <exception cref="NetfilterException">The kernel has no socket diagnostics.</exception>
    public static SocketDiagnostics Open(TimeProvider time)
    {
        const string operation = "open a socket diagnostics socket";
        try
        {
            return new(NetlinkSocket.Open(NETLINK_SOCK_DIAG, operation), time);
        }
        catch (NetfilterException e) when (e.Errno == EPROTONOSUPPORT)
        {
            throw Missing(operation, e.Errno);
        }
    }

    /// <summary>
    /// The TCP sockets that match, those of IPv4 and of IPv6: the IPv4 clients of a listener on "::" are among the latter. A
    /// socket that comes or goes meanwhile may be in it or not.
    /// </summary>
    /// <exception cref="NetfilterException">The kernel has no socket diagnostics for TCP, among others.</exception>
    public IReadOnlyList<TcpSocket> List(TcpSocketFilter filter)
    {
        ArgumentNullException.ThrowIfNull(filter);
        return [.. List(AF_INET, filter), .. List(AF_INET6, filter)];
    }

    /// <summary>
    /// Destroys exactly the socket that was listed, by its cookie, and whatever has its addresses and ports by now is left alone.
    /// Both sides learn of it: the other one gets a reset.
    /// </summary>
    /// <exception cref="NetfilterException">Without CAP_NET_ADMIN, among others.</exception>
    public SocketDestruction Destroy(TcpSocket target)
    {
        ArgumentNullException.ThrowIfNull(target);
        MessageBytes request = SocketMessages.DestroyRequest(target);
        string operation = $"destroy the socket to {target.Remote}";
        return retry.Execute(() => Outcome(operation, exchange.Ask(operation, request, SOCK_DIAG_BY_FAMILY, (in NetlinkMessage _) => { })));
    }

    /// <inheritdoc/>
    public void Dispose() => socket.Dispose();

    /// <summary>
    /// What an answer to SOCK_DESTROY means. Another cookie is told as ENOENT (inet_diag_find_one_icsk) or, on some kernels, as
    /// ESTALE (sock_diag_check_cookie).
    /// </summary>
    internal static SocketDestruction Outcome(string operation, in Acknowledgement answer) => answer.Errno switch
    {
        0 => SocketDestruction.Destroyed,
        ENOENT or ESTALE => SocketDestruction.Gone,
        EOPNOTSUPP => SocketDestruction.Unsupported,
        int errno => throw KernelError.Refused(operation, errno, answer.Text),
    };

    private List<TcpSocket> List(byte family, TcpSocketFilter filter)
    {
        const string operation = "list TCP sockets";
        MessageBytes request = SocketMessages.DumpRequest(family, filter);
        try
        {
            return retry.Execute(() =>
            {
                var found = new List<TcpSocket>();
                exchange.Dump(operation, request, SOCK_DIAG_BY_FAMILY, (in NetlinkMessage message) =>
                    found.Add(SocketMessages.Read(message, out string? fault) ?? throw KernelError.Malformed(operation, fault!)));
                return found;
            });
        }
        catch (NetfilterException e) when (e.Errno is ENOENT or EINVAL or EOPNOTSUPP)
        {
            throw Missing(operation, e.Errno);
        }
    }

    private static NetfilterException Missing(string operation, int errno) =>
        new(operation, errno, "this kernel has no socket diagnostics for TCP (modules inet_diag and tcp_diag)");
}
