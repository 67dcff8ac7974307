namespace RateWall.Storage;

/// <summary>The database's shape. A change to it is a new version and a step from the old one.</summary>
internal static class StateSchema
{
    /// <summary>"RWAL" in ASCII: marks the file as RateWall's (PRAGMA application_id).</summary>
    public const int ApplicationId = 0x5257414C;

    /// <summary>The version this program writes (PRAGMA user_version).</summary>
    public const int Version = 5;

    /// <summary>How many tables there are.</summary>
    public const int Tables = 15;

    /// <summary>What leads from a version to the next.</summary>
    public static IReadOnlyDictionary<long, string> Steps { get; } = new Dictionary<long, string>
    {
        [1] = CreateMeasures,
        // A window holds more than times now. What was counted before is lost with it: minutes, at most a policy's window.
        [2] = "DROP TABLE windows; " + CreateWindows,
        [3] = CreateBeats,
        [4] = CreateWatches,
    };

    private const string CreateMeasures = """
        CREATE TABLE measures (kind INTEGER NOT NULL, service TEXT NOT NULL, ports TEXT NOT NULL, until INTEGER NOT NULL,
            trusted INTEGER NOT NULL, networks TEXT NOT NULL, PRIMARY KEY (kind, service)) WITHOUT ROWID;
        """;

    private const string CreateBeats = """
        CREATE TABLE beats (program TEXT NOT NULL PRIMARY KEY, lines INTEGER NOT NULL, matched INTEGER NOT NULL, suspect INTEGER NOT NULL,
            since INTEGER NOT NULL, last INTEGER NOT NULL) WITHOUT ROWID;
        CREATE TABLE shapes (program TEXT NOT NULL, shape TEXT NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (program, shape)) WITHOUT ROWID;
        """;

    // What an entry of units remembers is one JSON text (UnitMemory), written and read as a whole.
    private const string CreateWatches = """
        CREATE TABLE watches (name TEXT NOT NULL PRIMARY KEY, unit TEXT NOT NULL, boot TEXT NOT NULL, memory TEXT NOT NULL) WITHOUT ROWID;
        CREATE TABLE unit_acts (id INTEGER PRIMARY KEY AUTOINCREMENT, watch TEXT NOT NULL, unit TEXT NOT NULL, act INTEGER NOT NULL,
            at INTEGER NOT NULL, until INTEGER, count INTEGER NOT NULL, level INTEGER NOT NULL, reason TEXT NOT NULL, run TEXT NOT NULL,
            timer TEXT, units TEXT NOT NULL, state INTEGER NOT NULL, outcome TEXT NOT NULL);
        CREATE INDEX unit_acts_at ON unit_acts (at);
        CREATE INDEX unit_acts_pending ON unit_acts (state) WHERE state = 0;
        """;

    private const string CreateWindows = """
        CREATE TABLE windows (detection TEXT NOT NULL, service TEXT NOT NULL, subject TEXT NOT NULL, last INTEGER NOT NULL,
            marks BLOB NOT NULL, PRIMARY KEY (detection, service, subject)) WITHOUT ROWID;
        CREATE TABLE logins (source TEXT NOT NULL, family TEXT NOT NULL, user INTEGER NOT NULL, last INTEGER NOT NULL,
            PRIMARY KEY (source, family, user)) WITHOUT ROWID;
        CREATE TABLE secrets (name TEXT NOT NULL PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
        """;

    /// <summary>
    /// Times are milliseconds since 1970. Networks are text in canonical form, so that equal networks are equal keys and
    /// the sqlite3 shell shows them readably.
    /// </summary>
    public const string Create = CreateMeasures + CreateWindows + CreateBeats + CreateWatches + """
        CREATE TABLE cursors (source TEXT NOT NULL PRIMARY KEY, position TEXT NOT NULL) WITHOUT ROWID;
        CREATE TABLE notes (log TEXT NOT NULL, program TEXT NOT NULL, process INTEGER NOT NULL, at INTEGER NOT NULL,
            service TEXT NOT NULL, kind INTEGER NOT NULL, source TEXT, user TEXT, count INTEGER NOT NULL, rule TEXT NOT NULL,
            line BLOB NOT NULL);
        CREATE INDEX notes_log ON notes (log);
        CREATE TABLE trust (source TEXT NOT NULL, family TEXT NOT NULL, last INTEGER NOT NULL,
            PRIMARY KEY (source, family)) WITHOUT ROWID;
        CREATE TABLE bans (id INTEGER PRIMARY KEY AUTOINCREMENT, target TEXT NOT NULL, scope TEXT NOT NULL, service TEXT,
            detection TEXT NOT NULL, at INTEGER NOT NULL, until INTEGER NOT NULL, reason TEXT NOT NULL, count INTEGER NOT NULL,
            evidence INTEGER NOT NULL, state INTEGER NOT NULL, UNIQUE (target, scope, detection, at));
        CREATE INDEX bans_until ON bans (until);
        CREATE INDEX bans_pending ON bans (state) WHERE state = 0;
        CREATE TABLE evidence (id INTEGER PRIMARY KEY AUTOINCREMENT, service TEXT NOT NULL, source TEXT NOT NULL,
            at INTEGER NOT NULL, line BLOB NOT NULL, ban INTEGER);
        CREATE INDEX evidence_source ON evidence (source, service, at);
        CREATE INDEX evidence_ban ON evidence (ban) WHERE ban IS NOT NULL;
        CREATE INDEX evidence_at ON evidence (at);
        CREATE TABLE pardons (target TEXT NOT NULL PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID;
        CREATE TABLE housekeeping (what TEXT NOT NULL PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID;
        """;

    /// <summary>
    /// Indexes that came later and change nothing but speed, so they are no new version: the newest bans, and who is banned
    /// now, are found among a million without sorting them. The unary plus in the queries keeps SQLite from `bans_until`,
    /// which would look up each row.
    /// </summary>
    public const string Indexes = """
        CREATE INDEX IF NOT EXISTS bans_at ON bans (at);
        CREATE INDEX IF NOT EXISTS bans_in_force ON bans (target, scope, until) WHERE state = 1;
        """;
}
