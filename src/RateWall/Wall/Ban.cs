using RateWall.Detection;

namespace RateWall.Wall;

/// <summary>A ban that is to be, or is, in the kernel.</summary>
/// <param name="Target">One address (/32, /128), a key (/64) or a wider network.</param>
/// <param name="Until">The absolute deadline; null: for ever.</param>
public sealed record BanElement(AddressPrefix Target, DateTimeOffset? Until)
{
    /// <summary>The ports of the one service it is banned at, for single addresses and keys only; null: every port.</summary>
    public IReadOnlyList<int>? Ports { get; init; }
}
