using RateWall.Output;
using RateWall.Wall;

namespace RateWall.Commands;

/// <summary>How answers are printed.</summary>
public enum OutputFormat
{
    /// <summary>For people.</summary>
    Table,

    /// <summary>For programs: a versioned promise.</summary>
    Json,
}

/// <summary>What every verb is given: where things are, where to print, what time it is.</summary>
public sealed record Session
{
    /// <summary>The policy file: --config, then RATEWALL_CONFIG, then /etc/ratewall/ratewall.yaml.</summary>
    public required string ConfigPath { get; init; }

    /// <summary>True when the path was named: then it must exist.</summary>
    public required bool ConfigNamed { get; init; }

    /// <summary>Where state lives: --state-dir, then RATEWALL_STATE_DIR, then /var/lib/ratewall.</summary>
    public required string StateDirectory { get; init; }

    /// <summary>How to print.</summary>
    public required OutputFormat Format { get; init; }

    /// <summary>Answers go here.</summary>
    public required TextWriter Out { get; init; }

    /// <summary>Warnings, progress and errors go here.</summary>
    public required TextWriter Error { get; init; }

    /// <summary>What <see cref="Out"/> can do: colours and width for <see cref="AnswerTable"/>.</summary>
    public Terminal OutTerminal { get; init; } = Terminal.None;

    /// <summary>What <see cref="Error"/> can do.</summary>
    public Terminal ErrorTerminal { get; init; } = Terminal.None;

    /// <summary>The clock.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>The operator's rule files.</summary>
    public string RulesDirectory => Path.Combine(Path.GetDirectoryName(Path.GetFullPath(ConfigPath)) ?? "/", "rules.d");

    /// <summary>The operator's templates.</summary>
    public string TemplatesDirectory => Path.Combine(Path.GetDirectoryName(Path.GetFullPath(ConfigPath)) ?? "/", "native-rules");

    /// <summary>Loads the templates in force, or ends the verb with what is wrong with one.</summary>
    public WallTemplates LoadTemplates() => WallTemplates.Load(TemplatesDirectory);

    /// <summary>Loads the policy, or ends the verb with what is wrong with it.</summary>
    public Policy.EffectivePolicy LoadPolicy() => Policy.PolicyReader.Load(ConfigPath, ConfigNamed);
}
