namespace RateWall.Netfilter;

/// <summary>One element of a set, as it goes to the kernel and comes back (linux/netfilter/nf_tables.h, NFTA_SET_ELEM_*).</summary>
public sealed record SetElement
{
    /// <summary>The key in network order; for a concatenation every field is padded to 4 bytes.</summary>
    public required ReadOnlyMemory<byte> Key { get; init; }

    /// <summary>
    /// For an interval, the last key that still belongs to it (inclusive); empty otherwise. The client turns it into
    /// whatever the kernel's set type wants.
    /// </summary>
    public ReadOnlyMemory<byte> LastKey { get; init; }

    /// <summary>
    /// How long the element lives from its adding, to the kernel's jiffy (1 to 10 ms); null: for ever, or the set's own
    /// default. What is shorter than 10 ms, or negative, is written as 10 ms: the kernel would round it to "for ever".
    /// </summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>
    /// What of the timeout is left; on adding, null means all of it, more than the timeout is refused, and what is shorter than
    /// 10 ms, or past, is written as 10 ms: the kernel would round it to "all of it".
    /// </summary>
    public TimeSpan? Expires { get; init; }

    /// <summary>Packets counted by the element's counter, or null when it has none.</summary>
    public ulong? Packets { get; init; }

    /// <summary>Bytes counted by the element's counter, or null when it has none.</summary>
    public ulong? Bytes { get; init; }
}

/// <summary>What to do with an element.</summary>
public enum ElementOperation
{
    /// <summary>
    /// Add (NFT_MSG_NEWSETELEM). An element that is there already is no error; it stays as it is before Linux 6.12, and takes
    /// the new timeout and deadline since. Adding, deleting and adding in one batch moves the deadline on every kernel.
    /// </summary>
    Add,

    /// <summary>Delete; it is an error when the element is not there (NFT_MSG_DELSETELEM).</summary>
    Delete,
}

/// <summary>One change of one element, part of a batch.</summary>
public readonly record struct ElementChange(ElementOperation Operation, string Set, SetElement Element);

/// <summary>A set as the kernel describes it (NFTA_SET_*).</summary>
/// <param name="Name">Its name.</param>
/// <param name="Flags">NFT_SET_* bits.</param>
/// <param name="KeyType">nft's own number for the key type (NFTA_SET_KEY_TYPE).</param>
/// <param name="KeyLength">Bytes in a key.</param>
/// <param name="Size">The most elements it takes, or null for no bound.</param>
/// <param name="Timeout">The default timeout of its elements, or null.</param>
/// <param name="Count">How many elements it has, where the kernel says so; null on older kernels.</param>
public sealed record SetDescription(
    string Name, uint Flags, uint KeyType, uint KeyLength, uint? Size, TimeSpan? Timeout, uint? Count)
{
    /// <summary>True when each of its elements has a counter (NFTA_SET_EXPR, NFTA_SET_EXPRESSIONS).</summary>
    public bool Counted { get; init; }
}

/// <summary>A named counter (NFT_OBJECT_COUNTER).</summary>
public readonly record struct NamedCounter(string Name, ulong Packets, ulong Bytes);
