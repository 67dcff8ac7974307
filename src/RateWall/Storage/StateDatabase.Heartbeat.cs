using RateWall.Detection.Logs;

namespace RateWall.Storage;

/// <summary>What is known of a program's lines.</summary>
/// <param name="Beat">The counts since <paramref name="Since"/>.</param>
/// <param name="Since">When counting began.</param>
/// <param name="Last">When its newest line was read.</param>
public sealed record StoredBeat(ProgramBeat Beat, DateTimeOffset Since, DateTimeOffset Last);

/// <summary>How the lines of programs fared.</summary>
public sealed partial class StateDatabase
{
    // What was wrong a month ago is no longer news.
    private static readonly TimeSpan BeatsFor = TimeSpan.FromDays(7);

    /// <summary>When lines were read for the first time; null: never.</summary>
    public DateTimeOffset? WatchedSince => LastDone("watched");

    /// <summary>What was counted of each program, in the order of names.</summary>
    public IReadOnlyList<StoredBeat> Beats()
    {
        var shapes = All("SELECT program, shape, count FROM shapes ORDER BY count DESC", r => (Program: r.GetString(0), Shape: new LineShape(r.GetString(1), r.GetInt64(2))))
            .ToLookup(s => s.Program, s => s.Shape, StringComparer.Ordinal);
        return All(
            "SELECT program, lines, matched, suspect, since, last FROM beats ORDER BY program",
            r => new StoredBeat(
                new(r.GetString(0), r.GetInt64(1), r.GetInt64(2), r.GetInt64(3), [.. shapes[r.GetString(0)]]), Time(r.GetInt64(4)), Time(r.GetInt64(5))));
    }

    private void Save(IReadOnlyList<ProgramBeat> beats, DateTimeOffset now)
    {
        if (beats.Count == 0) return;
        if (WatchedSince is null) SetDone("watched", now);
        long old = Stamp(now - BeatsFor);
        foreach (ProgramBeat beat in beats)
        {
            // Counting begins anew each week: what an update mended must not be told for ever.
            Run("DELETE FROM shapes WHERE program IN (SELECT program FROM beats WHERE program = $1 AND since < $2)", beat.Program, old);
            Run("DELETE FROM beats WHERE program = $1 AND since < $2", beat.Program, old);
            Run(
                "INSERT INTO beats VALUES ($1, $2, $3, $4, $5, $5) ON CONFLICT (program) DO UPDATE SET lines = lines + excluded.lines, matched = matched + excluded.matched, suspect = suspect + excluded.suspect, last = excluded.last",
                beat.Program, beat.Lines, beat.Matched, beat.Suspect, Stamp(now));
            if (beat.Shapes.Count > 0) Save(beat);
        }
    }

    // Forms meet here again: what differs between two runs becomes a "*" as between two lines.
    private void Save(ProgramBeat beat)
    {
        var shapes = new LineShapes();
        foreach (LineShape shape in All("SELECT shape, count FROM shapes WHERE program = $1 ORDER BY count DESC", r => new LineShape(r.GetString(0), r.GetInt64(1)), beat.Program))
            shapes.Add(shape);
        foreach (LineShape shape in beat.Shapes) shapes.Add(shape);
        Run("DELETE FROM shapes WHERE program = $1", beat.Program);
        foreach (LineShape shape in shapes.All)
            Run("INSERT INTO shapes VALUES ($1, $2, $3) ON CONFLICT (program, shape) DO UPDATE SET count = count + excluded.count", beat.Program, shape.Text, shape.Count);
    }
}
