using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace RateWall.Output;

/// <summary>Writes the promised forms; made at compile time, so that no reflection is needed.</summary>
[JsonSourceGenerationOptions(GenerationMode = JsonSourceGenerationMode.Default)]
[JsonSerializable(typeof(StatusForm))]
[JsonSerializable(typeof(BansForm))]
[JsonSerializable(typeof(RunForm))]
[JsonSerializable(typeof(TraceForm))]
[JsonSerializable(typeof(ReplayForm))]
[JsonSerializable(typeof(WhyForm))]
[JsonSerializable(typeof(CheckForm))]
[JsonSerializable(typeof(PolicyForm))]
[JsonSerializable(typeof(PlanForm))]
[JsonSerializable(typeof(ChangeForm))]
[JsonSerializable(typeof(VersionForm))]
[JsonSerializable(typeof(RulesForm))]
[JsonSerializable(typeof(RulesTestForm))]
[JsonSerializable(typeof(RulesLintForm))]
[JsonSerializable(typeof(UnitLookForm))]
[JsonSerializable(typeof(WatchSimulationForm))]
[JsonSerializable(typeof(WatchForm))]
public sealed partial class AnswerJson : JsonSerializerContext
{
    /// <summary>
    /// Writes a form as one line. Everything but plain ASCII is escaped (the serializer's default), so hostile text in it
    /// is harmless on a terminal and whole for a program. It is written as it is made: an answer may hold a million bans.
    /// </summary>
    public static void Write<T>(TextWriter output, T form, JsonTypeInfo<T> type)
    {
        ArgumentNullException.ThrowIfNull(output);
        using (var stream = new AsciiStream(output)) JsonSerializer.Serialize(stream, form, type);
        output.WriteLine();
    }

    /// <summary>Writes a form whose list, its last member, is too long to be held: its items come one by one.</summary>
    /// <param name="output">Where to.</param>
    /// <param name="empty">The form with an empty list.</param>
    /// <param name="type">The form's type.</param>
    /// <param name="itemType">The type of the list's items.</param>
    /// <param name="items">Calls for each item.</param>
    public static void WriteEach<TForm, TItem>(TextWriter output, TForm empty, JsonTypeInfo<TForm> type, JsonTypeInfo<TItem> itemType, Action<Action<TItem>> items)
    {
        ArgumentNullException.ThrowIfNull(output);
        ArgumentNullException.ThrowIfNull(items);
        const string end = "]}";
        string form = JsonSerializer.Serialize(empty, type);
        if (!form.EndsWith("[]}", StringComparison.Ordinal)) throw new ArgumentException($"{type.Type.Name} does not end with an empty list", nameof(empty));
        var blocks = new OutputBlocks(output);
        blocks.Write(form[..^end.Length]);
        string separator = "";
        items(item =>
        {
            blocks.Write(separator);
            blocks.Write(JsonSerializer.Serialize(item, itemType));
            separator = ",";
        });
        blocks.WriteLine(end);
        blocks.Flush();
    }
}
