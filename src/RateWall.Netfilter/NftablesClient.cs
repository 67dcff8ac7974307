namespace RateWall.Netfilter;

/// <summary>Set elements and counters of nftables over nfnetlink, without a child process. Not thread-safe.</summary>
public sealed class NftablesClient : IDisposable
{
    /// <summary>Opens a netlink socket in the current network namespace.</summary>
    /// <exception cref="NetfilterException">The kernel has no nfnetlink.</exception>
    public static NftablesClient Open() => throw new NotImplementedException();

    /// <summary>The ruleset's generation: changes with every committed transaction of anybody.</summary>
    public uint GetGeneration() => throw new NotImplementedException();

    /// <summary>True when the table is there.</summary>
    public bool TableExists(TableName table) => throw new NotImplementedException();

    /// <summary>Names of the table's chains.</summary>
    public IReadOnlyList<string> ListChains(TableName table) => throw new NotImplementedException();

    /// <summary>The table's named sets and maps; anonymous ones are left out.</summary>
    public IReadOnlyList<SetDescription> ListSets(TableName table) => throw new NotImplementedException();

    /// <summary>The table's named counters.</summary>
    public IReadOnlyList<NamedCounter> ListCounters(TableName table) => throw new NotImplementedException();

    /// <summary>One element by key, or null when it is not there; for an interval set, the interval that holds the key.</summary>
    public SetElement? GetElement(TableName table, string set, ReadOnlyMemory<byte> key) => throw new NotImplementedException();

    /// <summary>All elements. The kernel's dump is quadratic in the size: for small sets only.</summary>
    public IReadOnlyList<SetElement> ListElements(TableName table, string set) => throw new NotImplementedException();

    /// <summary>Commits the changes as one batch: all of them or none.</summary>
    /// <exception cref="NetfilterException">The kernel refused; <see cref="NetfilterException.ChangeIndex"/> says which.</exception>
    public void Commit(TableName table, IReadOnlyList<ElementChange> changes) => throw new NotImplementedException();

    /// <inheritdoc/>
    public void Dispose()
    {
    }
}
