using System.Buffers.Binary;
using System.Net;
using System.Runtime.InteropServices;
using static RateWall.Netfilter.KernelHeaders;

namespace RateWall.Netfilter;

/// <summary>The bytes of socket diagnostics (linux/sock_diag.h, linux/inet_diag.h): requests out, sockets in.</summary>
internal static class SocketMessages
{
    /// <summary>INET_DIAG_NOCOOKIE: "whatever socket has these addresses", which may be the listener.</summary>
    internal const ulong NoCookie = ulong.MaxValue;

    /// <summary>An attribute holds 64 KiB, and the filter's jumps reach as far: 12 bytes for each port.</summary>
    internal const int MaxLocalPorts = 5000;

    private const int PortTestLength = 3 * INET_DIAG_BC_OP_LEN;

    /// <summary>A dump of one address family's TCP sockets.</summary>
    public static MessageBytes DumpRequest(byte family, TcpSocketFilter filter)
    {
        int[] ports = [.. filter.LocalPorts.Distinct().Order()];
        ArgumentOutOfRangeException.ThrowIfGreaterThan(ports.Length, MaxLocalPorts, nameof(filter));
        if (ports.Any(p => p is < 0 or > ushort.MaxValue))
            throw new ArgumentOutOfRangeException(nameof(filter), string.Join(' ', ports), "a port is a number from 0 to 65535");

        byte[] buffer = new byte[NLMSG_HDRLEN + INET_DIAG_REQ_V2_LEN + NLA_HDRLEN + (ports.Length * PortTestLength)];
        var writer = new MessageWriter(buffer);
        int message = writer.BeginMessage(SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST, 0);
        Span<byte> request = writer.Struct(INET_DIAG_REQ_V2_LEN);
        request[0] = family;
        request[1] = IPPROTO_TCP;
        request[2] = filter.WithTimes ? (byte)(1 << (INET_DIAG_INFO - 1)) : (byte)0;
        MemoryMarshal.Write(request[4..], filter.States.Aggregate(0u, (states, state) => states | (1u << (int)state)));
        if (ports.Length > 0) writer.Bytes(INET_DIAG_REQ_BYTECODE, AnyOf(ports));
        writer.EndMessage(message);
        return new(buffer, writer.Length);
    }

    /// <summary>The order to destroy exactly the socket that was dumped.</summary>
    /// <exception cref="ArgumentException">It has no cookie.</exception>
    public static MessageBytes DestroyRequest(TcpSocket socket)
    {
        // Without the cookie a connection that has just gone resolves to its listener, and that would be destroyed.
        if (socket.Id.Length != INET_DIAG_SOCKID_LEN || socket.Cookie is 0 or NoCookie)
            throw new ArgumentException($"a socket without a cookie, {socket.Local} to {socket.Remote}, cannot be destroyed safely", nameof(socket));

        byte[] buffer = new byte[NLMSG_HDRLEN + INET_DIAG_REQ_V2_LEN];
        var writer = new MessageWriter(buffer);
        int message = writer.BeginMessage(SOCK_DESTROY, NLM_F_REQUEST, 0);
        Span<byte> request = writer.Struct(INET_DIAG_REQ_V2_LEN);
        request[0] = socket.Family;
        request[1] = IPPROTO_TCP;
        MemoryMarshal.Write(request[4..], 1u << (int)socket.State);
        socket.Id.Span.CopyTo(request[INET_DIAG_SOCKID_OFFSET..]);
        writer.EndMessage(message);
        return new(buffer, writer.Length);
    }

    /// <summary>Reads a socket out of a dump; null, and why, when it is none.</summary>
    public static TcpSocket? Read(in NetlinkMessage message, out string? fault)
    {
        AttributeReader attributes = message.Attributes(INET_DIAG_MSG_LEN);
        TcpTimes? times = null;
        while (attributes.Next())
        {
            // Older kernels tell less; without these three there is nothing to tell.
            if (attributes.Type == INET_DIAG_INFO && attributes.Payload.Length >= TCPI_LAST_ACK_RECV_OFFSET + sizeof(uint))
                times = ReadTimes(attributes.Payload);
        }

        fault = attributes.Fault;
        if (fault is not null) return null;
        ReadOnlySpan<byte> body = message.Body;
        byte family = body[0];
        if (family is not (AF_INET or AF_INET6))
        {
            fault = $"a socket of family {family}";
            return null;
        }

        ReadOnlySpan<byte> id = body.Slice(INET_DIAG_MSG_SOCKID_OFFSET, INET_DIAG_SOCKID_LEN);
        int length = family == AF_INET ? 4 : 16;
        return new()
        {
            State = (TcpState)body[1],
            Local = new(new IPAddress(id.Slice(4, length)), BinaryPrimitives.ReadUInt16BigEndian(id)),
            Remote = new(new IPAddress(id.Slice(20, length)), BinaryPrimitives.ReadUInt16BigEndian(id[2..])),
            Cookie = MemoryMarshal.Read<uint>(id[40..]) | ((ulong)MemoryMarshal.Read<uint>(id[44..]) << 32),
            UserId = MemoryMarshal.Read<uint>(body[INET_DIAG_MSG_UID_OFFSET..]),
            Inode = MemoryMarshal.Read<uint>(body[INET_DIAG_MSG_INODE_OFFSET..]),
            Times = times,
            Family = family,
            Id = id.ToArray(),
        };
    }

    /// <summary>
    /// The kernel's filter program for "the local port is one of these": for each port a test, which goes on behind the
    /// following jump if it fails; the jump leads to the end, which means yes. Behind the end (4 more) means no.
    /// </summary>
    private static byte[] AnyOf(int[] ports)
    {
        byte[] program = new byte[(ports.Length * PortTestLength) - INET_DIAG_BC_OP_LEN];
        for (int i = 0; i < ports.Length; i++)
        {
            Span<byte> test = program.AsSpan(i * PortTestLength);
            bool last = i == ports.Length - 1;
            WriteOperation(test, INET_DIAG_BC_S_EQ, 2 * INET_DIAG_BC_OP_LEN, PortTestLength);
            MemoryMarshal.Write(test[6..], (ushort)ports[i]); // the second half's "no" is the port, in host order
            if (!last) WriteOperation(test[8..], INET_DIAG_BC_JMP, INET_DIAG_BC_OP_LEN, program.Length - (i * PortTestLength) - 8);
        }

        return program;
    }

    private static void WriteOperation(Span<byte> at, byte code, int yes, int no)
    {
        at[0] = code;
        at[1] = (byte)yes;
        MemoryMarshal.Write(at[2..], checked((ushort)no));
    }

    private static TcpTimes ReadTimes(ReadOnlySpan<byte> info) => new(
        Ago(info[TCPI_LAST_DATA_RECV_OFFSET..]), Ago(info[TCPI_LAST_DATA_SENT_OFFSET..]), Ago(info[TCPI_LAST_ACK_RECV_OFFSET..]));

    private static TimeSpan Ago(ReadOnlySpan<byte> milliseconds) => TimeSpan.FromMilliseconds(MemoryMarshal.Read<uint>(milliseconds));
}
