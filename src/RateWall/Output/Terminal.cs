namespace RateWall.Output;

/// <summary>What the other end of an output can do.</summary>
/// <param name="IsTerminal">Somebody looks at it now; false for files and pipes.</param>
/// <param name="HasColours">It may be sent colours.</param>
/// <param name="Width">Columns, at least 20; unused where nobody looks.</param>
public sealed record Terminal(bool IsTerminal, bool HasColours, int Width)
{
    private const int UsualWidth = 80;
    private const int LeastWidth = 20;

    /// <summary>A file or a pipe.</summary>
    public static Terminal None { get; } = new(IsTerminal: false, HasColours: false, UsualWidth);

    /// <summary>Standard output of this process.</summary>
    public static Terminal OfOutput() => Of(Console.IsOutputRedirected, WindowWidth);

    /// <summary>Standard error of this process.</summary>
    public static Terminal OfError() => Of(Console.IsErrorRedirected, WindowWidth);

    private static Terminal Of(bool redirected, Func<int> width) =>
        redirected ? None : new Terminal(IsTerminal: true, WantsColours(Environment.GetEnvironmentVariable), Math.Max(LeastWidth, width()));

    /// <summary>Colours are wanted unless NO_COLOR holds anything (no-color.org) or TERM is unset or dumb.</summary>
    internal static bool WantsColours(Func<string, string?> environment) =>
        string.IsNullOrEmpty(environment("NO_COLOR")) && environment("TERM") is { Length: > 0 } and not "dumb";

    // A terminal that does not know its size answers 0.
    private static int WindowWidth() => Console.WindowWidth is > 0 and int width ? width : UsualWidth;
}
