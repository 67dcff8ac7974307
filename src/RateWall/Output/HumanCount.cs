using System.Globalization;

namespace RateWall.Output;

/// <summary>Numbers of things, as people say them.</summary>
public static class HumanCount
{
    /// <summary>"1 ban", "2 bans".</summary>
    /// <param name="count">How many.</param>
    /// <param name="noun">What, in the singular; its plural adds an s.</param>
    public static string Of(long count, string noun) => string.Create(CultureInfo.InvariantCulture, $"{count} {noun}{(count == 1 ? "" : "s")}");
}
