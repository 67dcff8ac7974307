namespace RateWall.Detection.Correlation;

/// <summary>Sources that have something in common: a network, or the account they try.</summary>
internal struct GroupRow : IHashedRow
{
    /// <summary>The network's address, or the hash of the account's name in its lower half.</summary>
    public SourceAddress Subject;

    /// <summary>Its members.</summary>
    public MemberWindow Members;

    /// <summary>Until when a trusted source inside is known to protect the network, in ms since 1970.</summary>
    public long ProtectedUntil;

    /// <summary>
    /// How many strangers had logged in when all its members were still strangers: while no more have, they are. -1: that is
    /// not known.
    /// </summary>
    public int Checked;

    /// <summary>The number of the service.</summary>
    public int Service;

    /// <summary>The network's prefix length; 0 for an account.</summary>
    public byte Length;

    /// <inheritdoc/>
    public readonly int Hash(ulong seed) => HashOf(Subject, Service, seed);

    /// <summary>The hash of a group.</summary>
    public static int HashOf(SourceAddress subject, int service, ulong seed) => subject.MixedWith(seed) + (service * 31);
}
