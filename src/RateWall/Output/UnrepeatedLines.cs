using System.Text;

namespace RateWall.Output;

/// <summary>
/// Lines for somebody who is told the same things round after round: a line that the round before told too is left out, for
/// an hour at most. What is not a whole line (progress) goes through.
/// </summary>
/// <param name="inner">Where lines go.</param>
/// <param name="time">The clock.</param>
public sealed class UnrepeatedLines(TextWriter inner, TimeProvider time) : TextWriter
{
    private const int MostKept = 1000;
    private static readonly TimeSpan Reminder = TimeSpan.FromHours(1);

    private HashSet<string> before = new(StringComparer.Ordinal);
    private HashSet<string> told = new(StringComparer.Ordinal);
    private long remindedAt = time.GetTimestamp();

    /// <inheritdoc/>
    public override Encoding Encoding => inner.Encoding;

    /// <summary>A new round begins.</summary>
    public void NextRound()
    {
        (before, told) = (told, before);
        told.Clear();
        if (time.GetElapsedTime(remindedAt) < Reminder) return;
        remindedAt = time.GetTimestamp();
        before.Clear();
    }

    /// <inheritdoc/>
    public override void WriteLine(string? value)
    {
        string line = value ?? "";
        if (told.Contains(line)) return;
        if (told.Count < MostKept) told.Add(line);
        if (!before.Contains(line)) inner.WriteLine(line);
    }

    /// <inheritdoc/>
    public override void Write(char value) => inner.Write(value);

    /// <inheritdoc/>
    public override void Write(string? value) => inner.Write(value);

    /// <inheritdoc/>
    public override void Flush() => inner.Flush();
}
