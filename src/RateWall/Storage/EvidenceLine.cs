using RateWall.Detection;

namespace RateWall.Storage;

/// <summary>A log line that told of a try.</summary>
/// <param name="Service">The service that was tried.</param>
/// <param name="Key">Whom it counts against.</param>
/// <param name="UnixMilliseconds">When, in milliseconds since 1970.</param>
/// <param name="Line">The line's bytes, hostile, at most <see cref="MaxLength"/>.</param>
public sealed record EvidenceLine(string Service, AddressPrefix Key, long UnixMilliseconds, byte[] Line)
{
    /// <summary>The most bytes of a line that are kept.</summary>
    public const int MaxLength = 1024;

    /// <summary>The most lines kept of one ban, and of one key at one service that no ban has claimed: the newest.</summary>
    public const int MaxPerKey = 20;

    /// <summary>The most lines of each member that explain the ban of a network.</summary>
    public const int OfMember = 4;
}
