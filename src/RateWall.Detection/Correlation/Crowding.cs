namespace RateWall.Detection.Correlation;

/// <summary>
/// Makes room at a service that is full of connections on which nobody logs in. Siege keeps further strangers out, but those
/// who came before it would keep their places, and a daemon that forks a process for each has none left for its users.
/// </summary>
public static class Crowding
{
    /// <summary>A service is full above this share of what it carries, in percent.</summary>
    public const int FullPercent = 90;

    /// <summary>So much of what it carries may stay taken, in percent: as much as raises no siege.</summary>
    public const int TakenPercent = 60;

    /// <summary>How long nobody must have logged in on a connection that is ended, in ms: programs log in within a second or two.</summary>
    public const long LeastAge = 5000;

    /// <summary>Whether so many connections without a login fill a service.</summary>
    /// <param name="unauthenticated">How many there are.</param>
    /// <param name="capacity">How many the service carries at once, at least 1.</param>
    public static bool IsFull(int unauthenticated, int capacity) => unauthenticated * 100L > (long)FullPercent * capacity;

    /// <summary>Chooses the connections to be ended: the oldest of strangers, and no more than are in the way.</summary>
    /// <param name="seen">What the look came to.</param>
    /// <param name="capacity">How many connections without a login the service carries at once, at least 1.</param>
    /// <param name="now">When it was looked at, in ms since 1970.</param>
    /// <param name="isStranger">Whether nobody has logged in from this address lately.</param>
    public static IReadOnlyList<HeldConnection> ToEnd(ConnectionsSeen seen, int capacity, long now, Func<SourceAddress, bool> isStranger)
    {
        ArgumentNullException.ThrowIfNull(seen);
        ArgumentNullException.ThrowIfNull(isStranger);
        if (seen.Unauthenticated is not { } count || !IsFull(count, capacity)) return [];
        int surplus = (int)(count - ((long)TakenPercent * capacity / 100));
        return [.. seen.Waiting.Where(w => now - w.UnixMilliseconds >= LeastAge && isStranger(w.Connection.Source)).Take(surplus)];
    }
}
