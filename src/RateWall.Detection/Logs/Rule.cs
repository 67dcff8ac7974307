using System.Runtime.CompilerServices;

namespace RateWall.Detection.Logs;

/// <summary>How a rule's lines are counted.</summary>
internal enum Counting
{
    /// <summary>The one line of a try that counts.</summary>
    Counts,

    /// <summary>Counts only when no counting line of the same process tells of the same try.</summary>
    Note,

    /// <summary>Repeats what a line of another process counts: shown, never counted.</summary>
    Echo,

    /// <summary>No try: it says which address a session has, for later lines that only name the session.</summary>
    Opens,
}

/// <summary>A compiled rule.</summary>
internal sealed record Rule
{
    private Template[]? templates;

    /// <summary>"file:line".</summary>
    public required string Name { get; init; }

    /// <summary>Its place in the file's order; the first that matches is taken.</summary>
    public required int Order { get; init; }

    /// <summary>What a match is.</summary>
    public required AttemptKind Kind { get; init; }

    /// <summary>How it counts.</summary>
    public required Counting Counting { get; init; }

    /// <summary>True for `none`: its lines are no try, and what else they could be read as is in doubt.</summary>
    public bool IsClaim
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Kind == AttemptKind.None && Counting == Counting.Counts;
    }

    /// <summary>The service it names itself, or null.</summary>
    public required string? Service { get; init; }

    /// <summary>The parts it is for; empty: all.</summary>
    public required byte[][] Parts { get; init; }

    /// <summary>True when only lines that sshd marked " [preauth]" match.</summary>
    public required bool NeedsPreauth { get; init; }

    /// <summary>The template as written.</summary>
    public required string Text { get; init; }

    /// <summary>Makes the templates.</summary>
    public required Func<Template[]> Compile { private get; init; }

    /// <summary>What it stands for; always the same objects, made when they are first asked for.</summary>
    public Template[] Templates => templates ?? Interlocked.CompareExchange(ref templates, Compile(), null) ?? templates;

    /// <summary>Lines that its regular expressions gave up.</summary>
    public long Timeouts => templates?.Sum(t => t.Timeouts) ?? 0;
}

/// <summary>A sample line of a rule file and what it must give.</summary>
/// <param name="Place">"file:line" of the sample.</param>
/// <param name="Rule">The rule it stands under.</param>
/// <param name="Line">The message, without a header.</param>
/// <param name="Kind">The expected kind; <see cref="AttemptKind.None"/>: no rule of the file may match.</param>
/// <param name="Service">The expected service, or null: the file's own.</param>
/// <param name="Source">The expected source, or null for none.</param>
/// <param name="User">The expected user, or null for none.</param>
/// <param name="Count">The expected count.</param>
/// <param name="Opens">True when the line opens a session; then <paramref name="Kind"/> is none.</param>
internal sealed record RuleSample(
    string Place, string Rule, string Line, AttemptKind Kind, string? Service, SourceAddress? Source, string? User, int Count, bool Opens = false);
