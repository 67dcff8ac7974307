using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;

namespace RateWall.IntegrationTests.Machine;

/// <summary>
/// The far end of a network interface of a namespace: what is written here arrives there, from whatever source it names.
/// A write returns when the kernel has done with the packet (drivers/net/tun.c, tun_get_user), so what it had to answer
/// can be read at once: nothing has to be waited for.
/// </summary>
public sealed partial class TunDevice : IDisposable
{
    private const int O_RDWR = 2; // asm-generic/fcntl.h
    private const int O_NONBLOCK = 0x800;
    private const int O_CLOEXEC = 0x80000;
    private const nuint TUNSETIFF = 0x400454ca; // linux/if_tun.h
    private const ushort IFF_TUN = 0x0001;
    private const ushort IFF_NO_PI = 0x1000;
    private const int IFNAMSIZ = 16; // linux/if.h; struct ifreq is 40 bytes long
    private const int EINTR = 4; // asm-generic/errno-base.h
    private const int EAGAIN = 11;
    private readonly int handle;

    /// <summary>Makes the interface; it lives as long as this object.</summary>
    public TunDevice(NetworkNamespace space, string name)
    {
        ArgumentNullException.ThrowIfNull(space);
        handle = space.Run(() => Open(name));
    }

    /// <summary>Lets one IP packet arrive.</summary>
    public void Write(ReadOnlySpan<byte> packet)
    {
        nint written;
        do written = write(handle, packet, (nuint)packet.Length);
        while (written < 0 && Marshal.GetLastPInvokeError() == EINTR);
        if (written != packet.Length) throw Failed("write");
    }

    /// <summary>The next packet that the namespace sent out; false when there is none.</summary>
    public bool TryRead(Span<byte> buffer, out int length)
    {
        nint got;
        do got = read(handle, buffer, (nuint)buffer.Length);
        while (got < 0 && Marshal.GetLastPInvokeError() == EINTR);
        if (got < 0 && Marshal.GetLastPInvokeError() != EAGAIN) throw Failed("read");
        length = (int)Math.Max(0, got);
        return got > 0;
    }

    public void Dispose() => _ = close(handle);

    private static int Open(string name)
    {
        int device = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
        if (device < 0) throw Failed("open /dev/net/tun");
        Span<byte> request = stackalloc byte[40];
        request.Clear();
        Encoding.ASCII.GetBytes(name, request[..(IFNAMSIZ - 1)]);
        BinaryPrimitives.WriteUInt16LittleEndian(request[IFNAMSIZ..], IFF_TUN | IFF_NO_PI);
        if (ioctl(device, TUNSETIFF, request) == 0) return device;
        Exception failure = Failed("ioctl TUNSETIFF");
        _ = close(device);
        throw failure;
    }

    private static InvalidOperationException Failed(string call) => new($"{call}: errno {Marshal.GetLastPInvokeError()}");

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int open(string path, int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int ioctl(int fd, nuint request, Span<byte> argument);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint write(int fd, ReadOnlySpan<byte> buffer, nuint count);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint read(int fd, Span<byte> buffer, nuint count);

    [LibraryImport("libc")]
    private static partial int close(int fd);
}
