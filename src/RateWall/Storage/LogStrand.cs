using System.Text;
using RateWall.Detection;
using RateWall.Detection.Logs;

namespace RateWall.Storage;

/// <summary>
/// One log with its rotations, oldest first, read as one: a try whose lines lie on both sides of a rotation counts once.
/// </summary>
internal sealed class LogStrand : IDisposable
{
    /// <summary>How much is read at a time. Little, because logs that are read side by side are in the order of time only up to a block.</summary>
    public const int BlockBytes = 64 * 1024;

    // A file was written to last when its last line came. An hour on top, so that no line has this time by itself.
    private static readonly TimeSpan BehindTheLastLine = TimeSpan.FromHours(1);
    private static readonly DateTimeOffset FirstBelieved = new(2000, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly Queue<string> files;
    private readonly byte[] program;
    private readonly TextWriter warnings;
    private readonly DateTimeOffset now;
    private readonly LineFeed feed = new(BlockBytes);
    private LogSegment? current;
    // The times that lines without one are given, in this file and in the one before it.
    private long asOf = long.MinValue;
    private long asOfBefore;

    /// <param name="files">The files, oldest first; each must be there.</param>
    /// <param name="program">The program of lines whose header names none, or empty.</param>
    /// <param name="rules">The rule files.</param>
    /// <param name="now">The time.</param>
    /// <param name="zone">The zone of stamps that name none.</param>
    /// <param name="warnings">Where a broken file is told.</param>
    /// <param name="begins">The first try's time, where it is known.</param>
    public LogStrand(
        IEnumerable<string> files, string program, RuleSet rules, DateTimeOffset now, TimeZoneInfo zone, TextWriter warnings,
        long begins = long.MinValue)
    {
        this.files = new(files);
        this.program = Encoding.UTF8.GetBytes(program);
        this.now = now;
        this.warnings = warnings;
        Parser = new(rules, now, zone);
        Reached = begins;
    }

    /// <summary>Lines read.</summary>
    public long Lines => Parser.Lines;

    /// <summary>Bytes read of the files as they lie on the disk.</summary>
    public long BytesRead { get; private set; }

    /// <summary>Tries whose line has no time: nobody knows when they were.</summary>
    public long Untimed { get; private set; }

    /// <summary>The newest try's time, in ms since 1970; <see cref="long.MinValue"/> before the first.</summary>
    public long Reached { get; private set; }

    /// <summary>True when all of it has been read.</summary>
    public bool AtEnd { get; private set; }

    private LogParser Parser { get; }

    /// <summary>Reads a block and hands its tries on.</summary>
    /// <exception cref="LogSourceException">A file is not a regular one, or has gone.</exception>
    /// <exception cref="UnauthorizedAccessException">A file may not be read.</exception>
    public void ReadBlock(AttemptHandler onAttempt)
    {
        if (AtEnd) return;
        if (current is null && !OpenNext())
        {
            Parser.Settle(long.MaxValue / 2, Timed);
            AtEnd = true;
            return;
        }

        long before = current!.BytesRead;
        if (!feed.ReadBlock(current, Read)) Finish();
        else BytesRead += current.BytesRead - before;

        void Read(ReadOnlySpan<byte> lines) => Parser.Read(lines, program, Timed);

        void Finish()
        {
            feed.Finish(current, Read);
            if (current.IsBroken) warnings.WriteLine($"ratewall: warning: {current.Path} breaks off; what is behind the break is lost");
            BytesRead += current.BytesRead - before;
            current.Dispose();
            current = null;
        }

        void Timed(in Attempt attempt)
        {
            if (attempt.UnixMilliseconds == asOf || attempt.UnixMilliseconds == asOfBefore)
            {
                Untimed += attempt.Count;
                return;
            }

            Reached = Math.Max(Reached, attempt.UnixMilliseconds);
            onAttempt(attempt);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => current?.Dispose();

    private bool OpenNext()
    {
        if (!files.TryDequeue(out string? path)) return false;
        current = LogSegment.TryOpen(path) ?? throw new LogSourceException($"{path} is not there");
        // Stamps without a year belong to the year of their file, not to the one in which it is looked at.
        var written = new DateTimeOffset(File.GetLastWriteTimeUtc(path));
        DateTimeOffset last = (written < FirstBelieved || written > now ? now : written) + BehindTheLastLine;
        (asOfBefore, asOf) = (asOf, last.ToUnixTimeMilliseconds());
        // Notes of the file before this one are settled by this one's lines.
        Parser.ReadAsOf(DateTimeOffset.FromUnixTimeMilliseconds(asOf));
        return true;
    }
}
