using System.Globalization;
using System.Text.Json;
using RateWall.IntegrationTests.Machine;

namespace RateWall.IntegrationTests.Containers.Stories;

/// <summary>A journal entry about a unit: its own, or PID 1's.</summary>
/// <param name="Unit">The unit.</param>
/// <param name="Invocation">Which of its starts (systemd.exec(5), $INVOCATION_ID).</param>
/// <param name="MessageId">PID 1's number for what happened, or empty.</param>
/// <param name="Message">Its text.</param>
/// <param name="At">When the journal had it.</param>
/// <param name="Monotonic">The same on the clock that nobody sets, since the kernel was started.</param>
internal sealed record UnitEntry(string Unit, string Invocation, string MessageId, string Message, DateTimeOffset At, TimeSpan Monotonic)
{
    // systemd.journal-fields(7), sd-messages.h: SD_MESSAGE_UNIT_STARTING and SD_MESSAGE_UNIT_STARTED.
    private const string Starting = "7d4958e842da4a758f6c1cdc7b36dcc5";
    private const string Started = "39f53479d3a045ac8e11786248231fbf";

    /// <summary>PID 1 begins to start the unit.</summary>
    public bool Begins => MessageId == Starting;

    /// <summary>PID 1 has started it; a oneshot has ended well.</summary>
    public bool IsDone => MessageId == Started;
}

/// <summary>What the journal of a host says of units.</summary>
internal static class UnitJournal
{
    /// <summary>A place in the journal: its end now.</summary>
    public static string JournalEnd(this Container host)
    {
        host.Exec("journalctl", "--sync").MustSucceed("journalctl --sync");
        string answer = host.Exec("journalctl", "-n", "0", "--show-cursor", "--no-pager").MustSucceed("journalctl").Out;
        const string Mark = "-- cursor: ";
        return answer[(answer.IndexOf(Mark, StringComparison.Ordinal) + Mark.Length)..].Trim();
    }

    /// <summary>What it says of some units behind a place, in order.</summary>
    public static IReadOnlyList<UnitEntry> UnitEntries(this Container host, string after, params string[] units)
    {
        host.Exec("journalctl", "--sync").MustSucceed("journalctl --sync");
        string[] named = [.. units.SelectMany(u => new[] { "--unit", u })];
        return
        [
            .. host.Exec(["journalctl", "--no-pager", "-o", "json", "--after-cursor", after, .. named]).MustSucceed("journalctl").Out
                .Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(Read),
        ];
    }

    private static UnitEntry Read(string line)
    {
        using var document = JsonDocument.Parse(line);
        JsonElement entry = document.RootElement;
        string Text(string field) => entry.TryGetProperty(field, out JsonElement value) && value.ValueKind == JsonValueKind.String ? value.GetString()! : "";
        long Microseconds(string field) => long.Parse(Text(field), CultureInfo.InvariantCulture);
        // What PID 1 says of a unit is in fields of its own, what the unit's processes say is told by journald.
        bool told = Text("UNIT").Length > 0;
        return new(
            Text(told ? "UNIT" : "_SYSTEMD_UNIT"), Text(told ? "INVOCATION_ID" : "_SYSTEMD_INVOCATION_ID"), Text("MESSAGE_ID"), Text("MESSAGE"),
            DateTimeOffset.UnixEpoch.AddMicroseconds(Microseconds("__REALTIME_TIMESTAMP")), TimeSpan.FromMicroseconds(Microseconds("__MONOTONIC_TIMESTAMP")));
    }
}
