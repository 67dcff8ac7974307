namespace RateWall.Detection.Correlation;

/// <summary>
/// What the correlator needs of an attempt, in the 64 bytes of a cache line: it outlives the line that the attempt was read
/// from.
/// </summary>
internal struct ObservedTry
{
    /// <summary>When, in ms since 1970.</summary>
    public long UnixMilliseconds;

    /// <summary>The hash of the name that was tried, or 0.</summary>
    public ulong User;

    /// <summary>Whom it is about.</summary>
    public AddressPrefix Key;

    /// <summary>The hash of the key's address.</summary>
    public int Hash;

    /// <summary>The number of the key's row, or -1 while it is not known.</summary>
    public int Source;

    /// <summary>The number of the service.</summary>
    public int Service;

    /// <summary>How many tries it stands for: at least 1.</summary>
    public int Times;

    /// <summary>What happened.</summary>
    public AttemptKind Kind;
}
