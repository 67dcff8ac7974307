using RateWall.Detection;

namespace RateWall.Wall;

/// <summary>The ban sets of the wall: the only place that turns a ban into a set element.</summary>
public sealed class KernelBans : IDisposable
{
    /// <summary>Opens the kernel side.</summary>
    /// <exception cref="Netfilter.NetfilterException">No permission, or no nftables in the kernel.</exception>
    public static KernelBans Open(TimeProvider time) => throw new NotImplementedException();

    /// <summary>True when the wall is there to take bans.</summary>
    public bool WallPresent => throw new NotImplementedException();

    /// <summary>
    /// Puts bans into the kernel in one batch, each with what remains until its deadline; a ban whose deadline is past is
    /// left out. Repeating it is harmless; a later deadline for the same target moves it, an earlier one is not shortened
    /// unless <paramref name="shorten"/>. Prefixes are kept disjoint: the wider takes the latest deadline.
    /// </summary>
    /// <returns>What now stands in the kernel for each asked ban, in order; null for those left out.</returns>
    public IReadOnlyList<BanElement?> Put(IReadOnlyList<BanElement> bans, bool shorten = false) => throw new NotImplementedException();

    /// <summary>Removes bans by exact target. Those that are not there are skipped.</summary>
    /// <returns>How many were there.</returns>
    public int Remove(IReadOnlyList<AddressPrefix> targets) => throw new NotImplementedException();

    /// <summary>The ban with exactly this target, with its remaining time, or null.</summary>
    public BanElement? Find(AddressPrefix target) => throw new NotImplementedException();

    /// <summary>The ban that covers an address or a network: its own or a wider one; null when none does.</summary>
    public BanElement? FindCovering(AddressPrefix target) => throw new NotImplementedException();

    /// <summary>Renews trust: puts keys into the trusted set of a family until a time.</summary>
    public void Trust(IReadOnlyList<(AddressPrefix Key, string Family, DateTimeOffset Until)> keys) => throw new NotImplementedException();

    /// <inheritdoc/>
    public void Dispose()
    {
    }
}
