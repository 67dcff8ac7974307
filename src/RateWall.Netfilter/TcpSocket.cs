using System.Net;

namespace RateWall.Netfilter;

/// <summary>The state of a TCP socket, with the kernel's numbers (net/tcp_states.h, TCP_ESTABLISHED and so on).</summary>
public enum TcpState : byte
{
    /// <summary>Open both ways; also before the program has accepted it.</summary>
    Established = 1,

    /// <summary>Opened from here, not answered yet.</summary>
    SynSent = 2,

    /// <summary>Asked for by the other side, the handshake not complete.</summary>
    SynReceived = 3,

    /// <summary>Closed here, the other side has not acknowledged that.</summary>
    FinWait1 = 4,

    /// <summary>Closed here, the other side has acknowledged that and not closed.</summary>
    FinWait2 = 5,

    /// <summary>Over; what is late on the line is waited for.</summary>
    TimeWait = 6,

    /// <summary>Closed.</summary>
    Close = 7,

    /// <summary>Closed by the other side; a program here still holds it.</summary>
    CloseWait = 8,

    /// <summary>Closed by both, the last acknowledgement is missing.</summary>
    LastAck = 9,

    /// <summary>A listener.</summary>
    Listen = 10,

    /// <summary>Closed by both at once.</summary>
    Closing = 11,
}

/// <summary>Which TCP sockets are asked for.</summary>
/// <param name="States">In one of these states; the kernel looks at no others.</param>
/// <param name="LocalPorts">At one of these local ports, filtered in the kernel, 5000 at most; empty: at any.</param>
/// <param name="WithTimes">Also <see cref="TcpSocket.Times"/>: some 300 bytes more of answer for each socket.</param>
public sealed record TcpSocketFilter(IReadOnlyCollection<TcpState> States, IReadOnlyCollection<int> LocalPorts, bool WithTimes = false);

/// <summary>
/// How long ago something last happened on a socket, to the millisecond (struct tcp_info, linux/tcp.h, tcpi_last_*). The kernel
/// tells no socket's age. On an accepted socket these count from the handshake where nothing of the kind has happened since,
/// so the largest is the least age it can have; to know the age exactly, remember when a cookie was seen first.
/// </summary>
/// <param name="SinceDataReceived">Since data came in (tcpi_last_data_recv).</param>
/// <param name="SinceDataSent">Since data went out (tcpi_last_data_sent).</param>
/// <param name="SinceAckReceived">Since an acknowledgement came in (tcpi_last_ack_recv).</param>
public sealed record TcpTimes(TimeSpan SinceDataReceived, TimeSpan SinceDataSent, TimeSpan SinceAckReceived);

/// <summary>A TCP socket as the kernel's diagnostics show it (linux/inet_diag.h, struct inet_diag_msg).</summary>
public sealed record TcpSocket
{
    /// <summary>Its state.</summary>
    public required TcpState State { get; init; }

    /// <summary>
    /// The address and port here. An IPv4 connection to a listener on "::" is held as ::ffff:a.b.c.d, and given so.
    /// </summary>
    public required IPEndPoint Local { get; init; }

    /// <summary>The address and port of the other side, mapped as <see cref="Local"/> is.</summary>
    public required IPEndPoint Remote { get; init; }

    /// <summary>
    /// The kernel's name for exactly this socket: no other has it until the next boot, whatever addresses and ports it has.
    /// </summary>
    public required ulong Cookie { get; init; }

    /// <summary>The user who made it.</summary>
    public required uint UserId { get; init; }

    /// <summary>Its inode, as in /proc/PID/fd; 0 while no program holds it: not accepted yet, or let go of.</summary>
    public required uint Inode { get; init; }

    /// <summary>What was asked for by <see cref="TcpSocketFilter.WithTimes"/>; null otherwise, and where the kernel has none to tell.</summary>
    public TcpTimes? Times { get; init; }

    /// <summary>The address family it is kept under, AF_INET or AF_INET6.</summary>
    internal byte Family { get; init; }

    /// <summary>struct inet_diag_sockid as it came, the cookie in it: what the kernel is told to destroy.</summary>
    internal ReadOnlyMemory<byte> Id { get; init; }
}

/// <summary>What became of a socket that was to be destroyed.</summary>
public enum SocketDestruction
{
    /// <summary>It is gone: its program's next read or write fails with ECONNABORTED.</summary>
    Destroyed,

    /// <summary>It was gone already.</summary>
    Gone,

    /// <summary>This kernel destroys no sockets for anybody (CONFIG_INET_DIAG_DESTROY is missing).</summary>
    Unsupported,
}
