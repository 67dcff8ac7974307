namespace RateWall.Detection.Correlation;

/// <summary>What is held of one key.</summary>
internal struct SourceRow
{
    /// <summary>Whom it is about.</summary>
    public AddressPrefix Key;

    /// <summary>The next row with the same hash, or -1.</summary>
    public int Next;

    /// <summary>The key's first window, plus 1; 0: none.</summary>
    public int Window;

    /// <summary>The key's first trust, plus 1; 0: none.</summary>
    public int Trust;
}
