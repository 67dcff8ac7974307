using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using RateWall.IntegrationTests.Machine;

namespace RateWall.IntegrationTests.Systemd;

/// <summary>
/// Entries in the Journal Export Format, turned into a real journal file by systemd's own systemd-journal-remote. It keeps
/// trusted fields (_UID, _COMM, _SYSTEMD_UNIT) as they are given.
/// </summary>
internal sealed class JournalExport
{
    public const string Program = "/lib/systemd/systemd-journal-remote";

    /// <summary>The time of the entry numbered 0; each further one is a second later.</summary>
    public static readonly DateTimeOffset Start = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    private const string BootId = "0123456789abcdef0123456789abcdef";

    private readonly List<byte> stream = [];

    /// <summary>Adds the entry with this number: its place in time.</summary>
    public JournalExport Entry(int number, params (string Name, byte[] Value)[] fields)
    {
        long usec = (Start.ToUnixTimeMilliseconds() + (number * 1000L)) * 1000;
        Text(string.Create(CultureInfo.InvariantCulture, $"__REALTIME_TIMESTAMP={usec}\n"));
        Text(string.Create(CultureInfo.InvariantCulture, $"__MONOTONIC_TIMESTAMP={1_000_000 + (number * 1_000_000L)}\n"));
        Text($"_BOOT_ID={BootId}\n");
        Span<byte> length = stackalloc byte[8];
        foreach ((string name, byte[] value) in fields)
        {
            Text($"{name}\n");
            BinaryPrimitives.WriteInt64LittleEndian(length, value.Length);
            stream.AddRange(length);
            stream.AddRange(value);
            Text("\n");
        }

        Text("\n");
        return this;
    }

    /// <summary>Adds an entry of text fields.</summary>
    public JournalExport Entry(int number, params (string Name, string Value)[] fields) =>
        Entry(number, [.. fields.Select(f => (f.Name, Encoding.UTF8.GetBytes(f.Value)))]);

    /// <summary>Adds entries whose MESSAGE is their number.</summary>
    public JournalExport Numbered(int from, int to)
    {
        for (int i = from; i <= to; i++) Entry(i, ("MESSAGE", i.ToString(CultureInfo.InvariantCulture)));
        return this;
    }

    /// <summary>Makes the journal file.</summary>
    public void WriteTo(string directory, string name = "test.journal")
    {
        Directory.CreateDirectory(directory);
        using var temporary = new TemporaryDirectory();
        File.WriteAllBytes(temporary["export"], stream.ToArray());
        Shell.Run(Program, $"--output={Path.Combine(directory, name)}", temporary["export"]).MustSucceed("systemd-journal-remote");
    }

    private void Text(string text) => stream.AddRange(Encoding.UTF8.GetBytes(text));
}
