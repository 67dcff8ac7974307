namespace RateWall.Detection.Correlation;

/// <summary>What the correlator must be told about the past. Implemented by the storage, and in memory for replays.</summary>
public interface ICorrelationState
{
    /// <summary>The stamps (milliseconds since 1970, ascending) of a window as the last run left it; empty when unknown.</summary>
    IReadOnlyList<long> LoadWindow(in WindowId window);

    /// <summary>When the key last logged in successfully at a service of this family, in ms since 1970; null: never.</summary>
    long? LastSuccess(AddressPrefix key, string family);
}

/// <summary>A window that changed: what the storage writes. No stamps: the row goes.</summary>
public sealed record WindowState(WindowId Window, IReadOnlyList<long> Stamps);

/// <summary>A success that was seen.</summary>
public readonly record struct SuccessSeen(AddressPrefix Key, string Family, long UnixMilliseconds);

/// <summary>Attempts in, offences out: exact sliding windows over the last N times of a key. No clock, no I/O.</summary>
public sealed class Correlator
{
    /// <param name="services">What is detected where; attempts at other services are counted and dropped.</param>
    /// <param name="keys">Makes the key of a source.</param>
    /// <param name="state">The past.</param>
    /// <param name="trustFor">How long after a success a key is trusted.</param>
    /// <param name="maxWindows">The most windows held; beyond it new keys are counted in <see cref="Overflowed"/> only.</param>
    public Correlator(IReadOnlyList<ServiceDetection> services, SourceKeys keys, ICorrelationState state, TimeSpan trustFor, int maxWindows = 1_000_000) =>
        throw new NotImplementedException();

    /// <summary>Attempts seen (by their <see cref="Attempt.Count"/>).</summary>
    public long Attempts { get; }

    /// <summary>Attempts that found no room for a new window.</summary>
    public long Overflowed { get; }

    /// <summary>Windows that changed since the last <see cref="Clear"/>.</summary>
    public IEnumerable<WindowState> Changed => throw new NotImplementedException();

    /// <summary>Keys that logged in since the last <see cref="Clear"/>, the latest time of each.</summary>
    public IEnumerable<SuccessSeen> Successes => throw new NotImplementedException();

    /// <summary>Takes one attempt; a fired detection is added to <paramref name="offences"/> and its window starts anew.</summary>
    public void Observe(in Attempt attempt, ICollection<Offence> offences) => throw new NotImplementedException();

    /// <summary>Drops the stamps of a key at or before a time, in memory (a pardon given meanwhile).</summary>
    public void Forget(AddressPrefix key, long upToUnixMilliseconds) => throw new NotImplementedException();

    /// <summary>Forgets what has been saved; windows are loaded again when they are next touched.</summary>
    public void Clear() => throw new NotImplementedException();
}
