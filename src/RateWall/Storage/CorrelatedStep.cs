using RateWall.Detection.Correlation;
using RateWall.Detection.Logs;

namespace RateWall.Storage;

/// <summary>An offence, and whether whoever did it was trusted at that moment.</summary>
public sealed record Finding(Offence Offence, bool Trusted);

/// <summary>What one step of reading a log came to: all of it is written down together, or none.</summary>
public sealed record CorrelatedStep
{
    /// <summary>The log's name.</summary>
    public required string Source { get; init; }

    /// <summary>The place behind the last line that was read; null when it has not moved.</summary>
    public string? Cursor { get; init; }

    /// <summary>Detections that fired, in order.</summary>
    public IReadOnlyList<Finding> Findings { get; init; } = [];

    /// <summary>Windows that changed.</summary>
    public IReadOnlyList<WindowState> Windows { get; init; } = [];

    /// <summary>Logins that succeeded.</summary>
    public IReadOnlyList<SuccessSeen> Successes { get; init; } = [];

    /// <summary>Notes whose try is not certain yet.</summary>
    public IReadOnlyList<PendingNote> Notes { get; init; } = [];

    /// <summary>Lines that told of tries.</summary>
    public IReadOnlyList<EvidenceLine> Evidence { get; init; } = [];
}
