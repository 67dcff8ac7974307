using System.Runtime.InteropServices;
using static RateWall.Netfilter.KernelHeaders;

namespace RateWall.Netfilter;

/// <summary>
/// Two connected sockets, of which the far one can stand in for a netlink socket in a library: datagrams in both directions, and
/// what comes from here carries a sender's address of the length that libmnl insists on.
/// </summary>
internal sealed class SocketPair : IDisposable
{
    /// <summary>
    /// The far end sends a whole transaction as one datagram. The kernel lets it be as long as the buffer, but must find room for it
    /// in one piece (af_unix.c, unix_dgram_sendmsg): a little more than 4 MB.
    /// </summary>
    private const int SendBufferLength = 8 * 1024 * 1024;

    private SocketPair(SocketHandle near, SocketHandle far)
    {
        Near = near;
        Far = far;
    }

    /// <summary>The end that answers.</summary>
    public SocketHandle Near { get; }

    /// <summary>The end for the library; it waits for answers, unlike the netlink socket in whose place it comes.</summary>
    public SocketHandle Far { get; }

    /// <exception cref="NetfilterException">Descriptors are used up, among others.</exception>
    public static SocketPair Open()
    {
        const string operation = "open a pair of sockets";
        Span<int> descriptors = stackalloc int[2];
        if (Libc.socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, descriptors) != 0) throw KernelError.Refused(operation, Marshal.GetLastPInvokeError());
        var pair = new SocketPair(new(descriptors[0]), new(descriptors[1]));
        try
        {
            Name(operation, pair.Near);
        }
        catch (NetfilterException)
        {
            pair.Dispose();
            throw;
        }

        // Where neither is allowed, shorter transactions still pass.
        if (Libc.setsockopt(pair.Far, SOL_SOCKET, SO_SNDBUFFORCE, SendBufferLength, sizeof(int)) != 0)
            _ = Libc.setsockopt(pair.Far, SOL_SOCKET, SO_SNDBUF, SendBufferLength, sizeof(int));
        return pair;
    }

    /// <summary>Receives what the far end sent next; null when it is closed.</summary>
    public byte[]? Receive(string operation)
    {
        nint length = Receive(operation, [], MSG_PEEK | MSG_TRUNC);
        if (length == 0) return null;
        byte[] datagram = GC.AllocateUninitializedArray<byte>((int)length);
        return Receive(operation, datagram, 0) == length ? datagram : throw KernelError.Malformed(operation, "a datagram cut short");
    }

    /// <summary>Sends a datagram to the far end; false when that is closed.</summary>
    public bool TrySend(string operation, ReadOnlySpan<byte> datagram)
    {
        while (true)
        {
            if (Libc.send(Near, datagram, (nuint)datagram.Length, MSG_NOSIGNAL) == datagram.Length) return true;
            switch (Marshal.GetLastPInvokeError())
            {
                case EINTR: continue;
                case EPIPE or ECONNRESET: return false;
                case int errno: throw KernelError.Refused(operation, errno);
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Near.Dispose();
        Far.Dispose();
    }

    private nint Receive(string operation, Span<byte> buffer, int flags)
    {
        while (true)
        {
            nint length = Libc.recv(Near, buffer, (nuint)buffer.Length, flags);
            if (length >= 0) return length;
            switch (Marshal.GetLastPInvokeError())
            {
                case EINTR: continue;
                case ECONNRESET: return 0;
                case int errno: throw KernelError.Refused(operation, errno);
            }
        }
    }

    /// <summary>
    /// An abstract name that makes the whole address 12 bytes long: sizeof(struct sockaddr_nl), without which libmnl's
    /// mnl_socket_recvfrom takes nothing. Nobody can connect to it, for it does not listen.
    /// </summary>
    private static void Name(string operation, SocketHandle socket)
    {
        Span<byte> address = stackalloc byte[Libc.AddressLength];
        for (int tries = 0; tries < 8; tries++)
        {
            address.Clear();
            MemoryMarshal.Write(address, (ushort)AF_UNIX);
            // Only against meeting another's name; the generator for secrets would load OpenSSL, which takes 5 MB.
            Guid.NewGuid().ToByteArray().AsSpan(0, address.Length - 3).CopyTo(address[3..]);
            if (Libc.bind_unix(socket, address, Libc.AddressLength) == 0) return;
            if (Marshal.GetLastPInvokeError() != EADDRINUSE) break;
        }

        throw KernelError.Refused(operation, Marshal.GetLastPInvokeError());
    }
}
