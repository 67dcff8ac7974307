using System.Text.Json.Serialization;

namespace RateWall.Output;

/// <summary>`why`: what is known of an address now.</summary>
/// <param name="Address">What was asked for.</param>
/// <param name="Key">Under which key it is counted and banned.</param>
public sealed record WhyForm(
    [property: JsonPropertyName("address")] string Address,
    [property: JsonPropertyName("key")] string Key)
{
    /// <summary>The form's name and version.</summary>
    [JsonPropertyName("schema"), JsonPropertyOrder(-1)]
    public string Schema => "ratewall.why/1";

    /// <summary>Parts of the answer that could not be had, and why.</summary>
    [JsonPropertyName("missing")]
    public IReadOnlyList<string> Missing { get; init; } = [];

    /// <summary>Why it is never banned; null when it may be.</summary>
    [JsonPropertyName("exempt")]
    public ExemptForm? Exempt { get; init; }

    /// <summary>Bans in force that cover it: its own and wider ones.</summary>
    [JsonPropertyName("bans")]
    public IReadOnlyList<CoveringBanForm> Bans { get; init; } = [];

    /// <summary>How many bans of exactly this key are remembered.</summary>
    [JsonPropertyName("bans_remembered")]
    public int Remembered { get; init; }

    /// <summary>What its logins are worth.</summary>
    [JsonPropertyName("trusted")]
    public IReadOnlyList<TrustedForm> Trusted { get; init; } = [];

    /// <summary>What is counted against it.</summary>
    [JsonPropertyName("counts")]
    public IReadOnlyList<CountForm> Counts { get; init; } = [];

    /// <summary>The connections it holds at protected ports, the oldest first; null: the kernel was not asked.</summary>
    [JsonPropertyName("connections")]
    public IReadOnlyList<HeldForm>? Connections { get; init; }

    /// <summary>The limits it meets.</summary>
    [JsonPropertyName("limits")]
    public IReadOnlyList<SourceLimitForm> Limits { get; init; } = [];
}

/// <summary>Why an address is never banned.</summary>
public sealed record ExemptForm(
    [property: JsonPropertyName("network")] string Network,
    [property: JsonPropertyName("reason")] string Reason);

/// <summary>A ban that covers an address.</summary>
/// <param name="Target">Whom it is for.</param>
/// <param name="Scope">"all", or the one service.</param>
/// <param name="Until">Its deadline.</param>
/// <param name="RemainingSeconds">Seconds until then.</param>
/// <param name="Reason">Why; null when only the kernel knows of it.</param>
/// <param name="InKernel">Whether the kernel has it; null when it was not asked.</param>
public sealed record CoveringBanForm(
    [property: JsonPropertyName("target")] string Target,
    [property: JsonPropertyName("scope")] string Scope,
    [property: JsonPropertyName("until")] string? Until,
    [property: JsonPropertyName("remaining_s")] long? RemainingSeconds,
    [property: JsonPropertyName("reason")] string? Reason,
    [property: JsonPropertyName("in_kernel")] bool? InKernel);

/// <summary>Until when a source is trusted at the services of a family.</summary>
public sealed record TrustedForm(
    [property: JsonPropertyName("family")] string Family,
    [property: JsonPropertyName("until")] string? Until,
    [property: JsonPropertyName("in_kernel")] bool? InKernel);

/// <summary>What is counted against a source at a service.</summary>
/// <param name="Service">The service.</param>
/// <param name="Detection">The detection.</param>
/// <param name="Count">How many.</param>
/// <param name="Threshold">How many are an offence.</param>
/// <param name="WithinSeconds">In how many seconds.</param>
/// <param name="Newest">The newest of them.</param>
/// <param name="BanSeconds">How long the ban would last; null when there would be none.</param>
public sealed record CountForm(
    [property: JsonPropertyName("service")] string Service,
    [property: JsonPropertyName("detection")] string Detection,
    [property: JsonPropertyName("count")] int Count,
    [property: JsonPropertyName("threshold")] int Threshold,
    [property: JsonPropertyName("within_s")] long WithinSeconds,
    [property: JsonPropertyName("newest")] string? Newest,
    [property: JsonPropertyName("ban_s")] long? BanSeconds)
{
    /// <summary>Whose count it is: the source, its network, or "account." and the hash of a name that it tried.</summary>
    [JsonPropertyName("subject")]
    public string Subject { get; init; } = "";
}

/// <summary>A connection that a source holds.</summary>
/// <param name="Service">The service.</param>
/// <param name="Address">From which of the source's addresses.</param>
/// <param name="RemotePort">From which port.</param>
/// <param name="LocalPort">To which port.</param>
/// <param name="Since">When it was first seen; null: no look has seen it yet, or none is taken at this service.</param>
/// <param name="AgeSeconds">Seconds since then.</param>
/// <param name="Login">Whether somebody has logged in on it: "yes", "none" or "unknown".</param>
public sealed record HeldForm(
    [property: JsonPropertyName("service")] string Service,
    [property: JsonPropertyName("address")] string Address,
    [property: JsonPropertyName("remote_port")] int RemotePort,
    [property: JsonPropertyName("local_port")] int LocalPort,
    [property: JsonPropertyName("since")] string? Since,
    [property: JsonPropertyName("age_s")] long? AgeSeconds,
    [property: JsonPropertyName("login")] string Login);

/// <summary>A limit that a source meets.</summary>
/// <param name="Service">The service.</param>
/// <param name="Mode">"window", "quiet", "bucket" or "off".</param>
/// <param name="Connections">N, of a trusted source its own.</param>
/// <param name="PerSeconds">S.</param>
public sealed record SourceLimitForm(
    [property: JsonPropertyName("service")] string Service,
    [property: JsonPropertyName("mode")] string Mode,
    [property: JsonPropertyName("connections")] int Connections,
    [property: JsonPropertyName("per_s")] long PerSeconds)
{
    /// <summary>Connections in the last S seconds; null where they are not counted one by one, or the kernel was not asked.</summary>
    [JsonPropertyName("counted")]
    public int? Counted { get; init; }

    /// <summary>Until when it is kept out if it stays silent; null: it is not.</summary>
    [JsonPropertyName("blocked_until")]
    public string? BlockedUntil { get; init; }

    /// <summary>Until when the service is under siege; null: it is not, or the kernel was not asked.</summary>
    [JsonPropertyName("siege_until")]
    public string? SiegeUntil { get; init; }

    /// <summary>Until when a lockdown of the service keeps this source out; null: none does.</summary>
    [JsonPropertyName("locked_until")]
    public string? LockedUntil { get; init; }
}
