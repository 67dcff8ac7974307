using System.Runtime.InteropServices;
using static RateWall.Netfilter.KernelHeaders;

namespace RateWall.Netfilter;

/// <summary>
/// A netlink socket of the kernel's, of the namespace its opening thread is in. It never waits: the kernel works
/// through a request inside the sending call, so that what it has to say is there when the call returns, and silence is an
/// answer too (a dump goes on inside each receiving call). Not thread-safe.
/// </summary>
internal sealed class NetlinkSocket : IDisposable
{
    /// <summary>The kernel's dumps come in pieces of 32 KiB at most (netlink_dump); larger is a truncated answer, refused.</summary>
    private const int ReceiveLength = 128 * 1024;

    /// <summary>Room for one refusal per message of a large batch; an overrun loses the later ones only.</summary>
    private const int ReceiveBufferLength = 4 * 1024 * 1024;

    /// <summary>
    /// Held while a socket of NETLINK_NETFILTER is opened in this process, so that whoever looks for the one that a library opens
    /// for itself takes no other for it.
    /// </summary>
    public static readonly Lock Opening = new();

    private readonly SocketHandle handle;
    private readonly byte[] received = GC.AllocateUninitializedArray<byte>(ReceiveLength);
    private int sendBufferLength;
    private uint sequence;

    private NetlinkSocket(SocketHandle handle) => this.handle = handle;

    /// <exception cref="NetfilterException">The kernel has no nfnetlink, or descriptors are used up.</exception>
    public static NetlinkSocket Open() => Open(NETLINK_NETFILTER, "open a netfilter netlink socket");

    /// <param name="protocol">NETLINK_*.</param>
    /// <param name="operation">What this is, for the exception.</param>
    /// <exception cref="NetfilterException">The kernel has no such protocol, or descriptors are used up.</exception>
    public static NetlinkSocket Open(int protocol, string operation)
    {
        SocketHandle opened;
        lock (Opening) opened = new(Libc.socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol));
        if (opened.IsInvalid) throw KernelError.Refused(operation, Marshal.GetLastPInvokeError());

        var socket = new NetlinkSocket(opened);
        var address = new NetlinkAddress { Family = AF_NETLINK };
        if (Libc.bind(opened, address, Libc.AddressLength) != 0)
        {
            int errno = Marshal.GetLastPInvokeError();
            socket.Dispose();
            throw KernelError.Refused(operation, errno);
        }

        // These only make answers better: an old kernel without one of them still works.
        socket.TrySet(SOL_NETLINK, NETLINK_EXT_ACK, 1);
        socket.TrySet(SOL_NETLINK, NETLINK_CAP_ACK, 1);
        if (!socket.TrySet(SOL_SOCKET, SO_RCVBUFFORCE, ReceiveBufferLength)) socket.TrySet(SOL_SOCKET, SO_RCVBUF, ReceiveBufferLength);
        return socket;
    }

    /// <summary>Reserves sequence numbers and gives the first; 0 is the kernel's own and never given.</summary>
    public uint Reserve(int count)
    {
        if (sequence > uint.MaxValue - (uint)count) sequence = 0;
        uint first = sequence + 1;
        sequence += (uint)count;
        return first;
    }

    /// <summary>Sends one datagram to the kernel, which has worked through it when this returns.</summary>
    public void Send(string operation, ReadOnlySpan<byte> datagram)
    {
        MakeRoom(datagram.Length);
        var kernel = new NetlinkAddress { Family = AF_NETLINK };
        while (true)
        {
            nint sent = Libc.sendto(handle, datagram, (nuint)datagram.Length, 0, kernel, Libc.AddressLength);
            if (sent == datagram.Length) return;
            if (sent >= 0) throw new NetfilterException(operation, EIO, $"the kernel took {sent} of {datagram.Length} bytes");
            int errno = Marshal.GetLastPInvokeError();
            if (errno != EINTR) throw KernelError.Refused(operation, errno);
        }
    }

    /// <summary>Receives one datagram of the kernel.</summary>
    /// <param name="operation">What was asked for, for the exception.</param>
    /// <param name="datagram">The bytes, valid until the next call.</param>
    /// <param name="overrun">True when the kernel lost an answer because the socket was full (ENOBUFS); go on reading.</param>
    /// <returns>False when nothing (more) is there.</returns>
    public bool TryReceive(string operation, out ReadOnlySpan<byte> datagram, out bool overrun)
    {
        datagram = default;
        overrun = false;
        while (true)
        {
            uint addressLength = Libc.AddressLength;
            nint length = Libc.recvfrom(
                handle, received, (nuint)received.Length, MSG_DONTWAIT | MSG_TRUNC, out NetlinkAddress sender, ref addressLength);
            if (length < 0)
            {
                switch (Marshal.GetLastPInvokeError())
                {
                    case EINTR:
                        continue;
                    case EAGAIN:
                        return false;
                    case ENOBUFS:
                        overrun = true;
                        return true;
                    case int errno:
                        throw KernelError.Refused(operation, errno);
                }
            }

            if (sender.PortId != 0) continue; // Another process of root wrote to this port; only the kernel is 0.
            if (length > received.Length) throw KernelError.Malformed(operation, $"a datagram of {length} bytes, more than {received.Length}");
            datagram = received.AsSpan(0, (int)length);
            return true;
        }
    }

    /// <summary>Throws away whatever a request that failed half-way left behind; ends a dump that was not read out.</summary>
    public void Drain()
    {
        while (TryReceive("drain the netlink socket", out _, out _))
        {
        }
    }

    public void Dispose() => handle.Dispose();

    private void MakeRoom(int length)
    {
        // netlink_sendmsg refuses what is longer than sk_sndbuf - 32; the kernel doubles the value it is given.
        if (length <= sendBufferLength || length < 64 * 1024) return;
        int wanted = length > int.MaxValue - 4096 ? int.MaxValue : length + 4096;
        if (TrySet(SOL_SOCKET, SO_SNDBUFFORCE, wanted) || TrySet(SOL_SOCKET, SO_SNDBUF, wanted)) sendBufferLength = length;
    }

    private bool TrySet(int level, int option, int value) => Libc.setsockopt(handle, level, option, value, sizeof(int)) == 0;
}
