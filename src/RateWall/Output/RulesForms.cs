using System.Text.Json.Serialization;

namespace RateWall.Output;

/// <summary>`rules list`.</summary>
public sealed record RulesForm([property: JsonPropertyName("files")] IReadOnlyList<RuleFileForm> Files)
{
    /// <summary>The form's name and version.</summary>
    [JsonPropertyName("schema"), JsonPropertyOrder(-1)]
    public string Schema => "ratewall.rules/1";
}

/// <summary>A rule file in force.</summary>
/// <param name="Name">Its name without ".rules".</param>
/// <param name="Origin">"built-in", or the path of the operator's file.</param>
/// <param name="Programs">Syslog tags it reads.</param>
/// <param name="Units">systemd units whose journal entries count.</param>
/// <param name="Services">Services its rules can name.</param>
/// <param name="Samples">How many sample lines it has.</param>
/// <param name="Rules">Its rules, in order.</param>
public sealed record RuleFileForm(
    [property: JsonPropertyName("name")] string Name,
    [property: JsonPropertyName("origin")] string Origin,
    [property: JsonPropertyName("programs")] IReadOnlyList<string> Programs,
    [property: JsonPropertyName("units")] IReadOnlyList<string> Units,
    [property: JsonPropertyName("services")] IReadOnlyList<string> Services,
    [property: JsonPropertyName("samples")] int Samples,
    [property: JsonPropertyName("rules")] IReadOnlyList<RuleForm> Rules);

/// <summary>A rule.</summary>
/// <param name="Name">"file:line".</param>
/// <param name="Kind">"failure", "invalid", "probe", "limit", "success", or "none".</param>
/// <param name="Counts">"yes", "note", "echo" or "opens".</param>
/// <param name="Template">The template, or "regex" and the pattern.</param>
public sealed record RuleForm(
    [property: JsonPropertyName("name")] string Name,
    [property: JsonPropertyName("kind")] string Kind,
    [property: JsonPropertyName("counts")] string Counts,
    [property: JsonPropertyName("template")] string Template);

/// <summary>`rules test`.</summary>
/// <param name="Ok">True when every sample gave what its file says.</param>
/// <param name="Samples">How many were run.</param>
/// <param name="Problems">What differs, "file:line: text".</param>
public sealed record RulesTestForm(
    [property: JsonPropertyName("ok")] bool Ok,
    [property: JsonPropertyName("samples")] int Samples,
    [property: JsonPropertyName("problems")] IReadOnlyList<string> Problems)
{
    /// <summary>The form's name and version.</summary>
    [JsonPropertyName("schema"), JsonPropertyOrder(-1)]
    public string Schema => "ratewall.rules-test/1";
}

/// <summary>`rules lint`.</summary>
/// <param name="Ok">True when nothing found is a fault.</param>
/// <param name="Findings">What was found.</param>
public sealed record RulesLintForm(
    [property: JsonPropertyName("ok")] bool Ok,
    [property: JsonPropertyName("findings")] IReadOnlyList<RuleFindingForm> Findings)
{
    /// <summary>The form's name and version.</summary>
    [JsonPropertyName("schema"), JsonPropertyOrder(-1)]
    public string Schema => "ratewall.rules-lint/1";
}

/// <summary>Something odd about a rule.</summary>
/// <param name="Place">"file:line".</param>
/// <param name="Finding">"never", "shadowed", "forged", "no-sample" or "two-sided".</param>
/// <param name="Fault">False for what is only worth knowing.</param>
/// <param name="Text">For people.</param>
public sealed record RuleFindingForm(
    [property: JsonPropertyName("place")] string Place,
    [property: JsonPropertyName("finding")] string Finding,
    [property: JsonPropertyName("fault")] bool Fault,
    [property: JsonPropertyName("text")] string Text);
