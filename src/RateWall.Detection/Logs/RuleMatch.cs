namespace RateWall.Detection.Logs;

/// <summary>A rule that matched.</summary>
internal struct RuleMatch
{
    /// <summary>The rule's file.</summary>
    public RuleFile File;

    /// <summary>The rule.</summary>
    public Rule Rule;

    /// <summary>What it found.</summary>
    public Captures Captures;

    /// <summary>Where what was matched begins in the message.</summary>
    public int Start;

    /// <summary>Its length.</summary>
    public int Length;

    /// <summary>Tries the line stands for.</summary>
    public int Count;

    /// <summary>Lines it stands for, each of <see cref="Count"/> by <see cref="Lines"/> tries.</summary>
    public int Lines;

    /// <summary>The service.</summary>
    public string Service;
}
