using RateWall.Detection;

namespace RateWall.Storage;

/// <summary>
/// The history of bans row by row: a million of them are never in memory at once. What is called for each row may not write
/// to the state.
/// </summary>
public sealed partial class StateDatabase
{
    /// <summary>Until it is disposed, what is read is the state of this moment, whatever others write meanwhile.</summary>
    public IDisposable Snapshot()
    {
        Run("BEGIN");
        // SQLite begins it with the first reading.
        _ = Number("SELECT count(*) FROM sqlite_schema");
        return new Moment(this);
    }

    /// <summary>
    /// Streams who is banned now, whoever was banned last first: one call for each target and scope, since its first ban that
    /// still counts, until the last deadline.
    /// </summary>
    /// <param name="now">The time.</param>
    /// <param name="limit">The most calls.</param>
    /// <param name="take">Is given the ban.</param>
    public void EachNewestInForce(DateTimeOffset now, int limit, Action<StoredBan> take)
    {
        ArgumentNullException.ThrowIfNull(take);
        int taken = 0;
        if (limit <= 0) return;
        const string ofTheSame = "SELECT count(*) FROM bans o WHERE o.target = bans.target AND o.scope = bans.scope AND o.state = 1 AND o.until > $1";
        Each(
            $"SELECT {BanColumns}, ({ofTheSame}) FROM bans WHERE +until > $1 AND state = 1 ORDER BY at DESC, id DESC",
            row =>
            {
                StoredBan? ban = ReadBan(row);
                // Most targets have one.
                if (row.GetInt64(BanFields) > 1) ban = Merged(ban, now);
                if (ban is null) return true;
                take(ban);
                return ++taken < limit;
            },
            Stamp(now));
    }

    /// <summary>Streams every target that is banned now, once, in no order.</summary>
    public void EachTargetInForce(DateTimeOffset now, Action<AddressPrefix> take)
    {
        ArgumentNullException.ThrowIfNull(take);
        Each(
            "SELECT target FROM bans WHERE +until > $1 AND state <> 2 GROUP BY target",
            row =>
            {
                take(Network(row.GetString(0)));
                return true;
            },
            Stamp(now));
    }

    /// <summary>
    /// Streams what is in force, one call for each target and scope, with its latest deadline: a million rows are never in
    /// memory at once.
    /// </summary>
    /// <param name="now">The time.</param>
    /// <param name="settled">True: only bans that the kernel has taken; pending ones are left out.</param>
    /// <param name="take">Is given target, scope and deadline.</param>
    public void EachInForce(DateTimeOffset now, bool settled, Action<AddressPrefix, string, DateTimeOffset> take)
    {
        ArgumentNullException.ThrowIfNull(take);
        // Each page is read once: what SQLite would keep of them, 2 MB by itself, is kept for nothing.
        Run("PRAGMA cache_size = -256");
        try
        {
            Each(
                "SELECT target, scope, max(until) FROM bans WHERE +until > $1 AND (state = 1 OR state = $2) GROUP BY target, scope",
                r =>
                {
                    take(Network(r.GetString(0)), r.GetString(1), Time(r.GetInt64(2)));
                    return true;
                },
                Stamp(now), (int)(settled ? BanState.Active : BanState.Pending));
        }
        finally
        {
            Run("PRAGMA cache_size = -2000");
        }
    }

    /// <summary>Streams every ban that is remembered, newest first.</summary>
    public void EachOfHistory(int limit, Action<StoredBan> take)
    {
        ArgumentNullException.ThrowIfNull(take);
        Each(
            $"SELECT {BanColumns} FROM bans ORDER BY at DESC, id DESC LIMIT $1",
            row =>
            {
                take(ReadBan(row));
                return true;
            },
            limit);
    }

    // Null: the newest ban of this target and scope is another.
    private StoredBan? Merged(StoredBan ban, DateTimeOffset now)
    {
        StoredBan merged = ban;
        List<StoredBan> others = All(
            $"SELECT {BanColumns} FROM bans WHERE target = $1 AND scope = $2 AND until > $3 AND state = 1 AND id <> $4",
            ReadBan, ban.Target.ToString(), ban.Scope, Stamp(now), ban.Id);
        foreach (StoredBan other in others)
        {
            if (other.At > ban.At || (other.At == ban.At && other.Id > ban.Id)) return null;
            merged = (other.Until > merged.Until ? other : merged) with { At = other.At < merged.At ? other.At : merged.At };
        }

        return merged;
    }

    private sealed class Moment(StateDatabase state) : IDisposable
    {
        public void Dispose() => state.Abandon();
    }
}
