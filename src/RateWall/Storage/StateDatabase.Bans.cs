using Microsoft.Data.Sqlite;
using RateWall.Detection;
using RateWall.Detection.Correlation;

namespace RateWall.Storage;

/// <summary>The history of bans.</summary>
public sealed partial class StateDatabase
{
    private const string BanColumns = "id, target, scope, service, detection, at, until, reason, count, evidence, state";
    private const int BanFields = 11;

    /// <summary>Writes bans down as pending, in one transaction, and gives them back with their numbers.</summary>
    public IReadOnlyList<StoredBan> AddPending(IReadOnlyList<StoredBan> bans)
    {
        ArgumentNullException.ThrowIfNull(bans);
        var written = new List<StoredBan>(bans.Count);
        Transaction(() =>
        {
            foreach (StoredBan ban in bans) written.Add(Insert(ban));
        });
        return written;
    }

    /// <summary>
    /// Writes a ban by hand down as pending. Its deadline is the operator's word: earlier bans of the same target and scope
    /// that would last longer end with it.
    /// </summary>
    public StoredBan AddByHand(StoredBan ban)
    {
        ArgumentNullException.ThrowIfNull(ban);
        StoredBan written = ban;
        Transaction(() =>
        {
            Run("UPDATE bans SET until = $3 WHERE target = $1 AND scope = $2 AND until > $3 AND state <> 2", ban.Target.ToString(), ban.Scope, Stamp(ban.Until));
            written = Insert(ban);
        });
        return written;
    }

    /// <summary>
    /// Bans of a family that an interrupted program wrote down and may not have given to the kernel, or that found no room in
    /// it: the first ones behind a number.
    /// </summary>
    public IReadOnlyList<StoredBan> Pending(bool ipv4, long behind, int most) => All(
        $"SELECT {BanColumns} FROM bans WHERE state = 0 AND (instr(target, ':') = 0) = $1 AND id > $2 ORDER BY id LIMIT $3", ReadBan, ipv4, behind, most);

    /// <summary>How many such bans of a family there are behind a number.</summary>
    public long CountPending(bool ipv4, long behind) =>
        Number("SELECT count(*) FROM bans WHERE state = 0 AND (instr(target, ':') = 0) = $1 AND id > $2", ipv4, behind);

    /// <summary>The kernel has them.</summary>
    public void Activate(IReadOnlyList<StoredBan> bans)
    {
        ArgumentNullException.ThrowIfNull(bans);
        Transaction(() =>
        {
            foreach (StoredBan ban in bans) SetActive(ban);
        });
    }

    /// <summary>Pending bans that the kernel refused and nobody will ask for again.</summary>
    public void Drop(IReadOnlyList<StoredBan> bans)
    {
        ArgumentNullException.ThrowIfNull(bans);
        Transaction(() =>
        {
            foreach (StoredBan ban in bans) Run("DELETE FROM bans WHERE id = $1 AND state = 0", ban.Id);
        });
    }

    /// <summary>Every ban of exactly this target, oldest first.</summary>
    public IReadOnlyList<StoredBan> BansOf(AddressPrefix target) =>
        All($"SELECT {BanColumns} FROM bans WHERE target = $1 ORDER BY at, id", ReadBan, target.ToString());

    /// <summary>Bans whose deadline is ahead and that nobody took back, newest first.</summary>
    public IReadOnlyList<StoredBan> InForce(DateTimeOffset now, int limit = int.MaxValue) =>
        All($"SELECT {BanColumns} FROM bans WHERE until > $1 AND state <> 2 ORDER BY at DESC, id DESC LIMIT $2", ReadBan, Stamp(now), limit);

    /// <summary>Bans at one service alone whose deadline is ahead and that nobody took back.</summary>
    public IReadOnlyList<StoredBan> InForceAtOneService(DateTimeOffset now) =>
        All($"SELECT {BanColumns} FROM bans WHERE until > $1 AND state <> 2 AND scope <> 'all'", ReadBan, Stamp(now));

    /// <summary>How many rows are in force and settled, counted no further than <paramref name="most"/>.</summary>
    public long CountRowsInForce(DateTimeOffset now, long most) =>
        Number("SELECT count(*) FROM (SELECT 1 FROM bans WHERE until > $1 AND state = 1 LIMIT $2)", Stamp(now), most);

    /// <summary>How many single keys of a family are banned everywhere: addresses, and IPv6 networks of 64 bits.</summary>
    public long CountKeysInForce(DateTimeOffset now, bool ipv4) => Number(
        "SELECT count(DISTINCT target) FROM bans WHERE +until > $1 AND state = 1 AND scope = 'all' AND (instr(target, ':') = 0) = $2 AND (instr(target, '/') = 0 OR (NOT $2 AND substr(target, -3) = '/64'))",
        Stamp(now), ipv4);

    /// <summary>Bans that the kernel has no room for wait for it again.</summary>
    public void Defer(IReadOnlyList<AddressPrefix> targets, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(targets);
        Transaction(() =>
        {
            foreach (AddressPrefix target in targets)
                Run("UPDATE bans SET state = 0 WHERE target = $1 AND scope = 'all' AND until > $2 AND state = 1", target.ToString(), Stamp(now));
        });
    }

    /// <summary>How many targets are banned now; who found no room in the kernel is not.</summary>
    public long CountInForce(DateTimeOffset now) =>
        One("SELECT count(DISTINCT target) FROM bans WHERE +until > $1 AND state = 1", r => r.GetInt64(0), Stamp(now));

    /// <summary>Every ban that is remembered, newest first.</summary>
    public IReadOnlyList<StoredBan> History(int limit = int.MaxValue)
    {
        var found = new List<StoredBan>();
        EachOfHistory(limit, found.Add);
        return found;
    }

    /// <summary>Every ban that is remembered of an address or a network, of what lies in it and of what it lies in; newest first.</summary>
    public IReadOnlyList<StoredBan> HistoryOf(AddressPrefix who, int limit)
    {
        // An address lies in few networks, each of which is found at once, whatever the history holds.
        if (who.IsSingle)
        {
            return
            [
                .. Enumerable.Range(0, who.Length + 1).SelectMany(length => BansOf(AddressPrefix.Of(who.Address, length)))
                    .OrderByDescending(b => b.At).ThenByDescending(b => b.Id).Take(limit),
            ];
        }

        var found = new List<StoredBan>();
        if (limit <= 0) return found;
        Each(
            $"SELECT {BanColumns} FROM bans ORDER BY at DESC, id DESC",
            row =>
            {
                if (Network(row.GetString(1)).Overlaps(who)) found.Add(ReadBan(row));
                return found.Count < limit;
            });
        return found;
    }

    /// <summary>The lines that caused a ban, oldest first.</summary>
    public IReadOnlyList<EvidenceLine> EvidenceOf(StoredBan ban)
    {
        ArgumentNullException.ThrowIfNull(ban);
        return All(
            "SELECT service, source, at, line FROM evidence WHERE ban = $1 ORDER BY at, id",
            r => new EvidenceLine(r.GetString(0), Network(r.GetString(1)), r.GetInt64(2), r.GetFieldValue<byte[]>(3)), ban.Id);
    }

    /// <summary>
    /// Takes bans back: they are marked removed, the windows of whoever they cover are cleared, and a pardon says that what
    /// was tried until now no longer counts. One transaction.
    /// </summary>
    /// <param name="targets">Who is pardoned.</param>
    /// <param name="bans">Whose bans are taken back.</param>
    /// <param name="now">The time.</param>
    /// <param name="scope">Take back only bans of this scope; null: of every scope.</param>
    /// <returns>How many bans were in force.</returns>
    public int Forgive(IReadOnlyList<AddressPrefix> targets, IReadOnlyList<AddressPrefix> bans, DateTimeOffset now, string? scope = null)
    {
        ArgumentNullException.ThrowIfNull(targets);
        ArgumentNullException.ThrowIfNull(bans);
        int removed = 0;
        Transaction(() =>
        {
            foreach (AddressPrefix ban in bans)
                removed += Run("UPDATE bans SET state = 2 WHERE target = $1 AND until > $2 AND state <> 2 AND ($3 IS NULL OR scope = $3)", ban.ToString(), Stamp(now), scope);
            foreach (AddressPrefix target in targets)
            {
                ForgetWindows(target);
                Run("INSERT INTO pardons VALUES ($1, $2) ON CONFLICT (target) DO UPDATE SET at = max(at, excluded.at)", target.ToString(), Stamp(now));
            }

            ForgetMembers(targets);
        });
        return removed;
    }

    /// <summary>Takes every ban back and forgives everybody, as <see cref="Forgive"/> does, in one transaction.</summary>
    /// <returns>How many targets were banned.</returns>
    public long ForgiveEverybody(DateTimeOffset now)
    {
        long targets = 0;
        Transaction(() =>
        {
            targets = Number("SELECT count(DISTINCT target) FROM bans WHERE +until > $1 AND state <> 2", Stamp(now));
            Run("UPDATE bans SET state = 2 WHERE until > $1 AND state <> 2", Stamp(now));
            Run("DELETE FROM windows");
            foreach (string everybody in (string[])["0.0.0.0/0", "::/0"])
                Run("INSERT INTO pardons VALUES ($1, $2) ON CONFLICT (target) DO UPDATE SET at = max(at, excluded.at)", everybody, Stamp(now));
        });
        return targets;
    }

    /// <summary>The pardons that can still matter.</summary>
    public Pardons Pardons() =>
        new(All("SELECT target, at FROM pardons", r => new Pardon(Network(r.GetString(0)), Time(r.GetInt64(1)))));

    private StoredBan Insert(StoredBan ban)
    {
        Run(
            "INSERT INTO bans (target, scope, service, detection, at, until, reason, count, evidence, state) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0)",
            ban.Target.ToString(), ban.Scope, ban.Service, ban.Detection, Stamp(ban.At), Stamp(ban.Until), ban.Reason, ban.Count,
            Stamp(ban.Evidence));
        return ban with { Id = Number("SELECT last_insert_rowid()"), State = BanState.Pending };
    }

    private void ForgetWindows(AddressPrefix target)
    {
        if (target.IsSingle)
        {
            Run("DELETE FROM windows WHERE subject = $1", target.ToString());
            return;
        }

        if (target.Length == 0)
        {
            Run("DELETE FROM windows WHERE (instr(subject, ':') = 0) = $1", target.IsIPv4);
            return;
        }

        // Networks are text, so containment is decided here. By the whole key: by the source alone each would be a scan.
        List<(string Detection, string Service, string Subject)> inside =
        [
            .. All("SELECT detection, service, subject FROM windows", r => (Detection: r.GetString(0), Service: r.GetString(1), Subject: r.GetString(2)))
                .Where(w => AddressPrefix.TryParse(w.Subject, out AddressPrefix key) && target.Contains(key)),
        ];
        foreach ((string detection, string service, string subject) in inside)
            Run("DELETE FROM windows WHERE detection = $1 AND service = $2 AND subject = $3", detection, service, subject);
    }

    // Who is forgiven is no member of a group any more: what others do must not be counted with it.
    private void ForgetMembers(IReadOnlyList<AddressPrefix> targets)
    {
        List<(string Detection, string Service, string Subject, WindowMark[] Marks)> groups = All(
            "SELECT detection, service, subject, marks FROM windows WHERE detection IN ('prefix', 'account', 'pressure')",
            r => (r.GetString(0), r.GetString(1), r.GetString(2), Unpack(r.GetFieldValue<byte[]>(3))));
        foreach ((string detection, string service, string subject, WindowMark[] marks) in groups)
        {
            WindowMark[] kept = [.. marks.Where(m => !targets.Any(t => t.Contains(m.Address)))];
            if (kept.Length != marks.Length) Save(detection, service, subject, kept);
        }
    }

    private void SetActive(StoredBan ban) => Run("UPDATE bans SET state = 1 WHERE id = $1 AND state = 0", ban.Id);

    private StoredBan ReadBan(SqliteDataReader row) => new(
        row.GetInt64(0), Network(row.GetString(1)), row.GetString(2), row.IsDBNull(3) ? null : row.GetString(3), row.GetString(4),
        Time(row.GetInt64(5)), Time(row.GetInt64(6)), row.GetString(7), row.GetInt32(8), Time(row.GetInt64(9)), (BanState)row.GetByte(10));
}
