using System.Runtime.InteropServices;

namespace RateWall.Netfilter;

/// <summary>struct sockaddr_nl (linux/netlink.h).</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct NetlinkAddress
{
    public ushort Family;
    public ushort Pad;
    public uint PortId;
    public uint Groups;
}

/// <summary>The few libc calls a netlink socket, libnftables and the names of network devices need.</summary>
internal static partial class Libc
{
    internal const int AddressLength = 12;

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int socket(int domain, int type, int protocol);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int bind(SocketHandle socket, in NetlinkAddress address, uint length);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int setsockopt(SocketHandle socket, int level, int option, in int value, uint length);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial nint sendto(
        SocketHandle socket, ReadOnlySpan<byte> buffer, nuint length, int flags, in NetlinkAddress address, uint addressLength);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial nint recvfrom(
        SocketHandle socket, Span<byte> buffer, nuint length, int flags, out NetlinkAddress address, ref uint addressLength);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int socketpair(int domain, int type, int protocol, Span<int> descriptors);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "bind")]
    internal static partial int bind_unix(SocketHandle socket, ReadOnlySpan<byte> address, uint length);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial nint send(SocketHandle socket, ReadOnlySpan<byte> buffer, nuint length, int flags);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial nint recv(SocketHandle socket, Span<byte> buffer, nuint length, int flags);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int getsockopt(int socket, int level, int option, out int value, ref uint length);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int dup3(SocketHandle descriptor, int wanted, int flags);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int memfd_create(string name, uint flags);

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    internal static partial uint if_nametoindex(string name);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int close(nint descriptor);
}

/// <summary>The descriptor of a socket.</summary>
internal sealed class SocketHandle : SafeHandle
{
    public SocketHandle(int descriptor)
        : base(invalidHandleValue: -1, ownsHandle: true) => SetHandle(descriptor);

    public override bool IsInvalid => handle == -1;

    protected override bool ReleaseHandle() => Libc.close(handle) == 0;
}
