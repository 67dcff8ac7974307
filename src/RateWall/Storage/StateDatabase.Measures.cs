using Microsoft.Data.Sqlite;
using RateWall.Detection;

namespace RateWall.Storage;

/// <summary>What a service is put under for a time.</summary>
public enum MeasureKind : byte
{
    /// <summary>Strangers share one bucket.</summary>
    Siege = 0,

    /// <summary>Nobody gets in but who is excepted.</summary>
    Lockdown = 1,
}

/// <summary>A siege or a lockdown of a service that the operator or a detection asked for.</summary>
/// <param name="Kind">Which of the two.</param>
/// <param name="Service">The service.</param>
/// <param name="Ports">The ports it was put on.</param>
/// <param name="Until">The absolute deadline.</param>
/// <param name="Trusted">Of a lockdown: trusted sources get in.</param>
/// <param name="Except">Of a lockdown: networks that get in.</param>
public sealed record StoredMeasure(
    MeasureKind Kind, string Service, IReadOnlyList<int> Ports, DateTimeOffset Until, bool Trusted, IReadOnlyList<AddressPrefix> Except);

/// <summary>Sieges and lockdowns, so that a wall that was lost gets them back.</summary>
public sealed partial class StateDatabase
{
    /// <summary>Writes measures down, each in the place of an earlier one of its kind and service, in one transaction.</summary>
    public void SetMeasures(IReadOnlyList<StoredMeasure> measures)
    {
        ArgumentNullException.ThrowIfNull(measures);
        Transaction(() =>
        {
            foreach (StoredMeasure measure in measures)
            {
                Run(
                    "INSERT INTO measures VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (kind, service) DO UPDATE SET ports = excluded.ports, until = excluded.until, trusted = excluded.trusted, networks = excluded.networks",
                    (int)measure.Kind, measure.Service, string.Join(',', measure.Ports), Stamp(measure.Until), measure.Trusted, string.Join(',', measure.Except));
            }
        });
    }

    /// <summary>Forgets measures of a kind.</summary>
    public void EndMeasures(MeasureKind kind, IReadOnlyList<string> services)
    {
        ArgumentNullException.ThrowIfNull(services);
        Transaction(() =>
        {
            foreach (string service in services) Run("DELETE FROM measures WHERE kind = $1 AND service = $2", (int)kind, service);
        });
    }

    /// <summary>Measures whose deadline is ahead.</summary>
    public IReadOnlyList<StoredMeasure> Measures(DateTimeOffset now) => All(
        "SELECT kind, service, ports, until, trusted, networks FROM measures WHERE until > $1 ORDER BY kind, service", ReadMeasure, Stamp(now));

    private StoredMeasure ReadMeasure(SqliteDataReader row)
    {
        byte kind = row.GetByte(0);
        if (kind > (byte)MeasureKind.Lockdown) throw Distrust($"{path} holds {kind} where a kind of measure belongs");
        return new(
            (MeasureKind)kind, row.GetString(1), [.. Parts(row.GetString(2)).Select(Port)], Time(row.GetInt64(3)), row.GetBoolean(4),
            [.. Parts(row.GetString(5)).Select(Network)]);
    }

    private int Port(string text) => ushort.TryParse(text, System.Globalization.NumberStyles.None, null, out ushort port) && port > 0
        ? port
        : throw Distrust($"{path} holds '{Output.TerminalText.Escape(text)}' where a port belongs");

    private static string[] Parts(string list) => list.Split(',', StringSplitOptions.RemoveEmptyEntries);
}
