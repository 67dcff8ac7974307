using RateWall.Detection.Logs;

namespace RateWall.Storage;

/// <summary>How far a step of reading came.</summary>
/// <param name="Cursor">The place behind the last complete line or entry, to be stored; null: nothing to store.</param>
/// <param name="AtEnd">True when nothing more is there to read now.</param>
public readonly record struct LogStep(string? Cursor, bool AtEnd);

/// <summary>A log that is read in steps, each of which ends at a line's end: a file with its rotations, or the journal.</summary>
internal interface ILogSource : IDisposable
{
    /// <summary>Its name in the state: "file:PATH" or "journal".</summary>
    string Name { get; }

    /// <summary>The services whose tries count when they are read here.</summary>
    IReadOnlySet<string> Services { get; }

    /// <summary>Reads a bounded part.</summary>
    LogStep ReadStep(LogParser parser, AttemptHandler onAttempt);
}
