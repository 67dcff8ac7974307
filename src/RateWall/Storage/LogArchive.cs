using RateWall.Detection;
using RateWall.Detection.Logs;
using RateWall.Policy;

namespace RateWall.Storage;

/// <summary>Log files given by name, read in the order of time: rotations of one log behind each other, different logs side by side.</summary>
internal sealed class LogArchive : IDisposable
{
    // gzip is what logrotate(8) does by itself.
    private static readonly string[] OtherPackers = [".xz", ".bz2", ".zst", ".Z", ".lz4"];

    private const int ProbedBlocks = 64;

    private readonly List<LogStrand> strands;

    private LogArchive(List<LogStrand> strands, long bytes)
    {
        this.strands = strands;
        Bytes = bytes;
    }

    /// <summary>How many bytes all files have on the disk.</summary>
    public long Bytes { get; }

    /// <summary>How many of them have been read.</summary>
    public long BytesRead => strands.Sum(s => s.BytesRead);

    /// <summary>Lines read.</summary>
    public long Lines => strands.Sum(s => s.Lines);

    /// <summary>Tries whose line has no time.</summary>
    public long Untimed => strands.Sum(s => s.Untimed);

    /// <summary>Opens files; one that is named twice is read once.</summary>
    /// <param name="paths">The files.</param>
    /// <param name="programOf">The program of a log's lines whose header names none, or empty.</param>
    /// <param name="rules">The rule files.</param>
    /// <param name="now">The time.</param>
    /// <param name="zone">The zone of stamps that name none.</param>
    /// <param name="warnings">Where a broken file is told.</param>
    /// <exception cref="LogSourceException">A file is not there, not a regular one, or packed in a way that is not read.</exception>
    /// <exception cref="UnauthorizedAccessException">A file may not be read.</exception>
    public static LogArchive Open(
        IReadOnlyList<string> paths, Func<string, string> programOf, RuleSet rules, DateTimeOffset now, TimeZoneInfo zone, TextWriter warnings)
    {
        long bytes = 0;
        var known = new List<FileIdentity>();
        var logs = new Dictionary<string, List<(string Path, long Age)>>(StringComparer.Ordinal);
        foreach (string path in paths.Select(Path.GetFullPath))
        {
            if (Array.Find(OtherPackers, e => path.EndsWith(e, StringComparison.Ordinal)) is { } packer)
                throw new LogSourceException($"{path} is packed as {packer}, which is not read; unpack it first, or pack it with gzip");
            FileIdentity file = FileIdentity.OfPath(path) ?? throw new LogSourceException($"{path} is not there");
            if (known.Exists(file.IsSameFile)) continue;
            known.Add(file);
            bytes += file.Size;
            (string log, long age) = RotatedLogs.OriginOf(path);
            if (!logs.TryGetValue(log, out List<(string, long)>? files)) logs.Add(log, files = []);
            files.Add((path, age));
            LogSegment.TryOpen(path)?.Dispose();
        }

        return new([.. logs.Select(l => Strand(l.Key, [.. l.Value.OrderByDescending(f => f.Age).Select(f => f.Path)]))], bytes);

        LogStrand Strand(string log, string[] files)
        {
            string program = programOf(log);
            long begins = logs.Count > 1 ? FirstTry(new(files, program, rules, now, zone, TextWriter.Null)) : long.MinValue;
            return new(files, program, rules, now, zone, warnings, begins);
        }
    }

    /// <summary>Reads a block of the log that is farthest behind; false when all have been read.</summary>
    public bool ReadBlock(AttemptHandler onAttempt)
    {
        LogStrand? behind = strands.Where(s => !s.AtEnd).MinBy(s => s.Reached);
        behind?.ReadBlock(onAttempt);
        return behind is not null;
    }

    // Of several logs none may run ahead: monday.log and tuesday.log are perhaps one.
    private static long FirstTry(LogStrand log)
    {
        using LogStrand probe = log;
        for (int i = 0; i < ProbedBlocks && !probe.AtEnd && probe.Reached == long.MinValue; i++)
            probe.ReadBlock((in Attempt _) => { });
        return probe.Reached;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (LogStrand strand in strands) strand.Dispose();
    }
}
