using System.CommandLine;
using System.Globalization;
using RateWall.Detection;
using RateWall.Detection.Correlation;
using RateWall.Detection.Logs;
using RateWall.Output;
using RateWall.Policy;
using RateWall.Storage;
using RateWall.Wall;

namespace RateWall.Commands;

/// <summary>`ratewall replay`: what a policy would have done with logs that are there already. Touches neither kernel nor state.</summary>
internal static class ReplayCommand
{
    // What the correlator holds of a step is made compact at its end.
    private const long StepBytes = 4 * 1024 * 1024;
    private const int StandardLimit = 100;

    private static readonly Option<string[]> Logs = new("--log")
    {
        Description = "Log files, rotated and gzip'd ones too, in any order.",
        HelpName = "FILE...",
        Required = true,
        Arity = ArgumentArity.OneOrMore,
        AllowMultipleArgumentsPerToken = true,
    };

    private static readonly Option<string?> PolicyFile = new("--policy") { Description = "The policy to try (default: the one in force).", HelpName = "FILE" };
    private static readonly Option<string?> Compare = new("--compare") { Description = "A second policy, to see what one bans and the other does not.", HelpName = "FILE" };
    private static readonly Option<string?> Program = new("--program") { Description = "The program that wrote lines whose header names none.", HelpName = "NAME" };
    private static readonly Option<int?> Limit = new("--limit") { Description = $"Show at most N bans in the table, the first (default {StandardLimit}); JSON has all.", HelpName = "N" };

    public static Command Create()
    {
        Command command = CommandLine.Verb(
            "replay",
            "Shows what a policy would have done with log files: who would have been banned, when and how late, and who logged in afterwards all the same. Changes nothing, and needs no root.",
            "ratewall replay --log /var/log/auth.log*\nratewall replay --log mail.log.1 mail.log --policy strict.yaml --compare /etc/ratewall/ratewall.yaml",
            Run);
        foreach (Option option in new Option[] { Logs, PolicyFile, Compare, Program, Limit }) command.Add(option);
        return command;
    }

    private static ExitCode Run(Session session, ParseResult arguments)
    {
        int limit = BanArguments.ReadLimit(arguments.GetValue(Limit) ?? StandardLimit);
        EffectivePolicy policy = arguments.GetValue(PolicyFile) is { } named ? PolicyReader.Load(named, mustExist: true) : session.LoadPolicy();
        string? otherFile = arguments.GetValue(Compare);
        EffectivePolicy? otherPolicy = otherFile is null ? null : PolicyReader.Load(otherFile, mustExist: true);
        RuleSet rules = OperatorRules.Load(session.RulesDirectory);
        var replay = new PolicyReplay(policy, Exemptions.OfHost(policy));
        PolicyReplay? other = otherPolicy is null ? null : new(otherPolicy, Exemptions.OfHost(otherPolicy));
        string program = arguments.GetValue(Program) ?? "";
        string ProgramOf(string log) => policy.Services.SelectMany(s => s.Logs).FirstOrDefault(l => l.File == log)?.Program ?? program;
        try
        {
            string[] files = arguments.GetValue(Logs)!;
            using LogArchive archive = LogArchive.Open(files, ProgramOf, rules, session.Time.GetUtcNow(), TimeZoneInfo.Local, session.Error);
            Read(session, archive, replay, other);
            var answer = new ReplayAnswer(session, archive, [.. files], replay);
            if (session.Format == OutputFormat.Json) answer.WriteJson(otherFile, other);
            else answer.WriteTable(limit, otherFile, other);
            return ExitCode.Done;
        }
        catch (LogSourceException e)
        {
            throw new CommandException(ExitCode.Usage, e.Message);
        }
    }

    private static void Read(Session session, LogArchive archive, PolicyReplay replay, PolicyReplay? other)
    {
        using var progress = new ProgressLine(session.Error, session.ErrorTerminal, session.Time);
        long stepEnd = StepBytes, taken = 0;
        AttemptHandler observe = other is null ? replay.Observe : Both;
        while (archive.ReadBlock(observe))
        {
            taken += LogStrand.BlockBytes;
            if (taken < stepEnd) continue;
            stepEnd = taken + StepBytes;
            EndStep();
            progress.Report(() => $"{ProgressLine.Bar(archive.BytesRead, archive.Bytes)} {HumanCount.Of(archive.Lines, "line")}, {HumanCount.Of(replay.Bans.Count, "ban")}");
        }

        EndStep();

        void EndStep()
        {
            replay.EndStep();
            other?.EndStep();
        }

        void Both(in Attempt attempt)
        {
            replay.Observe(attempt);
            other.Observe(attempt);
        }
    }
}
