using System.Text;

namespace RateWall.Detection.Logs;

/// <summary>
/// What every text holds that a regular expression matches: the literals that stand in no group, no choice and under no
/// quantifier. Looking for them takes a hundredth of the time that the engine takes, which also needs a tenth of a second to start.
/// </summary>
internal static class RegexLiterals
{
    // One byte is in nearly every line.
    private const int Least = 2;

    /// <summary>The literals, in the order in which they stand; none where that is not so easily said.</summary>
    /// <param name="pattern">The pattern, without options.</param>
    public static byte[][] Of(string pattern)
    {
        List<byte[]> found = [];
        var run = new StringBuilder();
        for (int at = 0; at < pattern.Length;)
        {
            char c = pattern[at];
            switch (c)
            {
                case '|':
                    return [];
                case '(' or '[':
                    Break();
                    at = c == '(' ? BehindGroup(pattern, at) : BehindClass(pattern, at);
                    if (at < 0) return [];
                    continue;
                case '*' or '?' or '{':
                    // What stands before it may be missing.
                    if (run.Length > 0) run.Length--;
                    Break();
                    at = BehindQuantifier(pattern, at);
                    if (at < 0) return [];
                    continue;
                case '+':
                    Break();
                    at = BehindQuantifier(pattern, at);
                    continue;
                case '.' or '^' or '$':
                    Break();
                    at++;
                    continue;
                case '\\' when at + 1 < pattern.Length && pattern[at + 1] is 'd' or 'D' or 'w' or 'W' or 's' or 'S':
                    Break();
                    at += 2;
                    continue;
                case '\\' when at + 1 < pattern.Length && char.IsAsciiLetterOrDigit(pattern[at + 1]):
                case > '\u00FF':
                    return [];
                case '\\' when at + 1 < pattern.Length:
                    c = pattern[++at];
                    break;
            }

            run.Append(c);
            at++;
        }

        Break();
        return [.. found];

        void Break()
        {
            if (run.Length >= Least) found.Add(Encoding.Latin1.GetBytes(run.ToString()));
            run.Clear();
        }
    }

    // -1: the brace is none of a quantifier.
    private static int BehindQuantifier(string pattern, int at)
    {
        if (pattern[at++] == '{')
        {
            while (at < pattern.Length && (char.IsAsciiDigit(pattern[at]) || pattern[at] == ',')) at++;
            if (at == pattern.Length || pattern[at++] != '}') return -1;
        }

        return at < pattern.Length && pattern[at] == '?' ? at + 1 : at;
    }

    // -1: the group may hold an option, which changes what follows it.
    private static int BehindGroup(string pattern, int at)
    {
        int depth = 0;
        while (at < pattern.Length)
        {
            char c = pattern[at];
            if (c == '(' && at + 2 < pattern.Length && pattern[at + 1] == '?' && pattern[at + 2] is not (':' or '<')) return -1;
            if (c == '[')
            {
                at = BehindClass(pattern, at);
                if (at < 0) return -1;
                continue;
            }

            at += c == '\\' ? 2 : 1;
            if (c == '(') depth++;
            if (c == ')' && --depth == 0) return at;
        }

        return -1;
    }

    // -1: a class is taken out of a class.
    private static int BehindClass(string pattern, int at)
    {
        at++;
        if (at < pattern.Length && pattern[at] == '^') at++;
        // At its start it stands for itself.
        if (at < pattern.Length && pattern[at] == ']') at++;
        while (at < pattern.Length && pattern[at] != ']')
        {
            if (pattern[at] == '[') return -1;
            at += pattern[at] == '\\' ? 2 : 1;
        }

        return at < pattern.Length ? at + 1 : -1;
    }
}
