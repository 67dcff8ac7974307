namespace RateWall.Detection.Logs;

/// <summary>A line of a block that has been taken apart and waits. Small: some hundred of them wait together.</summary>
internal struct WaitingLine
{
    /// <summary>Where the line begins in the block.</summary>
    public int Start;

    /// <summary>Which header it has: lines of one number have one stamp.</summary>
    public int Header;

    /// <summary>Its length, without the newline.</summary>
    public ushort Length;

    /// <summary>As <see cref="RecentPrograms"/> counts the rules of programs.</summary>
    public ushort Rules;

    /// <summary>Lines of one shape have one number; others may have it too.</summary>
    public ushort Shape;

    /// <summary>Of a line that matched: where the rest of it is kept.</summary>
    public ushort Place;

    /// <summary>Where the program ends, from the line's first byte on.</summary>
    public byte ProgramEnd;

    /// <summary>Where the message begins, from the line's first byte on.</summary>
    public byte MessageStart;

    /// <summary>What became of it.</summary>
    public LineFate Fate;
}

/// <summary>What was found in a line that is to be handed on.</summary>
internal struct MatchedLine
{
    /// <summary>The rule that matched and what it found.</summary>
    public RuleMatch Match;

    /// <summary>What the line says for itself.</summary>
    public Evidence Evidence;
}

/// <summary>What became of a line.</summary>
internal enum LineFate : byte
{
    /// <summary>No rule matched.</summary>
    Unknown,

    /// <summary>It is understood, and there is nothing to hand on.</summary>
    Understood,

    /// <summary>A rule matched.</summary>
    Matched,

    /// <summary>It is to be read for itself.</summary>
    Apart,
}
