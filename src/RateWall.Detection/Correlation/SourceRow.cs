namespace RateWall.Detection.Correlation;

/// <summary>What is held of one key, in half a cache line.</summary>
internal struct SourceRow
{
    /// <summary>The key's address.</summary>
    public SourceAddress Address;

    /// <summary>The next row with the same hash, or -1.</summary>
    public int Next;

    /// <summary>The key's first window, plus 1; 0: none.</summary>
    public int Window;

    /// <summary>The key's first trust, plus 1; 0: none.</summary>
    public int Trust;

    /// <summary>A bit for each family that the storage knows no success of: nearly every key of an attack has nothing else.</summary>
    public ushort NeverIn;

    /// <summary>The key's prefix length.</summary>
    public byte Length;

    /// <summary>Whom it is about.</summary>
    public readonly AddressPrefix Key => AddressPrefix.Of(Address, Length);

    /// <summary>The bit of a family, 0 for those that find no room.</summary>
    public static ushort BitOf(int family) => family < 16 ? (ushort)(1 << family) : (ushort)0;
}
