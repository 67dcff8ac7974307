using System.Text;

namespace RateWall.Wall;

/// <summary>Where a line of the ruleset was written.</summary>
/// <param name="File">A built-in template's name, or the path of an operator's; empty for a line between two templates.</param>
/// <param name="Line">1-based line.</param>
public readonly record struct TemplateLine(string File, int Line);

/// <summary>Filled-in templates, line by line with the place each was written at: nft's errors name lines of the result.</summary>
public sealed class FilledText
{
    private readonly StringBuilder text = new();
    private readonly List<TemplateLine> lines = [];

    /// <summary>The origin of each line, in order.</summary>
    public IReadOnlyList<TemplateLine> Lines => lines;

    /// <summary>Adds a line without its end; what was filled in may have made several of it.</summary>
    public void Add(string line, TemplateLine origin)
    {
        text.Append(line).Append('\n');
        for (int i = line.AsSpan().Count('\n'); i >= 0; i--) lines.Add(origin);
    }

    /// <summary>Adds lines that have origins of their own.</summary>
    public void Add(FilledText other)
    {
        ArgumentNullException.ThrowIfNull(other);
        text.Append(other.text);
        lines.AddRange(other.lines);
    }

    /// <summary>The text.</summary>
    public override string ToString() => text.ToString();
}
