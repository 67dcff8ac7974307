using RateWall.Detection;

namespace RateWall.Wall;

/// <summary>
/// A source that is trusted for a while. A class, as the base library's generic code is compiled ahead for classes, and for each
/// struct anew in every run.
/// </summary>
/// <param name="Key">The source's key.</param>
/// <param name="Family">The family of services that it logged in at.</param>
/// <param name="Until">When trust ends.</param>
public sealed record TrustedKey(AddressPrefix Key, string Family, DateTimeOffset Until);
