using RateWall.Policy;

namespace RateWall.Storage;

/// <summary>One log to be read, with the services that are read from it.</summary>
/// <param name="File">The file, or null for the journal.</param>
/// <param name="Program">The program of lines without a header, or null.</param>
/// <param name="Services">The services.</param>
internal sealed record PlannedLog(string? File, string? Program, IReadOnlyList<ServicePolicy> Services)
{
    /// <summary>Their names.</summary>
    public IReadOnlySet<string> ServiceNames { get; } = Services.Select(s => s.Name).ToHashSet(StringComparer.Ordinal);
}

/// <summary>Which logs are read for a policy: each once, however many services share it.</summary>
internal static class LogPlan
{
    /// <summary>The logs in the order of the services that first name them.</summary>
    public static IReadOnlyList<PlannedLog> For(EffectivePolicy policy) =>
    [
        .. policy.Enabled
            .GroupBy(s => s.Log.File is null ? null : Path.GetFullPath(s.Log.File), StringComparer.Ordinal)
            .Select(g => new PlannedLog(g.Key, g.Select(s => s.Log.Program).FirstOrDefault(p => p is not null), [.. g])),
    ];
}
