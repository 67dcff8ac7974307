namespace RateWall.Output;

/// <summary>A unified difference of two texts (GNU diffutils, "Unified Format"), for `plan`.</summary>
public static class TextDifference
{
    private const int Context = 2;

    /// <summary>The difference that turns one text into the other; empty when they are equal.</summary>
    public static IReadOnlyList<string> Between(string oldName, string oldText, string newName, string newText)
    {
        ArgumentNullException.ThrowIfNull(oldText);
        ArgumentNullException.ThrowIfNull(newText);
        if (string.Equals(oldText, newText, StringComparison.Ordinal)) return [];
        List<(char Mark, string Line)> edits = Edits(Lines(oldText), Lines(newText));
        if (edits.TrueForAll(e => e.Mark == ' ')) return [];
        return [$"--- {oldName}", $"+++ {newName}", .. Hunks(edits)];
    }

    private static string[] Lines(string text) => text.Length == 0 ? [] : text.TrimEnd('\n').Split('\n');

    // The longest common subsequence, on what is left after the common head and tail: rulesets differ in few places.
    private static List<(char Mark, string Line)> Edits(string[] from, string[] to)
    {
        int head = 0;
        while (head < from.Length && head < to.Length && Same(from[head], to[head])) head++;
        int tail = 0;
        while (tail < from.Length - head && tail < to.Length - head && Same(from[^(tail + 1)], to[^(tail + 1)])) tail++;

        ReadOnlySpan<string> left = from.AsSpan(head, from.Length - head - tail);
        ReadOnlySpan<string> right = to.AsSpan(head, to.Length - head - tail);
        int[,] common = new int[left.Length + 1, right.Length + 1];
        for (int i = left.Length - 1; i >= 0; i--)
            for (int j = right.Length - 1; j >= 0; j--)
                common[i, j] = Same(left[i], right[j]) ? common[i + 1, j + 1] + 1 : Math.Max(common[i + 1, j], common[i, j + 1]);

        var edits = new List<(char, string)>(from[..head].Select(l => (' ', l)));
        int a = 0, b = 0;
        while (a < left.Length || b < right.Length)
        {
            if (a < left.Length && b < right.Length && Same(left[a], right[b]))
            {
                edits.Add((' ', left[a++]));
                b++;
            }
            else if (a < left.Length && (b == right.Length || common[a + 1, b] >= common[a, b + 1]))
            {
                edits.Add(('-', left[a++]));
            }
            else
            {
                edits.Add(('+', right[b++]));
            }
        }

        edits.AddRange(from[^tail..].Select(l => (' ', l)));
        return edits;
    }

    private static IEnumerable<string> Hunks(List<(char Mark, string Line)> edits)
    {
        int oldLine = 1, newLine = 1, i = 0;
        while (i < edits.Count)
        {
            int change = edits.FindIndex(i, e => e.Mark != ' ');
            if (change < 0) yield break;
            int start = Math.Max(i, change - Context);
            oldLine += start - i;
            newLine += start - i;
            int end = EndOfHunk(edits, change);
            int olds = edits.GetRange(start, end - start).Count(e => e.Mark != '+');
            int news = edits.GetRange(start, end - start).Count(e => e.Mark != '-');
            yield return $"@@ -{oldLine},{olds} +{newLine},{news} @@";
            for (int k = start; k < end; k++) yield return edits[k].Mark + edits[k].Line;
            oldLine += olds;
            newLine += news;
            i = end;
        }
    }

    private static int EndOfHunk(List<(char Mark, string Line)> edits, int change)
    {
        int last = change;
        for (int k = change; k < edits.Count && k - last <= 2 * Context; k++)
            if (edits[k].Mark != ' ') last = k;
        return Math.Min(edits.Count, last + Context + 1);
    }

    private static bool Same(string one, string other) => string.Equals(one, other, StringComparison.Ordinal);
}
