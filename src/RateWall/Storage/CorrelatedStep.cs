using RateWall.Detection;
using RateWall.Detection.Correlation;
using RateWall.Detection.Logs;

namespace RateWall.Storage;

/// <summary>A ban whose evidence is to be kept.</summary>
/// <param name="Ban">The ban.</param>
/// <param name="Members">Whose lines explain it, where that is not its target: the offending members of a network.</param>
public sealed record ExplainedBan(StoredBan Ban, IReadOnlyList<AddressPrefix> Members);

/// <summary>What one step of reading a log came to: all of it is written down together, or none.</summary>
public sealed record CorrelatedStep
{
    /// <summary>The log's name.</summary>
    public required string Source { get; init; }

    /// <summary>The place behind the last line that was read; null when it has not moved.</summary>
    public string? Cursor { get; init; }

    /// <summary>Detections that fired, in order.</summary>
    public IReadOnlyList<Offence> Offences { get; init; } = [];

    /// <summary>Windows that changed.</summary>
    public IReadOnlyList<WindowState> Windows { get; init; } = [];

    /// <summary>Logins that succeeded.</summary>
    public IReadOnlyList<SuccessSeen> Successes { get; init; } = [];

    /// <summary>Who logged in.</summary>
    public IReadOnlyList<LoginSeen> Logins { get; init; } = [];

    /// <summary>Sieges that were raised or renewed.</summary>
    public IReadOnlyList<SiegeSeen> Sieges { get; init; } = [];

    /// <summary>Notes whose try is not certain yet.</summary>
    public IReadOnlyList<PendingNote> Notes { get; init; } = [];

    /// <summary>How the lines of programs fared.</summary>
    public IReadOnlyList<ProgramBeat> Beats { get; init; } = [];

    /// <summary>When it was read.</summary>
    public DateTimeOffset ReadAt { get; init; }

    /// <summary>Lines that told of tries.</summary>
    public IReadOnlyList<EvidenceLine> Evidence { get; init; } = [];
}
