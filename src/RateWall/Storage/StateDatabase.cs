using Microsoft.Data.Sqlite;
using RateWall.Detection;
using RateWall.Output;
using RateWall.Policy;

namespace RateWall.Storage;

/// <summary>
/// What RateWall remembers: where it stopped reading, the windows, who is trusted, the history of bans and their evidence.
/// One SQLite file in WAL mode, so that readers never wait. synchronous=NORMAL: a killed program loses nothing, and a power
/// cut can only take the newest transactions back as a whole, cursor and windows together, so the lines are read again.
/// Not thread-safe; writers hold <see cref="StateLock.Wall"/>.
/// </summary>
public sealed partial class StateDatabase : IDisposable
{
    // The years 1 to 9999 in milliseconds since 1970: what a DateTimeOffset can say.
    private const long FirstStamp = -62_135_596_800_000;
    private const long LastStamp = 253_402_300_799_999;

    private readonly SqliteConnection connection;
    private readonly Dictionary<string, SqliteCommand> prepared = new(StringComparer.Ordinal);
    private readonly string path;

    private StateDatabase(SqliteConnection connection, string path)
    {
        this.connection = connection;
        this.path = path;
    }

    /// <summary>
    /// Opens the state for writing, making it where there is none. A file that is damaged, foreign or of a newer version is
    /// set aside under another name, with a warning: it is never emptied or overwritten.
    /// </summary>
    /// <exception cref="UnauthorizedAccessException">The directory or the file may not be written.</exception>
    /// <exception cref="StateException">The system refused: a full disk, a lock held for ten seconds.</exception>
    public static StateDatabase Open(string directory, TimeProvider time, TextWriter warnings)
    {
        ArgumentNullException.ThrowIfNull(time);
        ArgumentNullException.ThrowIfNull(warnings);
        StateDirectory.Create(directory);
        string file = StateDirectory.Database(directory);
        try
        {
            return OpenSound(file, time);
        }
        catch (DamagedStateException e)
        {
            string aside = DamagedState.SetAside(file, time);
            warnings.WriteLine($"ratewall: warning: {e.Message}; it was kept as {aside} and a new state was begun");
            return OpenSound(file, time);
        }
    }

    /// <summary>Opens the state for reading; null when there is none yet.</summary>
    /// <exception cref="DamagedStateException">It is damaged; the next writing command sets it aside.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    public static StateDatabase? OpenReadOnly(string directory)
    {
        StateDirectory.MustNotBeAFile(directory);
        string file = StateDirectory.Database(directory);
        if (FileIdentity.OfPath(file) is not { Size: > 0 }) return null;
        StateDatabase database = Connect(file, SqliteOpenMode.ReadOnly);
        try
        {
            if (database.IsFresh())
            {
                database.Dispose();
                return null;
            }

            if (database.IsOlder())
            {
                // The first command after an update may be one that only reads.
                database.Dispose();
                using (StateDatabase writer = Connect(file, SqliteOpenMode.ReadWrite)) writer.Upgrade();
                database = Connect(file, SqliteOpenMode.ReadOnly);
            }

            database.CheckMarks();
            return database;
        }
        catch (IOException)
        {
            database.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (SqliteCommand command in prepared.Values) command.Dispose();
        connection.Dispose();
    }

    private static StateDatabase OpenSound(string file, TimeProvider time)
    {
        if (FileIdentity.OfPath(file) is { IsRegular: false }) throw new DamagedStateException($"{file} is not a file");
        StateDatabase database = Connect(file, SqliteOpenMode.ReadWriteCreate);
        try
        {
            if (database.IsFresh()) database.CreateSchema();
            database.Upgrade();
            database.CheckMarks();
            database.CheckPages(time.GetUtcNow());
            database.Run("PRAGMA synchronous = NORMAL");
            database.Run(StateSchema.Indexes);
            return database;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            database.Dispose();
            throw;
        }
    }

    private static StateDatabase Connect(string file, SqliteOpenMode mode)
    {
        // Pooling would keep the file open behind our back after it has been set aside.
        var link = new SqliteConnection(new SqliteConnectionStringBuilder
        {
            DataSource = file,
            Mode = mode,
            Pooling = false,
            DefaultTimeout = (int)Resilience.LockPatience.TotalSeconds,
        }.ToString());
        var database = new StateDatabase(link, file);
        try
        {
            database.Guard(() =>
            {
                link.Open();
                return 0;
            });
            return database;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            database.Dispose();
            throw;
        }
    }

    // A program killed while it made the file leaves it empty, or with a header and nothing else.
    private bool IsFresh() =>
        Number("PRAGMA application_id") == 0 && Number("PRAGMA user_version") == 0 && Number("SELECT count(*) FROM sqlite_schema") == 0;

    private void CreateSchema()
    {
        Run("PRAGMA journal_mode = WAL");
        Transaction(() =>
        {
            // Another writer may have been faster.
            if (!IsFresh()) return;
            Execute(StateSchema.Create, StateSchema.Version);
        });
    }

    private bool IsOlder() =>
        Number("PRAGMA application_id") == StateSchema.ApplicationId && StateSchema.Steps.ContainsKey(Number("PRAGMA user_version"));

    private void Upgrade()
    {
        if (!IsOlder()) return;
        Transaction(() =>
        {
            // Another writer may have been faster.
            while (StateSchema.Steps.TryGetValue(Number("PRAGMA user_version"), out string? step)) Execute(step, Number("PRAGMA user_version") + 1);
        });
    }

    // Statements of the schema, and the version they lead to.
    private void Execute(string schema, long version) => Guard(() =>
    {
        using SqliteCommand command = connection.CreateCommand();
#pragma warning disable CA2100 // The texts are constants of StateSchema.
        command.CommandText = $"{schema} PRAGMA application_id = {StateSchema.ApplicationId}; PRAGMA user_version = {version};";
#pragma warning restore CA2100
        return command.ExecuteNonQuery();
    });

    private void CheckMarks()
    {
        long application = Number("PRAGMA application_id");
        if (application != StateSchema.ApplicationId)
            throw new DamagedStateException($"{path} is a database of another program (application id {application})");
        long version = Number("PRAGMA user_version");
        if (version != StateSchema.Version)
            throw new DamagedStateException($"{path} has schema version {version}, and this program knows only {StateSchema.Version}");
        if (Number("SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'") != StateSchema.Tables)
            throw new DamagedStateException($"{path} has not the tables of a state");
    }

    // Looking at every page takes time in proportion to the history, so it is done once an hour, and at once after an error.
    private void CheckPages(DateTimeOffset now)
    {
        const string checkedAt = "checked";
        string mark = DamagedState.SuspectMark(path);
        bool suspect = File.Exists(mark);
        if (suspect && File.ReadAllText(mark) is { Length: > 0 } certain) throw new DamagedStateException(certain);
        if (!suspect && LastDone(checkedAt) is { } last && now - last < TimeSpan.FromHours(1) && last <= now) return;
        string verdict = All("PRAGMA quick_check(1)", r => r.GetString(0)).FirstOrDefault() ?? "no answer";
        if (verdict != "ok") throw new DamagedStateException($"{path} is damaged ({verdict.ReplaceLineEndings(" ")})");
        Transaction(() => SetDone(checkedAt, now));
        File.Delete(DamagedState.SuspectMark(path));
    }

    private DateTimeOffset? LastDone(string what) =>
        One("SELECT at FROM housekeeping WHERE what = $1", r => (DateTimeOffset?)Time(r.GetInt64(0)), what);

    private void SetDone(string what, DateTimeOffset now) =>
        Run("INSERT INTO housekeeping VALUES ($1, $2) ON CONFLICT (what) DO UPDATE SET at = excluded.at", what, Stamp(now));

    private static long Stamp(DateTimeOffset time) => time.ToUnixTimeMilliseconds();

    private DateTimeOffset Time(long stamp) => stamp is >= FirstStamp and <= LastStamp
        ? DateTimeOffset.FromUnixTimeMilliseconds(stamp)
        : throw Distrust($"{path} holds {stamp} where a time belongs");

    private AddressPrefix Network(string text) => AddressPrefix.TryParse(text, out AddressPrefix network)
        ? network
        : throw Distrust($"{path} holds '{TerminalText.Escape(text)}' where a network belongs");

    /// <summary>
    /// What is stored makes no sense, although SQLite finds nothing wrong with it. The next command that writes sets the file
    /// aside, or every run would stop here.
    /// </summary>
    public DamagedStateException Distrust(string what)
    {
        DamagedState.MarkSuspect(path, what);
        return new($"{what}; the next 'ratewall correlate' sets it aside and begins a new state");
    }
}
