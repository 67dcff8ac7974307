using System.Globalization;
using RateWall.Output;

namespace RateWall.Policy;

/// <summary>
/// Reads typed values out of nodes. A wrong one becomes a problem and gives a harmless stand-in, so that the reading goes
/// on and the next problem is found too.
/// </summary>
/// <param name="problems">Takes what is wrong.</param>
internal sealed class ValueReader(PolicyProblems problems)
{
    private readonly List<PolicyValue> values = [];

    /// <summary>Every value read so far, in order.</summary>
    public IReadOnlyList<PolicyValue> Values => values;

    /// <summary>Takes what is wrong.</summary>
    public PolicyProblems Problems => problems;

    /// <summary>Notes a value for people.</summary>
    public void Record(string path, string text, ValueOrigin origin) => values.Add(new PolicyValue(path, text, origin));

    /// <summary>A node as a map; null, and a problem, when it is something else.</summary>
    public MapNode? Map(PolicyNode node, string path, string example)
    {
        if (node is MapNode map) return map;
        problems.Add(node.Origin, $"{TerminalText.Escape(path)} takes keys of its own, not {Describe(node)}; write {example}");
        return null;
    }

    /// <summary>Refuses keys that mean nothing here, naming the one that was probably meant.</summary>
    public void KnownKeys(MapNode map, string path, IReadOnlyList<string> known)
    {
        foreach (MapEntry entry in map.Entries)
        {
            if (known.Contains(entry.Key, StringComparer.Ordinal)) continue;
            problems.Add(entry.KeyOrigin, $"unknown key '{Shown(entry.Key)}'{Under(path)}; {Remedy(entry.Key, known)}");
        }
    }

    /// <summary>A whole number.</summary>
    /// <param name="map">The map it stands in.</param>
    /// <param name="path">The map's path.</param>
    /// <param name="key">Its key.</param>
    /// <param name="least">The least allowed.</param>
    /// <param name="most">The most allowed.</param>
    /// <param name="remedy">What to do when it lies outside, or null for the plain range.</param>
    public int Whole(MapNode map, string path, string key, int least, int most, string? remedy = null)
    {
        if (Scalar(map, path, key, $"{least}") is not { } scalar) return least;
        Record($"{path}.{key}", scalar.Text, scalar.Origin);
        return Whole(scalar, $"{path}.{key}", least, most, remedy) ?? least;
    }

    /// <summary>A whole number of a node; null, and a problem, when it is none or lies outside.</summary>
    public int? Whole(PolicyNode node, string path, int least, int most, string? remedy = null)
    {
        string range = $"write a whole number from {least} to {most}";
        if (node is not ScalarNode scalar)
        {
            problems.Add(node.Origin, $"{TerminalText.Escape(path)} takes a number, not {Describe(node)}; {range}");
            return null;
        }

        bool whole = scalar.Text.Length > 0 && scalar.Text.TrimStart('-').All(char.IsAsciiDigit);
        if (!whole)
        {
            problems.Add(node.Origin, $"{TerminalText.Escape(path)} is {Describe(node)}, which is no whole number; {range}");
            return null;
        }

        bool fits = int.TryParse(scalar.Text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int value);
        if (fits && value >= least && value <= most) return value;
        problems.Add(node.Origin, $"{TerminalText.Escape(path)} is {Shown(scalar.Text)}, outside {least} to {most}; {remedy ?? range}");
        return null;
    }

    /// <summary>A duration.</summary>
    /// <param name="map">The map it stands in.</param>
    /// <param name="path">The map's path.</param>
    /// <param name="key">Its key.</param>
    /// <param name="least">The shortest allowed.</param>
    /// <param name="most">The longest allowed.</param>
    public TimeSpan Duration(MapNode map, string path, string key, TimeSpan least, TimeSpan most)
    {
        string range = $"{DurationText.Format(least)} to {DurationText.Format(most)}";
        if (Scalar(map, path, key, DurationText.Format(least)) is not { } scalar) return least;
        Record($"{path}.{key}", scalar.Text, scalar.Origin);
        if (!DurationText.TryParse(scalar.Text, out TimeSpan duration))
        {
            bool bare = scalar.Text.Length > 0 && scalar.Text.All(char.IsAsciiDigit);
            problems.Add(scalar.Origin, bare
                ? $"{path}.{key} is {Shown(scalar.Text)} without a unit; write {Shown(scalar.Text)}s for seconds, or use m, h or d"
                : $"{path}.{key} is {Describe(scalar)}, which is no duration; write it like 90s, 10m, 2h, 7d or 1h30m");
            return least;
        }

        if (duration >= least && duration <= most) return duration;
        problems.Add(scalar.Origin, $"{path}.{key} is {Shown(scalar.Text)}, outside {range}; write a duration in between");
        return least;
    }

    /// <summary>A first ban that is longer than the longest; told where it can be edited.</summary>
    public void FirstAboveCap(MapNode map, string path, TimeSpan first, TimeSpan cap)
    {
        ValueOrigin firstAt = map.Find("first")!.Origin, capAt = map.Find("cap")!.Origin;
        problems.Add(
            firstAt.File == PolicyReader.BuiltIn ? capAt : firstAt,
            $"{path}.first ({DurationText.Format(first)}) is longer than {path}.cap ({DurationText.Format(cap)}); shorten the first or raise the cap");
    }

    /// <summary>A truth value.</summary>
    public bool Truth(MapNode map, string path, string key)
    {
        if (Scalar(map, path, key, "true") is not { } scalar) return true;
        Record($"{path}.{key}", scalar.Text, scalar.Origin);
        if (scalar.IsOn) return true;
        if (scalar.IsOff) return false;
        problems.Add(scalar.Origin, $"{path}.{key} is {Describe(scalar)}; write true or false");
        return true;
    }

    /// <summary>One word of several; null, and a problem, when it is another.</summary>
    public string? Word(MapNode map, string path, string key, IReadOnlyList<string> words)
    {
        if (Scalar(map, path, key, words[0]) is not { } scalar) return null;
        Record($"{path}.{key}", scalar.Text, scalar.Origin);
        if (words.Contains(scalar.Text, StringComparer.Ordinal)) return scalar.Text;
        if (scalar.IsOff && words.Contains("off", StringComparer.Ordinal)) return "off";
        problems.Add(scalar.Origin, $"{path}.{key} is {Describe(scalar)}; {Remedy(scalar.Text, words)}");
        return null;
    }

    /// <summary>The single value of a key; null, and a problem, when it is missing, empty or no single value.</summary>
    public ScalarNode? Scalar(MapNode map, string path, string key, string example)
    {
        PolicyNode? node = map.Find(key);
        if (node is ScalarNode { IsNothing: false } scalar) return scalar;
        problems.Add(node?.Origin ?? map.Origin, node is null
            ? $"{path} lacks '{key}'; add a line such as '{key}: {example}'"
            : $"{path}.{key} takes a single value, not {Describe(node)}; write '{key}: {example}'");
        return null;
    }

    /// <summary>What stands there, in words that fit "is ..." and "not ...".</summary>
    public static string Describe(PolicyNode node) => node switch
    {
        ScalarNode { IsNothing: true } => "nothing",
        ScalarNode scalar => $"'{Shown(scalar.Text)}'",
        ListNode => "a list",
        _ => "a map",
    };

    /// <summary>Hostile text for a sentence: escaped, and cut when it is long.</summary>
    public static string Shown(string text)
    {
        const int Longest = 60;
        return TerminalText.Escape(text.Length <= Longest ? text : $"{text[..Longest]}...");
    }

    /// <summary>"did you mean 'x'?", or the words there are.</summary>
    public static string Remedy(string word, IReadOnlyList<string> known) => Spelling.Nearest(word, known) is { } nearest
        ? $"did you mean '{nearest}'?"
        : $"use {string.Join(", ", known.Take(known.Count - 1))}{(known.Count > 1 ? " or " : "")}{known[^1]}";

    private static string Under(string path) => path.Length == 0 ? "" : $" in {path}";
}
