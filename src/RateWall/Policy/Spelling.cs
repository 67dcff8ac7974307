namespace RateWall.Policy;

/// <summary>Finds what somebody probably meant to write.</summary>
internal static class Spelling
{
    // Longer words are no slip of the finger, and the distance is quadratic.
    private const int LongestWord = 40;

    /// <summary>The candidate that is nearest to a word, or null when none is near enough to be meant.</summary>
    public static string? Nearest(string word, IEnumerable<string> candidates)
    {
        if (word.Length is 0 or > LongestWord) return null;
        string lower = word.ToLowerInvariant().Replace('-', '_');
        string? nearest = null;
        int least = int.MaxValue;
        foreach (string candidate in candidates)
        {
            // "connection", "conn" and "max_connections" are meant as surely as "conections".
            bool partial = lower.Length >= 3 && (candidate.Contains(lower, StringComparison.Ordinal) || lower.Contains(candidate, StringComparison.Ordinal));
            int distance = Distance(lower, candidate);
            if (distance > Math.Max(1, Math.Min(lower.Length, candidate.Length) / 3) && !partial) continue;
            if (distance >= least) continue;
            least = distance;
            nearest = candidate;
        }

        return nearest;
    }

    /// <summary>
    /// How many letters must be added, removed, replaced or swapped with their neighbour to make one word the other
    /// (the optimal string alignment distance).
    /// </summary>
    public static int Distance(string a, string b)
    {
        int[] before = new int[b.Length + 1], last = new int[b.Length + 1], row = new int[b.Length + 1];
        for (int j = 0; j <= b.Length; j++) last[j] = j;
        for (int i = 1; i <= a.Length; i++)
        {
            row[0] = i;
            for (int j = 1; j <= b.Length; j++)
            {
                int replace = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
                row[j] = Math.Min(replace, 1 + Math.Min(last[j], row[j - 1]));
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) row[j] = Math.Min(row[j], before[j - 2] + 1);
            }

            (before, last, row) = (last, row, before);
        }

        return last[b.Length];
    }
}
