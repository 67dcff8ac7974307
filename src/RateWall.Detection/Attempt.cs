namespace RateWall.Detection;

/// <summary>
/// One login try, as the matcher hands it on. It borrows the line's bytes, so it lives only until the next line is read.
/// </summary>
public readonly ref struct Attempt
{
    /// <summary>When it happened, in milliseconds since 1970-01-01T00:00:00Z.</summary>
    public long UnixMilliseconds { get; init; }

    /// <summary>The service's name as rule files know it ("ssh", "imap", ...).</summary>
    public string Service { get; init; }

    /// <summary>What happened.</summary>
    public AttemptKind Kind { get; init; }

    /// <summary>True when <see cref="Source"/> holds an address; false for a host name or an ambiguous line.</summary>
    public bool HasSource { get; init; }

    /// <summary>Where it came from; only when <see cref="HasSource"/>.</summary>
    public SourceAddress Source { get; init; }

    /// <summary>The remote port of a success, or 0 where its line names none.</summary>
    public int Port { get; init; }

    /// <summary>The name that was tried, as hostile bytes; empty when the line has none.</summary>
    public ReadOnlySpan<byte> User { get; init; }

    /// <summary>How many tries the line stands for ("auth failed, 3 attempts"), at least 1.</summary>
    public int Count { get; init; }

    /// <summary>True for a note: evidence that another line may already have counted.</summary>
    public bool IsNote { get; init; }

    /// <summary>The rule that matched, "file:line", for explain and lint.</summary>
    public string Rule { get; init; }

    /// <summary>The line it was read from, without header-independent trailers, for evidence.</summary>
    public ReadOnlySpan<byte> Line { get; init; }
}
