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
public sealed class LibNftables : IDisposable
{
    /// <summary>Loads libnftables.so.1 and makes a context.</summary>
    /// <exception cref="NetfilterException">The library is not installed; the text names the package.</exception>
    public static LibNftables Open() => throw new NotImplementedException();

    /// <summary>Runs commands as one transaction and gives back what they print.</summary>
    /// <param name="commands">Text in the nft language.</param>
    /// <param name="listing">How listings are printed.</param>
    /// <param name="checkOnly">True: the kernel validates, nothing changes (nft -c).</param>
    /// <exception cref="NetfilterException">Refused; the text carries libnftables' messages with line and column.</exception>
    public string Run(string commands, NftListing listing = NftListing.Plain, bool checkOnly = false) =>
        throw new NotImplementedException();

    /// <inheritdoc/>
    public void Dispose()
    {
    }
}
