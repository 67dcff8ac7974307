using System.Buffers.Binary;
using RateWall.Detection;
using RateWall.Detection.Correlation;
using RateWall.Detection.Logs;

namespace RateWall.Storage;

/// <summary>What correlation remembers between runs.</summary>
public sealed partial class StateDatabase : ICorrelationState
{
    /// <summary>Where reading of a log stopped; null when it was never read.</summary>
    public string? Cursor(string source) => One("SELECT position FROM cursors WHERE source = $1", r => r.GetString(0), source);

    /// <inheritdoc/>
    public IReadOnlyList<long> LoadWindow(in WindowId window) =>
        One(
            "SELECT stamps FROM windows WHERE detection = $1 AND service = $2 AND source = $3", r => Unpack(r.GetFieldValue<byte[]>(0)),
            window.Detection, window.Service, window.Key.ToString()) ?? [];

    /// <inheritdoc/>
    public long? LastSuccess(AddressPrefix key, string family) =>
        One("SELECT last FROM trust WHERE source = $1 AND family = $2", r => (long?)r.GetInt64(0), key.ToString(), family);

    /// <summary>Who logged in since a time: the trust that a new wall gets back.</summary>
    public IReadOnlyList<SuccessSeen> SuccessesSince(DateTimeOffset time) => All(
        "SELECT source, family, last FROM trust WHERE last > $1", r => new SuccessSeen(Network(r.GetString(0)), r.GetString(1), r.GetInt64(2)),
        Stamp(time));

    /// <summary>Notes of a log whose try was not certain when the last run ended.</summary>
    public IReadOnlyList<PendingNote> Notes(string source) => All(
        "SELECT program, process, at, service, kind, source, user, count, rule, line FROM notes WHERE log = $1 ORDER BY rowid",
        r => new PendingNote(
            r.GetString(0), r.GetInt32(1), r.GetInt64(2), r.GetString(3), (AttemptKind)r.GetByte(4),
            r.IsDBNull(5) ? null : Network(r.GetString(5)).Address, r.IsDBNull(6) ? null : r.GetString(6), r.GetInt32(7), r.GetString(8),
            r.GetFieldValue<byte[]>(9)),
        source);

    /// <summary>
    /// Writes a step down: cursor, windows, notes, trust, evidence, and that the kernel has its bans. One transaction, so a
    /// line is either counted and behind the cursor or neither.
    /// </summary>
    /// <param name="step">What was read.</param>
    /// <param name="active">Pending bans that the kernel now has.</param>
    /// <param name="explained">Bans whose evidence lies between <see cref="StoredBan.Evidence"/> and <see cref="StoredBan.At"/>.</param>
    public void Commit(CorrelatedStep step, IReadOnlyList<StoredBan> active, IReadOnlyList<StoredBan> explained)
    {
        ArgumentNullException.ThrowIfNull(step);
        ArgumentNullException.ThrowIfNull(active);
        ArgumentNullException.ThrowIfNull(explained);
        Transaction(() =>
        {
            foreach (StoredBan ban in active) SetActive(ban);
            foreach (WindowState window in step.Windows) Save(window);
            foreach (SuccessSeen success in step.Successes) Save(success);
            SaveNotes(step.Source, step.Notes);
            SaveEvidence(step.Evidence, explained);
            if (step.Cursor is not null)
                Run("INSERT INTO cursors VALUES ($1, $2) ON CONFLICT (source) DO UPDATE SET position = excluded.position", step.Source, step.Cursor);
        });
    }

    /// <summary>Drops what can no longer matter, at most once an hour.</summary>
    /// <param name="now">The time.</param>
    /// <param name="horizon">The longest window: older tries, lines and pardons are of no use.</param>
    /// <param name="memory">How long bans and trust are remembered.</param>
    public void Prune(DateTimeOffset now, TimeSpan horizon, TimeSpan memory)
    {
        const string pruned = "pruned";
        if (LastDone(pruned) is { } last && now - last < TimeSpan.FromHours(1) && last <= now) return;
        long old = Stamp(now - horizon), ancient = Stamp(now - memory);
        Transaction(() =>
        {
            Run("DELETE FROM windows WHERE last < $1", old);
            Run("DELETE FROM evidence WHERE at < $1 AND ban IS NULL", old);
            Run("DELETE FROM pardons WHERE at < $1", old);
            Run("DELETE FROM trust WHERE last < $1", ancient);
            Run("DELETE FROM evidence WHERE ban IN (SELECT id FROM bans WHERE until < $1)", ancient);
            Run("DELETE FROM bans WHERE until < $1", ancient);
            SetDone(pruned, now);
        });
    }

    private void Save(WindowState state)
    {
        (string detection, string service, string source) = (state.Window.Detection, state.Window.Service, state.Window.Key.ToString());
        if (state.Stamps.Count == 0)
        {
            Run("DELETE FROM windows WHERE detection = $1 AND service = $2 AND source = $3", detection, service, source);
            return;
        }

        Run(
            "INSERT INTO windows VALUES ($1, $2, $3, $4, $5) ON CONFLICT (detection, service, source) DO UPDATE SET last = excluded.last, stamps = excluded.stamps",
            detection, service, source, state.Stamps[^1], Pack(state.Stamps));
    }

    private void Save(SuccessSeen success) => Run(
        "INSERT INTO trust VALUES ($1, $2, $3) ON CONFLICT (source, family) DO UPDATE SET last = max(last, excluded.last)",
        success.Key.ToString(), success.Family, success.UnixMilliseconds);

    private void SaveNotes(string source, IReadOnlyList<PendingNote> notes)
    {
        Run("DELETE FROM notes WHERE log = $1", source);
        foreach (PendingNote note in notes)
        {
            Run(
                "INSERT INTO notes VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)", source, note.Program, note.ProcessId,
                note.UnixMilliseconds, note.Service, (int)note.Kind, note.Source?.ToString(), note.User, note.Count, note.Rule, note.Line);
        }
    }

    private void SaveEvidence(IReadOnlyList<EvidenceLine> lines, IReadOnlyList<StoredBan> explained)
    {
        var touched = new HashSet<(string Service, string Source)>();
        foreach (EvidenceLine line in lines)
        {
            string source = line.Key.ToString();
            Run("INSERT INTO evidence (service, source, at, line) VALUES ($1, $2, $3, $4)", line.Service, source, line.UnixMilliseconds, line.Line);
            touched.Add((line.Service, source));
        }

        foreach (StoredBan ban in explained)
        {
            Run(
                "UPDATE evidence SET ban = $1 WHERE source = $2 AND service = $3 AND at BETWEEN $4 AND $5 AND ban IS NULL",
                ban.Id, ban.Target.ToString(), ban.Service, Stamp(ban.Evidence), Stamp(ban.At));
        }

        foreach ((string service, string source) in touched)
        {
            Run(
                "DELETE FROM evidence WHERE source = $1 AND service = $2 AND ban IS NULL AND id NOT IN (SELECT id FROM evidence WHERE source = $1 AND service = $2 AND ban IS NULL ORDER BY id DESC LIMIT $3)",
                source, service, EvidenceLine.MaxPerKey);
        }
    }

    private static byte[] Pack(IReadOnlyList<long> stamps)
    {
        byte[] bytes = new byte[stamps.Count * sizeof(long)];
        for (int i = 0; i < stamps.Count; i++) BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(i * sizeof(long)), stamps[i]);
        return bytes;
    }

    private long[] Unpack(byte[] bytes)
    {
        if (bytes.Length % sizeof(long) != 0) throw Distrust($"{path} holds a window of {bytes.Length} bytes");
        long[] stamps = new long[bytes.Length / sizeof(long)];
        for (int i = 0; i < stamps.Length; i++) stamps[i] = BinaryPrimitives.ReadInt64LittleEndian(bytes.AsSpan(i * sizeof(long)));
        return stamps;
    }
}
