namespace RateWall.Detection.Logs;

/// <summary>What a template found in a message. Positions are into the message.</summary>
internal struct Captures
{
    /// <summary>Where the first address stands, or -1.</summary>
    public int AddressStart;

    /// <summary>Its length.</summary>
    public int AddressLength;

    /// <summary>Where the user's name stands, or -1.</summary>
    public int UserStart;

    /// <summary>Its length.</summary>
    public int UserLength;

    /// <summary>Where the line's own stamp stands, or -1.</summary>
    public int StampStart;

    /// <summary>Where the session's name stands, or -1.</summary>
    public int SessionStart;

    /// <summary>Its length.</summary>
    public int SessionLength;

    /// <summary>What {count} said, or 1.</summary>
    public int Count;

    /// <summary>True when the text can be read in more than one way.</summary>
    public bool Ambiguous;

    /// <summary>The most tries one line is believed to stand for.</summary>
    public const int MaxCount = 10_000;

    /// <summary>Nothing found yet.</summary>
    public static Captures Empty => new() { AddressStart = -1, UserStart = -1, StampStart = -1, SessionStart = -1, Count = 1 };
}
