namespace RateWall.Detection.Correlation;

/// <summary>When a user last logged in from a source, at the services of a family.</summary>
internal struct LoginRow : IHashedRow
{
    /// <summary>The hash of the user's name.</summary>
    public ulong User;

    /// <summary>The last login ever, in ms since 1970; <see cref="long.MinValue"/> without one.</summary>
    public long Last;

    /// <summary>The number of the source's row.</summary>
    public int Source;

    /// <summary>The number of the first service of the family.</summary>
    public short Family;

    /// <summary>True when this run saw one that the storage does not know.</summary>
    public bool Changed;

    /// <inheritdoc/>
    public readonly int Hash(ulong seed) => HashOf(User, Source);

    /// <summary>The hash of a pair; the user's own is keyed already.</summary>
    public static int HashOf(ulong user, int source) => (int)((user ^ ((ulong)source * 0x9E37_79B9_7F4A_7C15UL)) >> 32);
}
