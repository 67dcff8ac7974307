using System.CommandLine;
using RateWall.Detection;
using RateWall.Detection.Logs;
using RateWall.Output;

namespace RateWall.Commands;

/// <summary>`ratewall rules`: which rule files are in force, whether their samples pass, and what is odd about them.</summary>
internal static class RulesCommand
{
    public static Command Create()
    {
        Command rules = CommandLine.Verb(
            "rules",
            "Shows, tests and checks the rule files that say what a log line is.",
            "ratewall rules list\nratewall rules list sshd\nratewall rules test ./mydaemon.rules\nratewall rules lint mydaemon",
            (_, _) => throw new CommandException(ExitCode.Usage, "say what to do with the rules: list, test or lint"));
        rules.Add(Sub("list", "Lists the rule files in force; of those named, each rule.", "ratewall rules list sshd", List));
        rules.Add(Sub("test", "Runs the sample lines of the rule files, and says what differs from what they expect.", "ratewall rules test /etc/ratewall/rules.d/mydaemon.rules", Test));
        rules.Add(Sub("lint", "Finds rules that can never match, whose lines another takes, or where a client's name decides the source.", "ratewall rules lint mydaemon", Lint));
        return rules;
    }

    private static Command Sub(string name, string description, string example, Func<Session, RuleSet, string[], ExitCode> run)
    {
        var files = new Argument<string[]>("files")
        {
            Description = "Names of rule files in force, or paths of others, which are then taken as if they were in rules.d. None: all.",
            HelpName = "FILE",
            Arity = ArgumentArity.ZeroOrMore,
        };
        Command command = CommandLine.Verb(name, description, example, (session, arguments) =>
        {
            string[] named = arguments.GetValue(files) ?? [];
            string[] paths = [.. named.Where(n => n.Contains('/', StringComparison.Ordinal) || n.EndsWith(".rules", StringComparison.Ordinal))];
            RuleSet rules = OperatorRules.Load(session.RulesDirectory, paths);
            string[] names = [.. named.Select(RuleSet.NameOf)];
            if (Array.Find(names, n => !rules.Files.Any(f => f.Name == n)) is { } unknown)
                throw new CommandException(ExitCode.Usage, $"there is no rule file '{TerminalText.Escape(unknown)}'; 'ratewall rules list' shows those in force");
            return run(session, rules, names);
        });
        command.Add(files);
        return command;
    }

    private static ExitCode List(Session session, RuleSet rules, string[] names)
    {
        RuleFileDescription[] files = [.. rules.Files.Where(f => names.Length == 0 || names.Contains(f.Name, StringComparer.Ordinal)).OrderBy(f => f.Name, StringComparer.Ordinal)];
        if (session.Format == OutputFormat.Json)
        {
            AnswerJson.Write(session.Out, new RulesForm([.. files.Select(FormOf)]), AnswerJson.Default.RulesForm);
            return ExitCode.Done;
        }

        var table = new AnswerTable("FILE", ">RULES", ">SAMPLES", "SERVICES", "PROGRAMS", "UNITS", "ORIGIN");
        foreach (RuleFileDescription file in files)
            table.Add(file.Name, $"{file.Rules.Count}", $"{file.Samples}", Joined(file.Services), Joined(file.Programs), Joined(file.Units), file.Origin);
        table.WriteTo(session.Out, session.OutTerminal);
        if (names.Length == 0) return ExitCode.Done;
        session.Out.WriteLine();
        var each = new AnswerTable("RULE", "COUNTS", "KIND", "TEMPLATE");
        foreach (RuleDescription rule in files.SelectMany(f => f.Rules)) each.Add(rule.Name, CountingOf(rule), KindOf(rule), rule.Template);
        each.WriteTo(session.Out, session.OutTerminal);
        return ExitCode.Done;
    }

    private static ExitCode Test(Session session, RuleSet rules, string[] names)
    {
        IReadOnlyList<string> problems = rules.CheckSamples(names);
        int samples = rules.Files.Where(f => names.Length == 0 || names.Contains(f.Name, StringComparer.Ordinal)).Sum(f => f.Samples);
        if (session.Format == OutputFormat.Json)
        {
            AnswerJson.Write(session.Out, new RulesTestForm(problems.Count == 0, samples, problems), AnswerJson.Default.RulesTestForm);
        }
        else
        {
            foreach (string problem in problems) session.Out.WriteLine(TerminalText.Escape(problem));
            session.Out.WriteLine(problems.Count == 0
                ? $"{HumanCount.Of(samples, "sample")}, all as the files say"
                : $"{HumanCount.Of(samples, "sample")}, {problems.Count} not as the files say");
        }

        return problems.Count == 0 ? ExitCode.Done : ExitCode.No;
    }

    private static ExitCode Lint(Session session, RuleSet rules, string[] names)
    {
        IReadOnlyList<RuleFinding> findings = rules.Lint(names);
        bool fine = !findings.Any(f => f.IsFault);
        if (session.Format == OutputFormat.Json)
        {
            AnswerJson.Write(session.Out, new RulesLintForm(fine, [.. findings.Select(f => new RuleFindingForm(f.Place, f.Name, f.IsFault, f.Text))]), AnswerJson.Default.RulesLintForm);
        }
        else
        {
            foreach (RuleFinding finding in findings)
                session.Out.WriteLine($"{finding.Place}: {(finding.IsFault ? "" : "to know: ")}{finding.Name}: {TerminalText.Escape(finding.Text)}");
            session.Out.WriteLine(fine ? "no rule is at fault" : $"{HumanCount.Of(findings.Count(f => f.IsFault), "fault")}");
        }

        return fine ? ExitCode.Done : ExitCode.No;
    }

    private static RuleFileForm FormOf(RuleFileDescription file) => new(
        file.Name, file.Origin, file.Programs, file.Units, file.Services, file.Samples,
        [.. file.Rules.Select(r => new RuleForm(r.Name, KindOf(r), CountingOf(r), r.Template))]);

    private static string CountingOf(RuleDescription rule) => (rule.IsEcho, rule.IsNote, rule.Kind) switch
    {
        (true, _, _) => "echo",
        // A line that opens a session is no try, and no evidence of one.
        (_, true, AttemptKind.None) => "opens",
        (_, true, _) => "note",
        _ => "yes",
    };

    private static string KindOf(RuleDescription rule) => rule.Kind.ToString().ToLowerInvariant();

    private static string Joined(IReadOnlyList<string> words) => string.Join(' ', words);
}
