namespace RateWall.Detection.Correlation;

/// <summary>What looks at a connection have found out.</summary>
/// <param name="UnixMilliseconds">When it was first seen, in ms since 1970.</param>
/// <param name="LoggedIn">Whether somebody has logged in on it; null: that cannot be told.</param>
public readonly record struct ConnectionStanding(long UnixMilliseconds, bool? LoggedIn);

/// <summary>Connections of one source that nobody has logged in on for too long.</summary>
/// <param name="Count">How many, 1 to 10000; of a trusted source its factor times as many.</param>
/// <param name="For">How old a connection must be before it counts.</param>
public sealed record HoldersThreshold(int Count, TimeSpan For)
{
    /// <summary><see cref="For"/> in milliseconds.</summary>
    internal long Milliseconds { get; } = (long)For.TotalMilliseconds;

    internal bool IsSound => Count is >= 1 and <= 10_000 && Milliseconds > 0;
}

/// <summary>An open connection to a service, as the kernel tells of it.</summary>
/// <param name="Cookie">The kernel's name for it: no other has it until the next boot.</param>
/// <param name="Source">The other side's address.</param>
/// <param name="Port">The other side's port.</param>
/// <param name="LocalPort">The port of the service.</param>
public readonly record struct OpenConnection(ulong Cookie, SourceAddress Source, int Port, int LocalPort);

/// <summary>A connection on which nobody has logged in.</summary>
/// <param name="Connection">The connection.</param>
/// <param name="UnixMilliseconds">When it was first seen, in ms since 1970: it is at least that old.</param>
public readonly record struct HeldConnection(OpenConnection Connection, long UnixMilliseconds);

/// <summary>A source that holds too many connections.</summary>
/// <param name="Key">The source.</param>
/// <param name="Held">What it holds, the oldest first.</param>
/// <param name="IsMixed">
/// True when it has other connections to the service, on which it has or may have logged in: what cuts the source off cuts
/// them too.
/// </param>
/// <param name="IsCertain">True when it is known of each of <paramref name="Held"/> that it is not one of those.</param>
public sealed record Holder(AddressPrefix Key, IReadOnlyList<HeldConnection> Held, bool IsMixed, bool IsCertain);

/// <summary>What a look at a service's connections came to.</summary>
/// <param name="Holders">Sources that hold more than they may.</param>
/// <param name="LoggedIn">Sources with a connection on which they have or may have logged in.</param>
/// <param name="Unauthenticated">Connections on which nobody has logged in; null when that cannot be told.</param>
public sealed record ConnectionsSeen(IReadOnlyList<Holder> Holders, IReadOnlySet<AddressPrefix> LoggedIn, int? Unauthenticated)
{
    /// <summary>Connections of which it is certain that nobody has logged in on them, the oldest first.</summary>
    public IReadOnlyList<HeldConnection> Waiting { get; init; } = [];

    /// <summary>Nothing can be told.</summary>
    public static ConnectionsSeen Unknown { get; } = new([], new HashSet<AddressPrefix>(), null);
}
