namespace RateWall.Output;

/// <summary>
/// Says how far a long work has come, in one line that rewrites itself. Nothing appears in the first two seconds, nor where
/// nobody looks.
/// </summary>
/// <param name="error">Standard error: the answer's own stream stays clean.</param>
/// <param name="terminal">What <paramref name="error"/> can do.</param>
/// <param name="time">The clock.</param>
public sealed class ProgressLine(TextWriter error, Terminal terminal, TimeProvider time) : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(250);

    private readonly long started = time.GetTimestamp();
    private long? shownAt;
    private int shownLength;

    /// <summary>Tells the state; cheap to call often, the text is only made when it will be shown.</summary>
    public void Report(Func<string> text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (!terminal.IsTerminal) return;
        if (shownAt is { } last ? time.GetElapsedTime(last) < Pause : time.GetElapsedTime(started) < Patience) return;
        shownAt = time.GetTimestamp();
        string line = TerminalText.Escape(text());
        if (line.Length >= terminal.Width) line = line[..(terminal.Width - 1)];
        error.Write($"\r{line.PadRight(shownLength)}");
        error.Flush();
        shownLength = line.Length;
    }

    /// <summary>"[#####---------------]  25 %".</summary>
    public static string Bar(long done, long all)
    {
        const int width = 20;
        int percent = all <= 0 ? 100 : (int)Math.Clamp(done * 100 / all, 0, 100);
        int filled = percent * width / 100;
        return string.Create(System.Globalization.CultureInfo.InvariantCulture, $"[{new string('#', filled)}{new string('-', width - filled)}] {percent,3} %");
    }

    /// <summary>Clears the line, so that what is printed next stands alone.</summary>
    public void Dispose()
    {
        if (shownAt is null) return;
        error.Write($"\r{new string(' ', shownLength)}\r");
        error.Flush();
        shownAt = null;
    }
}
