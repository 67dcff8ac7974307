using System.Globalization;
using RateWall.Output;

namespace RateWall.Policy;

/// <summary>One thing that is wrong with the policy.</summary>
/// <param name="Origin">Where.</param>
/// <param name="Text">What is wrong and what to do about it; harmless for a terminal.</param>
public sealed record PolicyProblem(ValueOrigin Origin, string Text)
{
    /// <summary>"file:line:column: what is wrong, remedy"; a problem with a whole file (line 0) names the file alone.</summary>
    public override string ToString() => Origin.Line > 0
        ? string.Create(CultureInfo.InvariantCulture, $"{TerminalText.Escape(Origin.File)}:{Origin.Line}:{Origin.Column}: {Text}")
        : $"{TerminalText.Escape(Origin.File)}: {Text}";
}
