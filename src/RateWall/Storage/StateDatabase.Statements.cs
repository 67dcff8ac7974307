using Microsoft.Data.Sqlite;

namespace RateWall.Storage;

/// <summary>How statements are run: prepared once, values only ever bound, SQLite's errors told apart.</summary>
public sealed partial class StateDatabase
{
    // sqlite3.h, primary result codes.
    private const int SQLITE_PERM = 3;
    private const int SQLITE_READONLY = 8;
    private const int SQLITE_CORRUPT = 11;
    private const int SQLITE_CANTOPEN = 14;
    private const int SQLITE_AUTH = 23;
    private const int SQLITE_NOTADB = 26;

    // IMMEDIATE: a transaction that will write says so at once, instead of failing when it first does.
    private void Transaction(Action body)
    {
        Run("BEGIN IMMEDIATE");
        bool done = false;
        try
        {
            body();
            Run("COMMIT");
            done = true;
        }
        finally
        {
            if (!done) Abandon();
        }
    }

    private void Abandon()
    {
        try
        {
            Run("ROLLBACK");
        }
        catch (IOException)
        {
            // SQLite has rolled back by itself; the error that led here is the one to tell of.
        }
    }

    private int Run(string sql, params ReadOnlySpan<object?> values)
    {
        SqliteCommand command = Prepare(sql, values);
        return Guard(command.ExecuteNonQuery);
    }

    private long Number(string sql, params ReadOnlySpan<object?> values) => One(sql, r => r.GetInt64(0), values);

    private T? One<T>(string sql, Func<SqliteDataReader, T> read, params ReadOnlySpan<object?> values)
    {
        SqliteCommand command = Prepare(sql, values);
        return Guard(() =>
        {
            using SqliteDataReader reader = command.ExecuteReader();
            return reader.Read() ? read(reader) : default;
        });
    }

    private List<T> All<T>(string sql, Func<SqliteDataReader, T> read, params ReadOnlySpan<object?> values)
    {
        SqliteCommand command = Prepare(sql, values);
        return Guard(() =>
        {
            var rows = new List<T>();
            using SqliteDataReader reader = command.ExecuteReader();
            while (reader.Read()) rows.Add(read(reader));
            return rows;
        });
    }

    // Row by row, as long as the answer is true.
    private void Each(string sql, Func<SqliteDataReader, bool> take, params ReadOnlySpan<object?> values)
    {
        SqliteCommand command = Prepare(sql, values);
        using SqliteDataReader reader = Guard(command.ExecuteReader);
        while (Guard(reader.Read) && Guard(() => take(reader)))
        {
        }
    }

    private SqliteCommand Prepare(string sql, ReadOnlySpan<object?> values)
    {
        if (!prepared.TryGetValue(sql, out SqliteCommand? command))
        {
            command = connection.CreateCommand();
#pragma warning disable CA2100 // Every text is a constant of this class; values are bound.
            command.CommandText = sql;
#pragma warning restore CA2100
            for (int i = 0; i < values.Length; i++) command.Parameters.AddWithValue($"${i + 1}", DBNull.Value);
            prepared.Add(sql, command);
        }

        for (int i = 0; i < values.Length; i++) command.Parameters[i].Value = values[i] ?? DBNull.Value;
        return command;
    }

    private T Guard<T>(Func<T> statement)
    {
        try
        {
            return statement();
        }
        catch (SqliteException e) when (e.SqliteErrorCode is SQLITE_CORRUPT or SQLITE_NOTADB)
        {
            DamagedState.MarkSuspect(path);
            throw new DamagedStateException($"{path} is damaged ({e.Message})", e);
        }
        catch (SqliteException e) when (e.SqliteErrorCode is SQLITE_PERM or SQLITE_READONLY or SQLITE_CANTOPEN or SQLITE_AUTH)
        {
            throw new UnauthorizedAccessException($"{path} may not be opened ({e.Message}); run as root, or name another --state-dir", e);
        }
        catch (SqliteException e)
        {
            throw new StateException($"{path}: {e.Message}", e);
        }
        catch (Exception e) when (e is InvalidCastException or OverflowException)
        {
            // A value of another type than its column's.
            throw Distrust($"{path} holds a value that is not of its kind ({e.Message})");
        }
    }
}
