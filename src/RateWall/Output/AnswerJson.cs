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
public sealed partial class AnswerJson : JsonSerializerContext
{
    /// <summary>
    /// Writes a form as one line. Everything but plain ASCII is escaped (the serializer's default), so hostile text in it
    /// is harmless on a terminal and whole for a program.
    /// </summary>
    public static void Write<T>(TextWriter output, T form, JsonTypeInfo<T> type)
    {
        ArgumentNullException.ThrowIfNull(output);
        output.WriteLine(JsonSerializer.Serialize(form, type));
    }
}
