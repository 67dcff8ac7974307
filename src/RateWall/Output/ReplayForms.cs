using System.Text.Json.Serialization;

namespace RateWall.Output;

/// <summary>`replay`: what would have happened.</summary>
/// <param name="Files">The files that were read.</param>
/// <param name="Lines">Lines read.</param>
/// <param name="Untimed">Tries left out because their line has no time.</param>
/// <param name="From">The first try's time.</param>
/// <param name="To">The last try's time.</param>
public sealed record ReplayForm(
    [property: JsonPropertyName("files")] IReadOnlyList<string> Files,
    [property: JsonPropertyName("lines")] long Lines,
    [property: JsonPropertyName("untimed")] long Untimed,
    [property: JsonPropertyName("from")] string? From,
    [property: JsonPropertyName("to")] string? To)
{
    /// <summary>The form's name and version.</summary>
    [JsonPropertyName("schema"), JsonPropertyOrder(-1)]
    public string Schema => "ratewall.replay/1";

    /// <summary>Tries that were found.</summary>
    [JsonPropertyName("attempts")]
    public long Attempts { get; init; }

    /// <summary>Failed tries while their source would have been banned.</summary>
    [JsonPropertyName("kept_out")]
    public long KeptOut { get; init; }

    /// <summary>Windows and tries that were given up to stay within memory.</summary>
    [JsonPropertyName("uncounted")]
    public long Uncounted { get; init; }

    /// <summary>The bans, in the order of time; each is made when it is written.</summary>
    [JsonPropertyName("bans")]
    public IEnumerable<ReplayedBanForm> Bans { get; init; } = [];

    /// <summary>Sieges.</summary>
    [JsonPropertyName("sieges")]
    public IReadOnlyList<ReplayedSiegeForm> Sieges { get; init; } = [];

    /// <summary>Sources that logged in after a ban.</summary>
    [JsonPropertyName("later_logins")]
    public IReadOnlyList<LaterLoginForm> LaterLogins { get; init; } = [];

    /// <summary>The other policy's answer; null without one.</summary>
    [JsonPropertyName("compared"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public ComparedForm? Compared { get; init; }
}

/// <summary>A ban that would have been.</summary>
/// <param name="Time">When.</param>
/// <param name="Target">Whom.</param>
/// <param name="Service">The service it offended.</param>
/// <param name="Reason">Why.</param>
public sealed record ReplayedBanForm(
    [property: JsonPropertyName("time")] string Time,
    [property: JsonPropertyName("target")] string Target,
    [property: JsonPropertyName("service")] string? Service,
    [property: JsonPropertyName("reason")] string Reason,
    [property: JsonPropertyName("detection")] string Detection,
    [property: JsonPropertyName("scope")] string Scope,
    [property: JsonPropertyName("until")] string Until,
    [property: JsonPropertyName("first_try")] string FirstTry,
    [property: JsonPropertyName("delay_s")] long DelaySeconds);

/// <summary>A siege that would have been.</summary>
public sealed record ReplayedSiegeForm(
    [property: JsonPropertyName("time")] string Time,
    [property: JsonPropertyName("service")] string Service,
    [property: JsonPropertyName("until")] string Until,
    [property: JsonPropertyName("detection")] string Detection);

/// <summary>A source that would have been banned, and logged in afterwards.</summary>
/// <param name="Target">The source.</param>
/// <param name="Banned">When it would have been banned.</param>
/// <param name="Until">Until when.</param>
/// <param name="Login">Its first login after that.</param>
/// <param name="KeptOut">How many logins the bans would have kept out.</param>
public sealed record LaterLoginForm(
    [property: JsonPropertyName("target")] string Target,
    [property: JsonPropertyName("banned")] string Banned,
    [property: JsonPropertyName("until")] string Until,
    [property: JsonPropertyName("login")] string Login,
    [property: JsonPropertyName("kept_out")] int KeptOut);

/// <summary>What another policy would have done with the same lines.</summary>
/// <param name="Policy">Its file.</param>
/// <param name="Bans">Its bans.</param>
/// <param name="KeptOut">Failed tries while their source would have been banned.</param>
/// <param name="LaterLogins">Sources that logged in after a ban.</param>
/// <param name="OnlyHere">Targets that only this other policy bans.</param>
/// <param name="OnlyThere">Targets that only the first policy bans.</param>
public sealed record ComparedForm(
    [property: JsonPropertyName("policy")] string Policy,
    [property: JsonPropertyName("bans")] IEnumerable<ReplayedBanForm> Bans,
    [property: JsonPropertyName("kept_out")] long KeptOut,
    [property: JsonPropertyName("later_logins")] IReadOnlyList<LaterLoginForm> LaterLogins,
    [property: JsonPropertyName("only_here")] IReadOnlyList<string> OnlyHere,
    [property: JsonPropertyName("only_there")] IReadOnlyList<string> OnlyThere);
