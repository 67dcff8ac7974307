using System.Buffers.Binary;
using RateWall.Detection;
using RateWall.Detection.Correlation;
using RateWall.Detection.Logs;

namespace RateWall.Storage;

/// <summary>What correlation remembers between runs.</summary>
public sealed partial class StateDatabase : ICorrelationState
{
    // A time and 16 bytes of whom or what.
    private const int MarkLength = 24;

    /// <summary>Where reading of a log stopped; null when it was never read.</summary>
    public string? Cursor(string source) => One("SELECT position FROM cursors WHERE source = $1", r => r.GetString(0), source);

    /// <inheritdoc/>
    public IReadOnlyList<WindowMark> LoadWindow(in WindowId window) =>
        One(
            "SELECT marks FROM windows WHERE detection = $1 AND service = $2 AND subject = $3", r => Unpack(r.GetFieldValue<byte[]>(0)),
            window.Detection, window.Service, window.Subject) ?? [];

    /// <inheritdoc/>
    public long? LastSuccess(AddressPrefix key, string family) =>
        One("SELECT last FROM trust WHERE source = $1 AND family = $2", r => (long?)r.GetInt64(0), key.ToString(), family);

    /// <inheritdoc/>
    public long? LastLogin(AddressPrefix key, string family, ulong user) => One(
        "SELECT last FROM logins WHERE source = $1 AND family = $2 AND user = $3", r => (long?)r.GetInt64(0), key.ToString(), family, (long)user);

    /// <inheritdoc/>
    public long? LastSuccessInside(AddressPrefix network)
    {
        // Networks are text: what begins as this one does is asked for, and containment decided here.
        string begin = TextBegin(network);
        long? last = null;
        foreach ((string source, long at) in All(
            "SELECT source, last FROM trust WHERE source >= $1 AND source < $2", r => (r.GetString(0), r.GetInt64(1)), begin, begin + "g"))
        {
            if (network.Contains(Network(source)) && (last is not { } later || at > later)) last = at;
        }

        return last;
    }

    /// <summary>
    /// The hash of users' names under the key this state was begun with. A state that has none yet gets one, so whoever asks
    /// first must be able to write.
    /// </summary>
    public UserNames UserNames()
    {
        const string name = "user names";
        const string ask = "SELECT value FROM secrets WHERE name = $1";
        byte[]? key = One(ask, r => r.GetFieldValue<byte[]>(0), name);
        if (key is null)
        {
            Run("INSERT OR IGNORE INTO secrets VALUES ($1, $2)", name, Secret(Detection.Correlation.UserNames.KeyLength));
            key = One(ask, r => r.GetFieldValue<byte[]>(0), name);
        }

        return key is { Length: Detection.Correlation.UserNames.KeyLength } ? new(key) : throw Distrust($"{path} holds a key of {key?.Length} bytes");
    }

    // random(4); the framework's generator loads OpenSSL for it, 8 MB of memory.
    private static byte[] Secret(int length)
    {
        byte[] secret = new byte[length];
        using FileStream random = File.OpenRead("/dev/urandom");
        random.ReadExactly(secret);
        return secret;
    }

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
    public void Commit(CorrelatedStep step, IReadOnlyList<StoredBan> active, IReadOnlyList<ExplainedBan> explained)
    {
        ArgumentNullException.ThrowIfNull(step);
        ArgumentNullException.ThrowIfNull(active);
        ArgumentNullException.ThrowIfNull(explained);
        Transaction(() =>
        {
            foreach (StoredBan ban in active) SetActive(ban);
            foreach (WindowState window in step.Windows) Save(window);
            foreach (SuccessSeen success in step.Successes) Save(success);
            foreach (LoginSeen login in step.Logins) Save(login);
            SaveNotes(step.Source, step.Notes);
            SaveEvidence(step.Evidence, explained);
            Save(step.Beats, step.ReadAt);
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
            Run("DELETE FROM logins WHERE last < $1", ancient);
            Run("DELETE FROM evidence WHERE ban IN (SELECT id FROM bans WHERE until < $1)", ancient);
            Run("DELETE FROM bans WHERE until < $1", ancient);
            SetDone(pruned, now);
        });
    }

    private void Save(WindowState state) => Save(state.Window.Detection, state.Window.Service, state.Window.Subject, state.Marks);

    private void Save(string detection, string service, string subject, IReadOnlyList<WindowMark> marks)
    {
        if (marks.Count == 0)
        {
            Run("DELETE FROM windows WHERE detection = $1 AND service = $2 AND subject = $3", detection, service, subject);
            return;
        }

        Run(
            "INSERT INTO windows VALUES ($1, $2, $3, $4, $5) ON CONFLICT (detection, service, subject) DO UPDATE SET last = excluded.last, marks = excluded.marks",
            detection, service, subject, marks[^1].UnixMilliseconds, Pack(marks));
    }

    private void Save(SuccessSeen success) => Run(
        "INSERT INTO trust VALUES ($1, $2, $3) ON CONFLICT (source, family) DO UPDATE SET last = max(last, excluded.last)",
        success.Key.ToString(), success.Family, success.UnixMilliseconds);

    private void Save(LoginSeen login) => Run(
        "INSERT INTO logins VALUES ($1, $2, $3, $4) ON CONFLICT (source, family, user) DO UPDATE SET last = max(last, excluded.last)",
        login.Key.ToString(), login.Family, (long)login.User, login.UnixMilliseconds);

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

    private void SaveEvidence(IReadOnlyList<EvidenceLine> lines, IReadOnlyList<ExplainedBan> explained)
    {
        var touched = new HashSet<(string Service, string Source)>();
        foreach (EvidenceLine line in lines)
        {
            string source = line.Key.ToString();
            Run("INSERT INTO evidence (service, source, at, line) VALUES ($1, $2, $3, $4)", line.Service, source, line.UnixMilliseconds, line.Line);
            touched.Add((line.Service, source));
        }

        foreach (ExplainedBan explanation in explained)
        {
            StoredBan ban = explanation.Ban;
            int taken = Run(
                "UPDATE evidence SET ban = $1 WHERE source = $2 AND service = $3 AND at BETWEEN $4 AND $5 AND ban IS NULL",
                ban.Id, ban.Target.ToString(), ban.Service, Stamp(ban.Evidence), Stamp(ban.At));
            // Lines of a network's members belong to their own bans: the network's ban gets copies, the newest of each.
            foreach (AddressPrefix member in explanation.Members)
            {
                taken += Run(
                    "INSERT INTO evidence (service, source, at, line, ban) SELECT service, source, at, line, $1 FROM evidence WHERE source = $2 AND service = $3 AND at <= $4 AND ban IS NOT $1 ORDER BY at DESC, id DESC LIMIT $5",
                    ban.Id, member.ToString(), ban.Service, Stamp(ban.At), EvidenceLine.OfMember);
            }

            // To count is much quicker than to look for what is too much, and hardly anything ever is.
            if (taken == 0 || Number("SELECT COUNT(*) FROM evidence WHERE ban = $1", ban.Id) <= EvidenceLine.MaxPerKey) continue;
            Run(
                "DELETE FROM evidence WHERE ban = $1 AND id NOT IN (SELECT id FROM evidence WHERE ban = $1 ORDER BY at DESC, id DESC LIMIT $2)",
                ban.Id, EvidenceLine.MaxPerKey);
        }

        foreach ((string service, string source) in touched)
        {
            if (Number("SELECT COUNT(*) FROM evidence WHERE source = $1 AND service = $2 AND ban IS NULL", source, service) <= EvidenceLine.MaxPerKey) continue;
            Run(
                "DELETE FROM evidence WHERE source = $1 AND service = $2 AND ban IS NULL AND id NOT IN (SELECT id FROM evidence WHERE source = $1 AND service = $2 AND ban IS NULL ORDER BY id DESC LIMIT $3)",
                source, service, EvidenceLine.MaxPerKey);
        }
    }

    private static byte[] Pack(IReadOnlyList<WindowMark> marks)
    {
        byte[] bytes = new byte[marks.Count * MarkLength];
        for (int i = 0; i < marks.Count; i++)
        {
            Span<byte> place = bytes.AsSpan(i * MarkLength, MarkLength);
            BinaryPrimitives.WriteInt64LittleEndian(place, marks[i].UnixMilliseconds);
            BinaryPrimitives.WriteUInt64LittleEndian(place[8..], marks[i].High);
            BinaryPrimitives.WriteUInt64LittleEndian(place[16..], marks[i].Low);
        }

        return bytes;
    }

    private WindowMark[] Unpack(byte[] bytes)
    {
        if (bytes.Length % MarkLength != 0) throw Distrust($"{path} holds a window of {bytes.Length} bytes");
        var marks = new WindowMark[bytes.Length / MarkLength];
        for (int i = 0; i < marks.Length; i++)
        {
            ReadOnlySpan<byte> place = bytes.AsSpan(i * MarkLength, MarkLength);
            long stamp = BinaryPrimitives.ReadInt64LittleEndian(place);
            Time(stamp);
            marks[i] = new(stamp, BinaryPrimitives.ReadUInt64LittleEndian(place[8..]), BinaryPrimitives.ReadUInt64LittleEndian(place[16..]));
        }

        return marks;
    }

    // How the text of every network inside begins; the letter behind 'f' ends it.
    private static string TextBegin(AddressPrefix network)
    {
        string[] parts = network.Address.ToString().Split(network.IsIPv4 ? '.' : ':');
        // Behind the first group an IPv6 address may be shortened, and one that begins with zeros has no first group.
        int certain = network.IsIPv4 ? network.Length / 8 : network.Length >= 16 && parts[0].Length > 0 ? 1 : 0;
        return string.Concat(parts.Take(Math.Min(certain, parts.Length - 1)).Select(p => p + (network.IsIPv4 ? '.' : ':')));
    }
}
