using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;
using static RateWall.Netfilter.KernelHeaders;

namespace RateWall.Netfilter;

/// <summary>
/// A struct nft_ctx of libnftables, whose netlink socket has been replaced, so that it speaks with whoever holds the other end
/// and with no kernel. Not thread-safe.
/// </summary>
internal sealed partial class NftContext : IDisposable
{
    private const string Library = "libnftables.so.1";

    // nftables/libnftables.h
    private const uint NFT_CTX_DEFAULT = 0;
    private const uint NFT_CTX_OUTPUT_STATELESS = 1 << 2;
    private const uint NFT_CTX_OUTPUT_TERSE = 1 << 11;

    private readonly ContextHandle context;

    private NftContext(ContextHandle context) => this.context = context;

    /// <summary>Loads libnftables.so.1 and makes a context that speaks with the far end of a pair.</summary>
    /// <param name="far">The end to give it; the caller closes its own copy.</param>
    /// <exception cref="NetfilterException">The library is not installed (the text names the package), or opens its socket in a way that is not known here.</exception>
    public static NftContext Open(SocketHandle far)
    {
        const string operation = "open libnftables";
        ContextHandle opened;
        lock (NetlinkSocket.Opening)
        {
            HashSet<string> before = [.. NetfilterSockets().Select(s => s.Identity)];
            try
            {
                opened = nft_ctx_new(NFT_CTX_DEFAULT);
            }
            catch (Exception e) when (e is DllNotFoundException or BadImageFormatException or EntryPointNotFoundException)
            {
                throw new NetfilterException(operation, 0, $"{Library} cannot be loaded: install the package libnftables1 ({e.GetType().Name})");
            }

            if (!opened.IsInvalid) Replace(operation, opened, [.. NetfilterSockets().Where(s => !before.Contains(s.Identity)).Select(s => s.Descriptor)], far);
        }

        if (opened.IsInvalid || nft_ctx_buffer_output(opened) != 0 || nft_ctx_buffer_error(opened) != 0)
        {
            opened.Dispose();
            throw new NetfilterException(operation, 0, "it gave no context (out of memory)");
        }

        return new(opened);
    }

    /// <summary>Runs commands; gives its result, 0 for success, and what it printed. Errors name the text "rules".</summary>
    public (int Result, string Output, string Errors) Run(string commands, NftListing listing, bool checkOnly)
    {
        nft_ctx_output_set_flags(context,
            (listing.HasFlag(NftListing.Stateless) ? NFT_CTX_OUTPUT_STATELESS : 0) | (listing.HasFlag(NftListing.Terse) ? NFT_CTX_OUTPUT_TERSE : 0));
        nft_ctx_set_dry_run(context, checkOnly);

        // From a buffer libnftables shows the first line with every error; from a file it shows the right one, with its number.
        using SafeFileHandle file = MemoryFile("nftables", commands);
        string path = $"/proc/self/fd/{file.DangerousGetHandle()}";
        int result = nft_run_cmd_from_filename(context, path);
        string output = Marshal.PtrToStringUTF8(nft_ctx_get_output_buffer(context)) ?? "";
        string errors = Marshal.PtrToStringUTF8(nft_ctx_get_error_buffer(context)) ?? "";
        return (result, output, errors.Replace($"{path}:", "rules:", StringComparison.Ordinal));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        context.Dispose();
        GiveMemoryBack();
    }

    /// <summary>Nothing has gone through the library's own socket yet, and nothing ever will.</summary>
    private static void Replace(string operation, ContextHandle opened, int[] descriptors, SocketHandle far)
    {
        if (descriptors is [int own] && Libc.dup3(far, own, O_CLOEXEC) == own) return;
        opened.Dispose();
        throw new NetfilterException(operation, 0, $"this version opens {descriptors.Length} sockets to the kernel where one is expected");
    }

    /// <summary>The sockets of NETLINK_NETFILTER that this process has open; the identity is one's own for as long as it lives.</summary>
    private static IEnumerable<(int Descriptor, string Identity)> NetfilterSockets()
    {
        foreach (string entry in Directory.EnumerateFileSystemEntries("/proc/self/fd"))
        {
            // Null: it was closed meanwhile.
            if (new FileInfo(entry).LinkTarget is not { } target || !target.StartsWith("socket:[", StringComparison.Ordinal)) continue;
            int descriptor = int.Parse(Path.GetFileName(entry.AsSpan()));
            if (Option(descriptor, SO_DOMAIN) == AF_NETLINK && Option(descriptor, SO_PROTOCOL) == NETLINK_NETFILTER) yield return (descriptor, target);
        }
    }

    private static int? Option(int descriptor, int option)
    {
        uint length = sizeof(int);
        return Libc.getsockopt(descriptor, SOL_SOCKET, option, out int value, ref length) == 0 ? value : null;
    }

    // What the library took for its parser is free now, several MB of it, and by itself glibc keeps it for the process.
    private static void GiveMemoryBack()
    {
        try
        {
            _ = malloc_trim(0);
        }
        catch (EntryPointNotFoundException)
        {
            // Another C library than glibc.
        }
    }

    private static SafeFileHandle MemoryFile(string operation, string text)
    {
        int descriptor = Libc.memfd_create("nftables", MFD_CLOEXEC);
        if (descriptor < 0) throw KernelError.Refused(operation, Marshal.GetLastPInvokeError());
        var file = new SafeFileHandle(descriptor, ownsHandle: true);
        RandomAccess.Write(file, Encoding.UTF8.GetBytes(text), fileOffset: 0);
        return file;
    }

    [LibraryImport("libc")]
    private static partial int malloc_trim(nuint pad);

    [LibraryImport(Library)]
    private static partial ContextHandle nft_ctx_new(uint flags);

    [LibraryImport(Library)]
    private static partial void nft_ctx_free(nint context);

    [LibraryImport(Library)]
    private static partial int nft_ctx_buffer_output(ContextHandle context);

    [LibraryImport(Library)]
    private static partial int nft_ctx_buffer_error(ContextHandle context);

    [LibraryImport(Library)]
    private static partial nint nft_ctx_get_output_buffer(ContextHandle context);

    [LibraryImport(Library)]
    private static partial nint nft_ctx_get_error_buffer(ContextHandle context);

    [LibraryImport(Library)]
    private static partial void nft_ctx_output_set_flags(ContextHandle context, uint flags);

    [LibraryImport(Library)]
    private static partial void nft_ctx_set_dry_run(ContextHandle context, [MarshalAs(UnmanagedType.U1)] bool dry);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int nft_run_cmd_from_filename(ContextHandle context, string path);

    /// <summary>struct nft_ctx *.</summary>
    private sealed class ContextHandle : SafeHandle
    {
        public ContextHandle()
            : base(invalidHandleValue: 0, ownsHandle: true)
        {
        }

        public override bool IsInvalid => handle == 0;

        protected override bool ReleaseHandle()
        {
            nft_ctx_free(handle);
            return true;
        }
    }
}
