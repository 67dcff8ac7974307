using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace RateWall.Policy;

/// <summary>Which file a name or a handle means, as statx(2) says: .NET does not give the inode.</summary>
/// <param name="Device">Device number, major in the upper half.</param>
/// <param name="Inode">Inode number.</param>
/// <param name="Size">Size in bytes.</param>
/// <param name="IsRegular">True for a regular file.</param>
internal readonly partial record struct FileIdentity(ulong Device, ulong Inode, long Size, bool IsRegular)
{
    /// <summary>The user it belongs to.</summary>
    public uint Owner { get; init; }

    /// <summary>True when its group or everybody may write to it.</summary>
    public bool IsWritableByOthers { get; init; }

    /// <summary>The user this program runs as (geteuid(2)).</summary>
    public static uint Self => geteuid();

    private const int AT_FDCWD = -100; // linux/fcntl.h
    private const int AT_EMPTY_PATH = 0x1000;
    private const uint STATX_BASIC_STATS = 0x7ff; // linux/stat.h
    private const int S_IFMT = 0xF000;
    private const int S_IFREG = 0x8000;
    private const int S_IWGRP = 0x10;
    private const int S_IWOTH = 0x2;
    private const int ENOENT = 2; // asm-generic/errno-base.h
    private const int EACCES = 13;
    private const int ENOTDIR = 20;

    /// <summary>What a path means; null when nothing is there.</summary>
    /// <exception cref="UnauthorizedAccessException">A directory on the way may not be searched.</exception>
    /// <exception cref="IOException">The system refused for another reason.</exception>
    public static FileIdentity? OfPath(string path)
    {
        if (statx(AT_FDCWD, path, 0, STATX_BASIC_STATS, out Statx stat) == 0) return From(stat);
        int errno = Marshal.GetLastPInvokeError();
        return errno switch
        {
            ENOENT or ENOTDIR => null,
            EACCES => throw new UnauthorizedAccessException($"{path} may not be looked at"),
            _ => throw new IOException($"{path}: {Marshal.GetPInvokeErrorMessage(errno)}"),
        };
    }

    /// <summary>What an open file is.</summary>
    /// <exception cref="IOException">The system refused.</exception>
    public static FileIdentity OfHandle(SafeFileHandle handle)
    {
        bool added = false;
        try
        {
            handle.DangerousAddRef(ref added);
            return statx((int)handle.DangerousGetHandle(), "", AT_EMPTY_PATH, STATX_BASIC_STATS, out Statx stat) == 0
                ? From(stat)
                : throw new IOException($"statx: {Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError())}");
        }
        finally
        {
            if (added) handle.DangerousRelease();
        }
    }

    /// <summary>True when both are the same file, whatever its size.</summary>
    public bool IsSameFile(FileIdentity other) => Device == other.Device && Inode == other.Inode;

    private static FileIdentity From(in Statx stat) =>
        new(((ulong)stat.DeviceMajor << 32) | stat.DeviceMinor, stat.Inode, checked((long)stat.Size), (stat.Mode & S_IFMT) == S_IFREG)
        {
            Owner = stat.Owner,
            IsWritableByOthers = (stat.Mode & (S_IWGRP | S_IWOTH)) != 0,
        };

    [LibraryImport("libc")]
    private static partial uint geteuid();

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int statx(int directory, string path, int flags, uint mask, out Statx result);

    // struct statx of linux/stat.h: the same on every architecture.
    [StructLayout(LayoutKind.Explicit, Size = 256)]
    private struct Statx
    {
        [FieldOffset(20)] public uint Owner;
        [FieldOffset(28)] public ushort Mode;
        [FieldOffset(32)] public ulong Inode;
        [FieldOffset(40)] public ulong Size;
        [FieldOffset(136)] public uint DeviceMajor;
        [FieldOffset(140)] public uint DeviceMinor;
    }
}
