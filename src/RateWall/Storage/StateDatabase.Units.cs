using System.Text.Json;
using Microsoft.Data.Sqlite;
using RateWall.Watch;

namespace RateWall.Storage;

/// <summary>How far something that was to be done to a unit has come.</summary>
public enum UnitActState : byte
{
    /// <summary>Written down; whether it was done nobody knows yet. The next run settles it.</summary>
    Pending = 0,

    /// <summary>Done.</summary>
    Done = 1,

    /// <summary>Refused or failed.</summary>
    Failed = 2,

    /// <summary>The program died before it was done, and it is not done any more.</summary>
    Interrupted = 3,
}

/// <summary>What is remembered of an entry of units.</summary>
/// <param name="Name">The entry's name in the policy.</param>
/// <param name="Unit">The unit it looked at.</param>
/// <param name="Boot">The start of the machine it was remembered in.</param>
/// <param name="Memory">What is remembered.</param>
public sealed record StoredWatch(string Name, string Unit, string Boot, UnitMemory Memory);

/// <summary>Something that was done to a unit, or noticed of it.</summary>
/// <param name="Id">The row's number; 0 before it is written.</param>
/// <param name="Watch">The entry's name in the policy.</param>
/// <param name="Unit">The unit.</param>
/// <param name="Happened">What, when, and over which numbers.</param>
/// <param name="Reason">Why, for people.</param>
/// <param name="State">How far it has come.</param>
/// <param name="Outcome">What came of it, for people; "" while that is not known.</param>
public sealed record StoredUnitAct(long Id, string Watch, string Unit, UnitEvent Happened, string Reason, UnitActState State, string Outcome)
{
    /// <summary>PID 1's name for the run of the unit that it was decided over.</summary>
    public string Run { get; init; } = "";

    /// <summary>Of a stop: the timer of PID 1 that ends it, without suffix.</summary>
    public string? Timer { get; init; }

    /// <summary>Of a stop: the units that are down for it, in the order in which they are started again.</summary>
    public IReadOnlyList<string> Units { get; init; } = [];
}

/// <summary>Watched units.</summary>
public sealed partial class StateDatabase
{
    private const string UnitActColumns = "id, watch, unit, act, at, until, count, level, reason, run, timer, units, state, outcome";

    /// <summary>How many acts are kept at most.</summary>
    private const int MostUnitActs = 10_000;

    /// <summary>Everything that is remembered of entries, in the order of names.</summary>
    public IReadOnlyList<StoredWatch> Watches() => All("SELECT name, unit, boot, memory FROM watches ORDER BY name", r => new StoredWatch(r.GetString(0), r.GetString(1), r.GetString(2), Memory(r.GetString(3))));

    /// <summary>Remembers entries, in one transaction.</summary>
    public void SaveWatches(IReadOnlyList<StoredWatch> watches)
    {
        ArgumentNullException.ThrowIfNull(watches);
        Transaction(() => Save(watches));
    }

    /// <summary>Writes down what is about to be done together with what is remembered from then on; nothing may be done before.</summary>
    /// <returns>The row with its number.</returns>
    public StoredUnitAct Begin(StoredUnitAct act, IReadOnlyList<StoredWatch> watches)
    {
        ArgumentNullException.ThrowIfNull(act);
        ArgumentNullException.ThrowIfNull(watches);
        long id = 0;
        Transaction(() =>
        {
            Save(watches);
            Run(
                "INSERT INTO unit_acts (watch, unit, act, at, until, count, level, reason, run, timer, units, state, outcome) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
                act.Watch, act.Unit, (int)act.Happened.Act, Stamp(act.Happened.At), act.Happened.Until is { } until ? Stamp(until) : null, act.Happened.Count, act.Happened.Level,
                act.Reason, act.Run, act.Timer, string.Join(' ', act.Units), (int)act.State, act.Outcome);
            id = Number("SELECT last_insert_rowid()");
            Run("DELETE FROM unit_acts WHERE id <= $1 AND state <> 0", id - MostUnitActs);
        });
        return act with { Id = id };
    }

    /// <summary>Writes down what came of an act, together with what is remembered from then on.</summary>
    public void Settle(StoredUnitAct act, UnitActState outcome, string text, IReadOnlyList<StoredWatch> watches)
    {
        ArgumentNullException.ThrowIfNull(act);
        ArgumentNullException.ThrowIfNull(watches);
        Transaction(() =>
        {
            Save(watches);
            Run("UPDATE unit_acts SET state = $2, outcome = $3 WHERE id = $1", act.Id, (int)outcome, text);
        });
    }

    /// <summary>Acts that an interrupted run wrote down, oldest first.</summary>
    public IReadOnlyList<StoredUnitAct> PendingUnitActs() => All($"SELECT {UnitActColumns} FROM unit_acts WHERE state = 0 ORDER BY id", ReadUnitAct);

    /// <summary>Acts, newest first.</summary>
    /// <param name="limit">The most that are wanted.</param>
    /// <param name="of">A unit or an entry; null: all.</param>
    public IReadOnlyList<StoredUnitAct> UnitActs(int limit, string? of = null) => All(
        $"SELECT {UnitActColumns} FROM unit_acts WHERE $1 IS NULL OR unit = $1 OR watch = $1 ORDER BY id DESC LIMIT $2", ReadUnitAct, of, limit);

    /// <summary>The last stop of an entry's unit that may have been done, or null.</summary>
    public StoredUnitAct? LastStop(string watch) => All(
        $"SELECT {UnitActColumns} FROM unit_acts WHERE watch = $1 AND act = $2 AND state < 2 ORDER BY id DESC LIMIT 1", ReadUnitAct, watch, (int)UnitAct.Stop).FirstOrDefault();

    private void Save(IReadOnlyList<StoredWatch> watches)
    {
        foreach (StoredWatch watch in watches)
        {
            Run(
                "INSERT INTO watches VALUES ($1, $2, $3, $4) ON CONFLICT (name) DO UPDATE SET unit = excluded.unit, boot = excluded.boot, memory = excluded.memory",
                watch.Name, watch.Unit, watch.Boot, JsonSerializer.Serialize(watch.Memory, UnitMemoryJson.Default.UnitMemory));
        }
    }

    private UnitMemory Memory(string text)
    {
        try
        {
            if (JsonSerializer.Deserialize(text, UnitMemoryJson.Default.UnitMemory) is { IsSound: true } memory) return memory;
        }
        catch (JsonException)
        {
            // Told below: the text is nobody's who wrote it here.
        }

        throw Distrust($"{path} holds what is no memory of a unit");
    }

    private StoredUnitAct ReadUnitAct(SqliteDataReader row)
    {
        int act = row.GetInt32(3), state = row.GetInt32(12);
        if (!Enum.IsDefined((UnitAct)act) || state is < 0 or > (int)UnitActState.Interrupted) throw Distrust($"{path} holds {act} and {state} where an act and its state belong");
        return new(
            row.GetInt64(0), row.GetString(1), row.GetString(2),
            new((UnitAct)act, Time(row.GetInt64(4)), row.GetInt64(6), row.GetInt64(7), row.IsDBNull(5) ? null : Time(row.GetInt64(5))),
            row.GetString(8), (UnitActState)state, row.GetString(13))
        {
            Run = row.GetString(9),
            Timer = row.IsDBNull(10) ? null : row.GetString(10),
            Units = row.GetString(11).Split(' ', StringSplitOptions.RemoveEmptyEntries),
        };
    }
}
