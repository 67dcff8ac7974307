using System.Globalization;
using System.Text.Json;
using RateWall.Detection.Logs;
using RateWall.Output;

namespace RateWall.Watch;

/// <summary>Looks at units, written down: one JSON object a line (docs/json.md). What is read is hostile until it was checked.</summary>
public static class UnitLooks
{
    /// <summary>The most names of processes in a look.</summary>
    public const int MostNames = 256;

    // What is left of a line for the processes, and what each takes beside its name: quotes, colon, comma and a number.
    private const int MostProcessBytes = 7000;
    private const int BytesBesideName = 24;

    private const int LongestName = 255;
    private const int BlockSize = 64 * 1024;

    /// <summary>Takes a line's number and what it says, or what is wrong with it.</summary>
    public delegate void LineHandler(long line, UnitLook? look, string? fault);

    /// <summary>Reads all lines in bounded memory. A line that is wrong keeps no other from being read; empty ones are passed over.</summary>
    public static void Read(Stream input, LineHandler take)
    {
        ArgumentNullException.ThrowIfNull(input);
        ArgumentNullException.ThrowIfNull(take);
        byte[] block = new byte[BlockSize];
        int held = 0;
        long number = 0, unfinished = 0;
        for (int read; (read = input.Read(block, held, block.Length - held)) > 0;)
        {
            held += read;
            var lines = new LogLines(block.AsSpan(0, held), unfinished);
            while (lines.Next()) Take(++number, lines.Line, lines.Oversized, take);
            unfinished = lines.Unfinished;
            block.AsSpan(lines.Taken, held - lines.Taken).CopyTo(block);
            held -= lines.Taken;
        }

        if (held > 0 || unfinished > 0) Take(++number, block.AsSpan(0, held), unfinished > 0, take);
    }

    /// <summary>The form of a look.</summary>
    public static UnitLookForm Form(UnitLook look)
    {
        ArgumentNullException.ThrowIfNull(look);
        return new(look.At.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture), look.Unit)
        {
            State = look.ActiveState,
            Tasks = look.Tasks,
            TasksMax = look.TasksMax,
            Invocation = look.InvocationId,
            Processes = Fitting(look.Processes),
        };
    }

    // A process may call itself anything, and yet the line must be one that can be read: what does not fit has no name.
    private static Dictionary<string, long> Fitting(IReadOnlyDictionary<string, long> processes)
    {
        var fitting = new Dictionary<string, long>(StringComparer.Ordinal);
        long others = 0;
        int left = MostProcessBytes;
        foreach ((string name, long count) in processes.OrderByDescending(p => p.Value).ThenBy(p => p.Key, StringComparer.Ordinal))
        {
            int bytes = name.Length is 0 or > LongestName ? int.MaxValue : JsonEncodedText.Encode(name).EncodedUtf8Bytes.Length + BytesBesideName;
            if (bytes > left || fitting.Count == MostNames - 1)
            {
                others += count;
                continue;
            }

            fitting.Add(name, count);
            left -= bytes;
        }

        if (others > 0) fitting.Add("", others);
        return fitting;
    }

    private static void Take(long number, ReadOnlySpan<byte> line, bool oversized, LineHandler take)
    {
        if (oversized)
        {
            take(number, null, $"it is longer than {LogLines.MaxLine} bytes");
            return;
        }

        if (line.Trim(" \t\r"u8).IsEmpty) return;
        UnitLook? look = Parse(line, out string? fault);
        take(number, look, fault);
    }

    private static UnitLook? Parse(ReadOnlySpan<byte> line, out string? fault)
    {
        UnitLookForm? form;
        try
        {
            form = JsonSerializer.Deserialize(line, AnswerJson.Default.UnitLookForm);
        }
        catch (JsonException e)
        {
            fault = $"it is not a look at a unit ({TerminalText.Escape(e.Message)})";
            return null;
        }

        fault = FaultOf(form, out DateTimeOffset at);
        return fault is not null ? null : new(
            at, form!.Unit!, form.State ?? "active", form.Tasks, form.TasksMax, form.Invocation ?? "",
            form.Processes ?? new Dictionary<string, long>(StringComparer.Ordinal));
    }

    private static string? FaultOf(UnitLookForm? form, out DateTimeOffset at)
    {
        at = default;
        if (form is null) return "it is null";
        if (form.Unit is not { Length: > 0 and <= LongestName }) return "it names no 'unit'";
        if (!DateTimeOffset.TryParse(form.Time, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out at))
            return "its 'time' is none like 2026-03-01T12:00:00Z";
        // Two days from the ends of what a time can say, for what is added to it.
        if (at.Year is < 1970 or > 9990) return "its 'time' is not in the years 1970 to 9990";
        if (form.State is { Length: > LongestName } || form.Invocation is { Length: > LongestName }) return "its 'state' or 'invocation' is too long";
        if (form.Processes is null) return null;
        if (form.Processes.Count > MostNames) return $"it has more than {MostNames} names of processes";
        return form.Processes.Values.Any(c => c is < 0 or > int.MaxValue) ? $"a number of processes is outside 0 to {int.MaxValue}" : null;
    }
}
