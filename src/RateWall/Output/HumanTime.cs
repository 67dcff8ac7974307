using System.Globalization;

namespace RateWall.Output;

/// <summary>Times and durations as people and programs read them.</summary>
public static class HumanTime
{
    /// <summary>The two largest units of a duration: "9m 41s", "3d 4h", "45s"; below a second "0s". Rounded down.</summary>
    public static string Duration(TimeSpan duration)
    {
        if (duration < TimeSpan.FromSeconds(1)) return "0s";
        (long Count, string Unit)[] parts = [(duration.Days, "d"), (duration.Hours, "h"), (duration.Minutes, "m"), (duration.Seconds, "s")];
        int first = Array.FindIndex(parts, p => p.Count > 0);
        string text = string.Create(CultureInfo.InvariantCulture, $"{parts[first].Count}{parts[first].Unit}");
        if (first == parts.Length - 1 || parts[first + 1].Count == 0) return text;
        return string.Create(CultureInfo.InvariantCulture, $"{text} {parts[first + 1].Count}{parts[first + 1].Unit}");
    }

    /// <summary>What remains until a deadline; "for ever" when there is none, "over" when it has passed. Seconds are rounded up, as in <see cref="RemainingSeconds"/>.</summary>
    public static string Remaining(DateTimeOffset? until, DateTimeOffset now) => until switch
    {
        null => "for ever",
        { } end when end <= now => "over",
        { } end => Duration(TimeSpan.FromSeconds(Math.Ceiling((end - now).TotalSeconds))),
    };

    /// <summary>Whole seconds until a deadline, rounded up so that a living ban never shows 0; null when there is none.</summary>
    public static long? RemainingSeconds(DateTimeOffset? until, DateTimeOffset now) =>
        until is { } end ? Math.Max(0, (long)Math.Ceiling((end - now).TotalSeconds)) : null;

    /// <summary>A time for people: "2026-01-31 17:05:09", in the zone given by <paramref name="zone"/>.</summary>
    public static string Time(DateTimeOffset time, TimeZoneInfo zone) =>
        TimeZoneInfo.ConvertTime(time, zone).ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture);

    /// <summary>A time for programs: RFC 3339 in UTC, whole seconds, "2026-01-31T16:05:09Z".</summary>
    public static string Rfc3339(DateTimeOffset time) =>
        time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    /// <inheritdoc cref="Rfc3339(DateTimeOffset)"/>
    public static string? Rfc3339(DateTimeOffset? time) => time is { } t ? Rfc3339(t) : null;
}
