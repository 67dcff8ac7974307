using System.CommandLine;
using RateWall.Output;
using RateWall.Policy;

namespace RateWall.Commands;

/// <summary>What an operator may write behind siege and lockdown, and behind --service: names of enabled services.</summary>
internal static class ServiceArguments
{
    /// <summary>The word for every service.</summary>
    public const string All = "all";

    /// <summary>Longer is no measure against an attack, it is policy.</summary>
    private static readonly TimeSpan Longest = TimeSpan.FromDays(30);

    /// <summary>A verb's services: one or more, or all.</summary>
    public static Argument<string[]> Names() => new("SERVICE")
    {
        Description = "Names of services, or 'all'.",
        Arity = ArgumentArity.OneOrMore,
    };

    /// <exception cref="CommandException">One of them is not an enabled service.</exception>
    public static IReadOnlyList<ServicePolicy> Read(IReadOnlyList<string> names, EffectivePolicy policy) => names.Contains(All, StringComparer.Ordinal)
        ? [.. policy.Enabled]
        : [.. names.Distinct(StringComparer.Ordinal).Select(n => Read(n, policy))];

    /// <exception cref="CommandException">It is not an enabled service.</exception>
    public static ServicePolicy Read(string name, EffectivePolicy policy)
    {
        ServicePolicy? service = policy.Services.FirstOrDefault(s => s.Name == name);
        if (service is null)
        {
            string remedy = ValueReader.Remedy(name, [.. policy.Enabled.Select(s => s.Name)]);
            throw new CommandException(ExitCode.Usage, $"there is no service '{TerminalText.Escape(name)}'; {remedy}");
        }

        return service.Enabled
            ? service
            : throw new CommandException(ExitCode.Usage, $"{name} is not enabled in the policy, so the wall does not know its ports; write 'enabled: true' there");
    }

    /// <summary>The duration of --for, or null for --end; exactly one of them has to be said.</summary>
    /// <exception cref="CommandException">None, both, or no duration that a measure can have.</exception>
    public static TimeSpan? ReadDuration(string verb, string? text, bool end)
    {
        if (end == (text is not null))
            throw new CommandException(ExitCode.Usage, end ? "--for and --end exclude each other" : $"say how long: '{verb} ... --for 1h'; or '--end'");
        if (text is null) return null;
        if (!DurationText.TryParse(text, out TimeSpan duration))
            throw new CommandException(ExitCode.Usage, $"'{TerminalText.Escape(text)}' is not a duration (try 90s, 10m, 2h, 7d)");
        return duration >= TimeSpan.FromSeconds(1) && duration <= Longest
            ? duration
            : throw new CommandException(ExitCode.Usage, $"a {verb} lasts from 1s to {DurationText.Format(Longest)}, not {DurationText.Format(duration)}");
    }
}
