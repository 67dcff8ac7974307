using RateWall.Policy;

namespace RateWall.Storage;

/// <summary>One log to be read, with the services that are read from it.</summary>
/// <param name="File">The file, or null for the journal.</param>
/// <param name="Program">The program of lines without a header, or null.</param>
/// <param name="Services">The services.</param>
internal sealed record PlannedLog(string? File, string? Program, IReadOnlyList<ServicePolicy> Services)
{
    /// <summary>What this log says of a service does not count when the program has a log of its own for it.</summary>
    public IReadOnlySet<OwnLog> Elsewhere { get; init; } = new HashSet<OwnLog>();

    /// <summary>Their names.</summary>
    public IReadOnlySet<string> ServiceNames { get; } = Services.Select(s => s.Name).ToHashSet(StringComparer.Ordinal);
}

/// <summary>A program that has a log of its own for a service.</summary>
/// <param name="Service">The service's name.</param>
/// <param name="Program">The program.</param>
internal sealed record OwnLog(string Service, string Program);

/// <summary>Which logs are read for a policy: each once, however many services share it.</summary>
internal static class LogPlan
{
    /// <summary>The logs in the order of the services that first name them.</summary>
    public static IReadOnlyList<PlannedLog> For(EffectivePolicy policy) =>
    [
        .. policy.Enabled
            .SelectMany(s => s.Logs.Select(l => new NamedLog(s, l)))
            .GroupBy(p => PathOf(p.Log), StringComparer.Ordinal)
            .Select(g => new PlannedLog(g.Key, g.Select(p => p.Log.Program).FirstOrDefault(p => p is not null), [.. g.Select(p => p.Service)])
            {
                Elsewhere = g.SelectMany(p => p.Service.Logs.Where(l => l.Program is not null && PathOf(l) != g.Key).Select(l => new OwnLog(p.Service.Name, l.Program!))).ToHashSet(),
            }),
    ];

    // A class: see TrustedKey.
    private sealed record NamedLog(ServicePolicy Service, LogSource Log);

    private static string? PathOf(LogSource log) => log.File is null ? null : Path.GetFullPath(log.File);
}
