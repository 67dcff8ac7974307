using System.Globalization;

namespace RateWall.Policy;

/// <summary>Durations as an operator writes them: 90s, 10m, 2h, 7d, 1h30m. A bare number is none: its unit is a guess.</summary>
public static class DurationText
{
    // Far beyond every limit of the policy, and far from overflow.
    private const int MostDigits = 9;

    private static readonly (char Unit, long Seconds)[] Units = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

    /// <summary>Reads a duration: whole numbers with units, each unit at most once, the larger first.</summary>
    public static bool TryParse(string? text, out TimeSpan duration)
    {
        duration = default;
        if (string.IsNullOrEmpty(text)) return false;
        long seconds = 0;
        int at = 0, unitsFrom = 0;
        while (at < text.Length)
        {
            int start = at;
            while (at < text.Length && char.IsAsciiDigit(text[at])) at++;
            if (at == start || at - start > MostDigits || at == text.Length) return false;
            int unit = Array.FindIndex(Units, unitsFrom, u => u.Unit == text[at]);
            if (unit < 0) return false;
            seconds += Units[unit].Seconds * long.Parse(text.AsSpan(start, at - start), NumberStyles.None, CultureInfo.InvariantCulture);
            unitsFrom = unit + 1;
            at++;
        }

        // Nine digits of days are more seconds than a TimeSpan has ticks for.
        if (seconds > (long)TimeSpan.MaxValue.TotalSeconds) return false;
        duration = TimeSpan.FromSeconds(seconds);
        return true;
    }

    /// <summary>Writes a duration of whole seconds so that <see cref="TryParse"/> reads it back: "1h30m", "0s".</summary>
    public static string Format(TimeSpan duration)
    {
        long rest = (long)duration.TotalSeconds;
        if (rest <= 0) return "0s";
        var text = new System.Text.StringBuilder();
        foreach ((char unit, long seconds) in Units)
        {
            if (rest < seconds) continue;
            text.Append(rest / seconds).Append(unit);
            rest %= seconds;
        }

        return text.ToString();
    }
}
