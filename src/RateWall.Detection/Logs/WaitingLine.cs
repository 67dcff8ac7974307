using System.Runtime.CompilerServices;

namespace RateWall.Detection.Logs;

/// <summary>A line of a block that has been taken apart and waits. Small: some hundred of them wait together.</summary>
/// <remarks>In two numbers: most lines are of programs without rules, and each field written of them by itself costs time.</remarks>
/// <param name="start">Where the line begins in the block.</param>
/// <param name="header">Which header it has: lines of one number have one stamp.</param>
/// <param name="length">Its length, without the newline.</param>
internal struct WaitingLine(int start, int header, int length)
{
    private const int ProgramStartAt = 16, ProgramLengthAt = 24, RulesAt = 16, PlaceAt = 32, MessageStartAt = 48, FateAt = 56;

    // Where the line begins, and its header.
    private ulong whole = (uint)start | ((ulong)(uint)header << 32);

    // The length, what is known of the program, the place, where the message begins, and the fate.
    private ulong parts = (ushort)length;

    /// <summary>A line that has been taken apart.</summary>
    /// <param name="start">Where the line begins in the block.</param>
    /// <param name="header">Which header it has.</param>
    /// <param name="length">Its length, without the newline.</param>
    /// <param name="tagged">Its parts.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public WaitingLine(int start, int header, int length, in TaggedLine tagged)
        : this(start, header, length) =>
        parts = (uint)length | ((ulong)(uint)tagged.ProgramStart << ProgramStartAt) | ((ulong)(uint)tagged.ProgramLength << ProgramLengthAt)
            | ((ulong)(uint)tagged.MessageStart << MessageStartAt);

    /// <summary>A line with the same header as this one, which stands for all of them: it begins at 0, and its program has no bytes.</summary>
    /// <param name="start">Where the line begins in the block.</param>
    /// <param name="length">Its length, without the newline.</param>
    /// <param name="program">The program's length.</param>
    /// <param name="blank">How far behind the program's first byte the blank in front of the message stands.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly WaitingLine At(int start, int length, int program, int blank)
    {
        WaitingLine line = this;
        line.whole = whole | (uint)start;
        line.parts = parts + (uint)length + ((ulong)(uint)program << ProgramLengthAt) + ((ulong)(uint)blank << MessageStartAt);
        return line;
    }

    /// <summary>Where the line begins in the block.</summary>
    public readonly int Start => (int)whole;

    /// <summary>Which header it has: lines of one number have one stamp.</summary>
    public readonly uint Header => (uint)(whole >> 32);

    /// <summary>Its length, without the newline.</summary>
    public readonly int Length => (ushort)parts;

    /// <summary>Until its rules are known: where the program begins, from the line's first byte on.</summary>
    public readonly int ProgramStart => (byte)(parts >> ProgramStartAt);

    /// <summary>Until its rules are known: the program's length; 0 when the line is to be read for itself.</summary>
    public readonly int ProgramLength => (byte)(parts >> ProgramLengthAt);

    /// <summary>As <see cref="RecentPrograms"/> counts the rules of programs.</summary>
    public readonly int Rules => (ushort)(parts >> RulesAt);

    /// <summary>
    /// Before it is matched: lines of one shape have one number, others may have it too. Of a line that matched: where the
    /// rest of it is kept.
    /// </summary>
    public int Place
    {
        readonly get => (ushort)(parts >> PlaceAt);
        set => parts = (parts & ~(0xFFFFUL << PlaceAt)) | ((ulong)(ushort)value << PlaceAt);
    }

    /// <summary>Where the message begins, from the line's first byte on.</summary>
    public readonly int MessageStart => (byte)(parts >> MessageStartAt);

    /// <summary>What became of it.</summary>
    public LineFate Fate
    {
        readonly get => (LineFate)(parts >> FateAt);
        set => parts = (parts & ~(0xFFUL << FateAt)) | ((ulong)value << FateAt);
    }

    /// <summary>The line, its rules being known.</summary>
    /// <param name="rules">Their number.</param>
    /// <param name="shape">The number of its shape.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly WaitingLine With(int rules, uint shape)
    {
        WaitingLine line = this;
        line.parts = (parts & (0xFFFFUL | (0xFFUL << MessageStartAt))) | ((ulong)(ushort)rules << RulesAt) | ((ulong)shape << PlaceAt);
        return line;
    }
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
