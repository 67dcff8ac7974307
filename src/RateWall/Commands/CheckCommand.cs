using System.CommandLine;
using System.Globalization;
using RateWall.Detection.Correlation;
using RateWall.Output;
using RateWall.Policy;
using RateWall.Wall;

namespace RateWall.Commands;

/// <summary>`ratewall check`: is the policy right, and what does it allow at most?</summary>
internal static class CheckCommand
{
    public static Command Create() => CommandLine.Verb(
        "check",
        "Checks policy and rule files, tells what is wrong with them, and what the policy allows at most.",
        "ratewall check --config /etc/ratewall/ratewall.yaml",
        (session, _) => Run(session));

    private static ExitCode Run(Session session)
    {
        EffectivePolicy policy;
        try
        {
            policy = session.LoadPolicy();
        }
        catch (PolicyException wrong)
        {
            Tell(session, wrong);
            return ExitCode.Usage;
        }

        // Without a rule that names it nobody sees a failure at a service, whatever its threshold.
        HashSet<string> watched = [.. OperatorRules.Load(session.RulesDirectory).Files.SelectMany(f => f.Services)];
        WallTemplates templates = session.LoadTemplates();
        new RulesetRenderer(templates).Render(policy);
        if (session.Format == OutputFormat.Json) WriteJson(session, policy, watched, templates);
        else WriteTable(session, policy, watched, templates);
        return ExitCode.Done;
    }

    private static void Tell(Session session, PolicyException wrong)
    {
        if (session.Format == OutputFormat.Json)
        {
            ProblemForm[] problems = [.. wrong.Details.Select(p => new ProblemForm(p.Origin.File, p.Origin.Line, p.Origin.Column, p.Text))];
            AnswerJson.Write(session.Out, new CheckForm(Ok: false, [], problems, [], KernelMemoryBytes: null), AnswerJson.Default.CheckForm);
            return;
        }

        foreach (string problem in wrong.Problems) session.Error.WriteLine(problem);
        session.Error.WriteLine(wrong.Problems.Count == 1 ? "ratewall: the policy has 1 problem" : $"ratewall: the policy has {wrong.Problems.Count} problems");
    }

    private static void WriteJson(Session session, EffectivePolicy policy, HashSet<string> watched, WallTemplates templates)
    {
        WorstCaseForm[] services = [.. policy.Enabled.Select(s => new WorstCaseForm(
            s.Name, s.Ports, Lower(s.Limit.Mode),
            WorstCase.ConnectionsPerMinute(s.Limit), WorstCase.TrustedConnectionsPerMinute(s.Limit, policy.Trust.Factor),
            watched.Contains(s.Name) ? s.Detections.Failures?.Count : null, s.Log.File ?? "journal", WorstCase.KernelMemory(s.Limit))
        {
            Detections = watched.Contains(s.Name) ? [.. s.Detections.All.Where(d => d.Threshold is not null).Select(d => d.Name)] : [],
            Holders = watched.Contains(s.Name) && s.Detections.Holders is { } holders ? new(holders.Count, (long)holders.For.TotalSeconds) : null,
            Capacity = s.Detections.Capacity,
            FurtherLogs = [.. s.FurtherLogs.Select(l => l.File ?? "journal")],
            Answer = s.Limit.Mode == LimitMode.Off ? null : s.Limit.Answer == LimitAnswer.Reset ? "reset" : "drop",
            MostPerMinuteNetwork = WorstCase.NetworkConnectionsPerMinute(s.Limit),
            MostAtOnce = s.Limit.Concurrent,
        })];
        AnswerJson.Write(session.Out, new CheckForm(Ok: true, policy.Files, [], services, WorstCase.KernelMemory(policy)) { Templates = templates.Overrides, Units = [.. policy.WatchedUnits.Select(Form)] }, AnswerJson.Default.CheckForm);
    }

    private static void WriteTable(Session session, EffectivePolicy policy, HashSet<string> watched, WallTemplates templates)
    {
        TextWriter output = session.Out;
        output.WriteLine(policy.Files.Count == 0
            ? "The policy is right: the built-in default, no file was read."
            : $"The policy is right: the built-in default with {string.Join(", ", policy.Files.Select(TerminalText.Escape))} over it.");
        ApplyCommand.TellOfOverrides(session, templates);
        output.WriteLine();
        var table = new AnswerTable("SERVICE", "PORTS", "LIMIT", ">A MINUTE", ">TRUSTED", "BANNED AFTER", "LOG", ">MEMORY");
        foreach (ServicePolicy service in policy.Enabled)
        {
            table.Add(
                service.Name, string.Join(',', service.Ports), Describe(service.Limit),
                Count(WorstCase.ConnectionsPerMinute(service.Limit)),
                Count(WorstCase.TrustedConnectionsPerMinute(service.Limit, policy.Trust.Factor)),
                BannedAfter(service, watched),
                string.Join(", ", service.Logs.Select(LogName)), Megabytes(WorstCase.KernelMemory(service.Limit)));
        }

        table.WriteTo(output, session.OutTerminal);
        output.WriteLine();
        output.WriteLine("A MINUTE: the most connections one source (IPv4 address, IPv6 /64) gets through in any minute; TRUSTED: one that");
        output.WriteLine("logged in lately. A source fails as often as it likes within these connections until correlate has read the");
        output.WriteLine($"lines: then it is banned for {DurationText.Format(policy.Bans.First)} at first and {DurationText.Format(policy.Bans.Cap)} at most.");
        WriteDetections(output, policy, watched);
        WriteUnits(session, policy);
        output.WriteLine($"MEMORY: of the kernel, when the sets are full; {Megabytes(WorstCase.KernelMemory(policy))} in all, with {policy.Bans.Size} bans of each IP version and as many at single ports.");
    }

    private static string BannedAfter(ServicePolicy service, HashSet<string> watched) => service.Detections switch
    {
        { Failures: null, Slow: null } => "never",
        _ when !watched.Contains(service.Name) => "never: no rule file",
        { Failures: { } failures, Slow: { } slow } => $"{Failures(failures)}, {slow.Count} in {DurationText.Format(slow.Within)}",
        { Failures: var failures, Slow: var slow } => Failures((failures ?? slow)!),
    };

    private static string Failures(Threshold threshold) => $"{threshold.Count} failures in {DurationText.Format(threshold.Within)}";

    // What else leads to a ban or a siege, and where the policy does without it.
    private static void WriteDetections(TextWriter output, EffectivePolicy policy, HashSet<string> watched)
    {
        output.WriteLine("Banned too: who tries many names, only connects, or hits limits of the daemon; networks full of offenders; strangers");
        output.WriteLine("that try one account from many addresses. Many failing strangers put a service under siege.");
        ServicePolicy[] seen = [.. policy.Enabled.Where(s => watched.Contains(s.Name))];
        foreach (IGrouping<HoldersThreshold?, ServicePolicy> alike in seen.GroupBy(s => s.Detections.Holders))
        {
            if (alike.Key is { } holders)
                output.WriteLine($"Banned for holding {holders.Count} connections over {DurationText.Format(holders.For)} without a login: at {string.Join(", ", alike.Select(s => s.Name))}.");
        }

        foreach (ServicePolicy service in seen)
        {
            string[] off = [.. service.Detections.All.Where(d => d.Threshold is null).Select(d => d.Name)];
            if (off.Length > 0) output.WriteLine($"Off at {service.Name}: {string.Join(", ", off)}.");
        }
    }

    private static void WriteUnits(Session session, EffectivePolicy policy)
    {
        if (!policy.WatchedUnits.Any()) return;
        session.Out.WriteLine();
        var table = new AnswerTable("WATCH", "UNIT", "COUNTS", ">WARN", ">ACT", ">NORMAL", "WHAT MAY BE DONE");
        foreach (UnitPolicy unit in policy.WatchedUnits)
        {
            table.Add(
                unit.Name, unit.Unit, unit.Process ?? "tasks", unit.Warn.ToString(), unit.Act.ToString(), unit.Normal.ToString(),
                string.Join(", ", unit.Ladder.Select(r => r == Rung.Stop ? $"stop for {DurationText.Format(unit.StopFor)}" : UnitReader.Word(r))));
        }

        table.WriteTo(session.Out, session.OutTerminal);
        session.Out.WriteLine("ratewall watch counts them; from ACT on, one thing after the other is done, until there are NORMAL again. Shares are of TasksMax.");
        session.Out.WriteLine();
    }

    private static UnitPolicyForm Form(UnitPolicy unit) => new(
        unit.Name, unit.Unit, unit.Process, unit.Services, unit.Warn.ToString(), unit.Act.ToString(), unit.Normal.ToString(), [.. unit.Ladder.Select(UnitReader.Word)],
        unit.Ladder.Contains(Rung.Stop) ? (long)unit.StopFor.TotalSeconds : null);

    private static string Describe(LimitPolicy limit) => limit.Mode == LimitMode.Off
        ? "off"
        : $"{Lower(limit.Mode)} {limit.Connections} in {DurationText.Format(limit.Per)}"
            + (limit.Prefix is { } prefix ? $", network {prefix.Connections} in {DurationText.Format(prefix.Per)}" : "")
            + (limit.Concurrent is { } held ? $", {held} at once" : "")
            + (limit.Answer == LimitAnswer.Reset ? ", reset" : "");

    internal static string Lower(LimitMode mode) => mode.ToString().ToLowerInvariant();

    private static string Count(long? count) => count?.ToString(CultureInfo.InvariantCulture) ?? "no limit";

    private static string LogName(LogSource log) => log switch
    {
        { File: null } => "journal",
        { File: var file } => File.Exists(file) ? file : $"{file} (not there)",
    };

    private static string Megabytes(long bytes) => $"{(bytes + 999_999) / 1_000_000} MB";
}
