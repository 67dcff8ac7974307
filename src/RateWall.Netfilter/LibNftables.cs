using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;
using static RateWall.Netfilter.KernelHeaders;

namespace RateWall.Netfilter;

/// <summary>How libnftables prints a listing (nftables/libnftables.h, NFT_CTX_OUTPUT_*).</summary>
[Flags]
public enum NftListing
{
    /// <summary>As nft prints it.</summary>
    Plain = 0,

    /// <summary>Without counters and element timeouts (nft -s).</summary>
    Stateless = 1,

    /// <summary>Without the elements of sets (nft -t).</summary>
    Terse = 2,
}

/// <summary>The nftables project's own library: rules text in, listing out. One transaction a call. Not thread-safe.</summary>
public sealed partial class LibNftables : IDisposable
{
    private const string Library = "libnftables.so.1";

    // nftables/libnftables.h
    private const uint NFT_CTX_DEFAULT = 0;
    private const uint NFT_CTX_OUTPUT_STATELESS = 1 << 2;
    private const uint NFT_CTX_OUTPUT_TERSE = 1 << 11;

    /// <summary>Errors libnftables passes on from the kernel as strerror text only, which a caller may have to tell apart.</summary>
    private static readonly int[] Recognized = [EPERM, EACCES, ENOENT, EEXIST, EBUSY, ENOTEMPTY, EOPNOTSUPP, ENFILE];

    private readonly ContextHandle context;

    private LibNftables(ContextHandle context) => this.context = context;

    /// <summary>Loads libnftables.so.1 and makes a context.</summary>
    /// <exception cref="NetfilterException">The library is not installed (the text names the package), or the kernel has no nfnetlink.</exception>
    public static LibNftables Open()
    {
        const string operation = "open libnftables";

        // Without nfnetlink nft_ctx_new ends the whole process (it calls exit): find out first.
        NetlinkSocket.Open().Dispose();
        ContextHandle opened;
        try
        {
            opened = nft_ctx_new(NFT_CTX_DEFAULT);
        }
        catch (Exception e) when (e is DllNotFoundException or BadImageFormatException or EntryPointNotFoundException)
        {
            throw new NetfilterException(operation, 0, $"{Library} cannot be loaded: install the package libnftables1 ({e.GetType().Name})");
        }

        if (opened.IsInvalid || nft_ctx_buffer_output(opened) != 0 || nft_ctx_buffer_error(opened) != 0)
        {
            opened.Dispose();
            throw new NetfilterException(operation, 0, "it gave no context (out of memory)");
        }

        return new(opened);
    }

    /// <summary>Runs commands as one transaction and gives back what they print.</summary>
    /// <param name="commands">Text in the nft language.</param>
    /// <param name="listing">How listings are printed.</param>
    /// <param name="checkOnly">True: the kernel validates, nothing changes (nft -c).</param>
    /// <exception cref="NetfilterException">Refused; the text carries libnftables' messages, each with the line and columns it is about ("rules:2:5-9: Error: ...").</exception>
    public string Run(string commands, NftListing listing = NftListing.Plain, bool checkOnly = false)
    {
        const string operation = "nftables";
        if (commands.Contains('\0', StringComparison.Ordinal)) throw new NetfilterException(operation, EINVAL, "a NUL in the commands");

        nft_ctx_output_set_flags(context,
            (listing.HasFlag(NftListing.Stateless) ? NFT_CTX_OUTPUT_STATELESS : 0) | (listing.HasFlag(NftListing.Terse) ? NFT_CTX_OUTPUT_TERSE : 0));
        nft_ctx_set_dry_run(context, checkOnly);

        // From a buffer libnftables shows the first line with every error; from a file it shows the right one, with its number.
        using SafeFileHandle file = MemoryFile(operation, commands);
        string path = $"/proc/self/fd/{file.DangerousGetHandle()}";
        int result = nft_run_cmd_from_filename(context, path);

        // Reading a buffer also empties it for the next call, so both are read always.
        string output = Marshal.PtrToStringUTF8(nft_ctx_get_output_buffer(context)) ?? "";
        string errors = Marshal.PtrToStringUTF8(nft_ctx_get_error_buffer(context)) ?? "";
        GiveMemoryBack();
        return result == 0 ? output : throw Refused(operation, errors.Replace($"{path}:", "rules:", StringComparison.Ordinal));
    }

    /// <inheritdoc/>
    public void Dispose() => context.Dispose();

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

    /// <summary>libnftables gives text only; the errno is found by what the same libc calls it, in whatever language that is.</summary>
    internal static NetfilterException Refused(string operation, string errors)
    {
        string text = errors.Trim();
        int errno = Array.Find(Recognized, e => text.Contains(Marshal.GetPInvokeErrorMessage(e), StringComparison.Ordinal));
        return new(operation, errno, errno switch
        {
            EPERM or EACCES => $"Operation not permitted (CAP_NET_ADMIN is needed)\n{text}",
            EOPNOTSUPP => $"this kernel's nf_tables lacks something that was asked for\n{text}",
            _ when text.Length == 0 => "refused without a message",
            _ => text,
        });
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
