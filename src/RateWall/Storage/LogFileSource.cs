using System.Text;
using RateWall.Detection.Logs;
using RateWall.Policy;

namespace RateWall.Storage;

/// <summary>
/// A log file and what rotation made of it. A file that was renamed, compressed or copied and truncated is found again by
/// its content, its unread rest is read first, then what came after it. Copytruncate itself is lossy: what is written
/// between its copy and its truncation exists nowhere.
/// </summary>
internal sealed class LogFileSource : ILogSource
{
    private const long DefaultStepBytes = 8 * 1024 * 1024;
    private const int RotationRetries = 3;

    private readonly Queue<LogSegment> segments;
    private readonly byte[] program;
    private readonly long stepBytes;
    private readonly TextWriter warnings;
    private readonly LineFeed feed = new();

    private LogFileSource(string name, IEnumerable<LogSegment> segments, byte[] program, IReadOnlySet<string> services, long stepBytes, TextWriter warnings)
    {
        this.warnings = warnings;
        Name = name;
        Services = services;
        this.segments = new(segments);
        this.program = program;
        this.stepBytes = stepBytes;
    }

    /// <inheritdoc/>
    public string Name { get; }

    /// <inheritdoc/>
    public IReadOnlySet<string> Services { get; }

    /// <summary>The name under which a file's place is stored.</summary>
    public static string NameOf(string path) => $"file:{path}";

    /// <summary>Opens a log behind where it was left; null, with a warning, when it is not there.</summary>
    /// <param name="path">The log file.</param>
    /// <param name="program">The program of lines whose header names none, or null.</param>
    /// <param name="services">Services whose tries count when read here.</param>
    /// <param name="cursor">The stored place, or null at first.</param>
    /// <param name="warnings">Where a gap or a missing file is told.</param>
    /// <param name="stepBytes">About how much one step reads.</param>
    /// <exception cref="LogSourceException">It is not a regular file.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    /// <exception cref="DamagedStateException">The stored place is not readable.</exception>
    public static LogFileSource? Open(
        string path, string? program, IReadOnlySet<string> services, string? cursor, TextWriter warnings, long stepBytes = DefaultStepBytes)
    {
        FileCursor? stored = null;
        if (cursor is not null && !FileCursor.TryParse(cursor, out stored))
            throw new DamagedStateException($"the stored place of {path} is not readable");
        for (int i = 0; ; i++)
        {
            LogSegment? current = LogSegment.TryOpen(path);
            if (current is null)
            {
                warnings.WriteLine($"ratewall: warning: {path} is not there; its place is kept for when it comes back");
                return null;
            }

            List<LogSegment> found = Unread(path, current, stored, out bool gap);
            // A rotation while the files were being opened would leave one of them out.
            bool rotatedMeanwhile = FileIdentity.OfPath(path) is not { } now || !now.IsSameFile(current.Identity);
            if (rotatedMeanwhile && i < RotationRetries)
            {
                foreach (LogSegment segment in found) segment.Dispose();
                continue;
            }

            if (gap)
                warnings.WriteLine($"ratewall: warning: {path} was replaced and what was not yet read of the old file cannot be found; reading the new one from its start");
            return new(NameOf(path), found, Encoding.UTF8.GetBytes(program ?? ""), services, stepBytes, warnings);
        }
    }

    /// <inheritdoc/>
    public LogStep ReadStep(LogParser parser, AttemptHandler onAttempt) =>
        ReadStep(lines => parser.Read(lines, program, onAttempt));

    /// <summary>Reads a step and hands its whole lines on.</summary>
    internal LogStep ReadStep(LineSink sink)
    {
        long read = 0;
        string? behindFinished = null;
        void Count(ReadOnlySpan<byte> lines)
        {
            read += lines.Length;
            sink(lines);
        }

        while (read < stepBytes)
        {
            LogSegment segment = segments.Peek();
            // Asked before the old file's end is looked for: once the writer has moved on, that end is final.
            bool successorHasLines = segments.Skip(1).Any(newer => !newer.IsEmpty);
            if (feed.ReadBlock(segment, Count)) continue;
            if (!successorHasLines) return new(Place(behindFinished), AtEnd: true);
            feed.Finish(segment, Count);
            if (segment.IsBroken) warnings.WriteLine($"ratewall: warning: a rotated file of {Name} breaks off; what is behind the break is lost");
            behindFinished = segment.Position.In(segment.Identity).ToString();
            segments.Dequeue().Dispose();
        }

        return new(Place(behindFinished), AtEnd: false);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (LogSegment segment in segments) segment.Dispose();
    }

    // At the start of a file, and before the end of its first line, there are no bytes to know it by when it is put away and
    // compressed; the end of the one before it says the same.
    private string Place(string? behindFinished)
    {
        LogSegment reached = segments.Peek();
        return reached.Position.Offset == 0 && behindFinished is not null ? behindFinished : reached.Position.In(reached.Identity).ToString();
    }

    // The files still to be read, in order; the current one is always the last.
    private static List<LogSegment> Unread(string path, LogSegment current, FileCursor? cursor, out bool gap)
    {
        gap = false;
        if (cursor is null || current.TryResume(cursor)) return [current];
        var files = new List<LogSegment>();
        foreach (string rotated in RotatedLogs.Of(path))
        {
            if (LogSegment.TryOpen(rotated) is not { } segment) continue;
            files.Insert(0, segment);
            if (segment.TryResume(cursor))
            {
                current.Restart();
                foreach (LogSegment newer in files.Skip(1)) newer.Restart();
                files.Add(current);
                return files;
            }
        }

        foreach (LogSegment segment in files) segment.Dispose();
        current.Restart();
        // Of a file of which nothing had been read only the inode was known: compressed it is another file.
        gap = cursor.Offset > 0 || RotatedLogs.Of(path).Any(f => f.EndsWith(".gz", StringComparison.Ordinal));
        return [current];
    }
}
