using System.CommandLine;
using RateWall.Output;
using RateWall.Policy;
using RateWall.Storage;
using RateWall.Wall;

namespace RateWall.Commands;

/// <summary>`ratewall plan`: what `apply` would change, as a difference; exit code 1 when there is one.</summary>
internal static class PlanCommand
{
    private static readonly Option<bool> Full = new("--full")
    {
        Description = "Print the whole ruleset that policy asks for, in the nft language, and ask the kernel nothing.",
    };

    private static readonly Option<string?> Template = new("--template")
    {
        Description = $"Print a built-in template, to be changed and put into native-rules beside the policy file: {string.Join(", ", WallTemplates.Names)}.",
        HelpName = "NAME",
    };

    public static Command Create()
    {
        Command verb = CommandLine.Verb(
            "plan",
            "Shows how the wall in the kernel differs from what policy says. Ends with 1 when it does.",
            "ratewall plan\nratewall plan --full\nratewall plan --template limit-window.nft",
            (session, parsed) => parsed.GetValue(Template) is { } name ? PrintTemplate(session, name) : parsed.GetValue(Full) ? Print(session) : Compare(session));
        verb.Add(Template);
        verb.Add(Full);
        return verb;
    }

    private static ExitCode Print(Session session)
    {
        if (session.Format == OutputFormat.Json) throw new CommandException(ExitCode.Usage, "--full prints the nft language; leave --format away");
        EffectivePolicy policy = session.LoadPolicy();
        session.Out.Write(new RulesetRenderer(session.LoadTemplates()).Render(policy).Text);
        return ExitCode.Done;
    }

    private static ExitCode PrintTemplate(Session session, string name)
    {
        if (session.Format == OutputFormat.Json) throw new CommandException(ExitCode.Usage, "--template prints a template; leave --format away");
        session.Out.Write(WallTemplates.BuiltInText(name));
        return ExitCode.Done;
    }

    private static ExitCode Compare(Session session)
    {
        EffectivePolicy policy = session.LoadPolicy();
        WallTemplates templates = session.LoadTemplates();
        Ruleset ruleset = new RulesetRenderer(templates).Render(policy);
        using KernelWall wall = KernelWall.Open(session.StateDirectory, session.Time);
        WallDifference difference = wall.Compare(policy, ruleset, Exemptions.Read(policy).Keys);
        using StateDatabase? state = StateDatabase.OpenReadOnly(session.StateDirectory);
        if (difference.Present && state is not null)
            difference = difference with { Lines = [.. difference.Lines, .. new Restoration(state, wall, policy, session.Time).Missing().Lines(), .. MissingMeasures(session, policy)] };
        if (session.Format == OutputFormat.Json)
            AnswerJson.Write(session.Out, new PlanForm(difference.Present, difference.Any, difference.Lines) { Templates = templates.Overrides }, AnswerJson.Default.PlanForm);
        else
            Write(session, difference, templates);
        return difference.Any ? ExitCode.No : ExitCode.Done;
    }

    private static IEnumerable<string> MissingMeasures(Session session, EffectivePolicy policy)
    {
        using StateDatabase? state = StateDatabase.OpenReadOnly(session.StateDirectory);
        if (state is null) return [];
        using KernelPorts kernel = KernelPorts.Open(session.Time);
        return [.. new PortMeasures(state, kernel, policy, session.Time).Missing().Select(PortMeasures.Line)];
    }

    private static void Write(Session session, WallDifference difference, WallTemplates templates)
    {
        ApplyCommand.TellOfOverrides(session, templates);
        if (!difference.Any)
        {
            session.Out.WriteLine("the wall is as policy says");
            return;
        }

        foreach (string line in difference.Lines) session.Out.WriteLine(TerminalText.Escape(line));
        session.Out.WriteLine();
        session.Out.WriteLine(difference.Present ? "'ratewall apply' makes it so." : "there is no wall; 'ratewall apply' puts it up.");
    }
}
