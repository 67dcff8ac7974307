using System.CommandLine;
using System.CommandLine.Parsing;
using RateWall.Output;
using RateWall.Policy;

namespace RateWall.Commands;

/// <summary>`ratewall policy`: what is in force, and where each value was written.</summary>
internal static class PolicyCommand
{
    private static readonly Option<string[]> Services = new("--services")
    {
        Description = "Only these services, with commas between them.",
        HelpName = "NAME,...",
        AllowMultipleArgumentsPerToken = false,
        CustomParser = SplitNames,
    };

    private static readonly Option<bool> Changed = new("--changed") { Description = "Only what your files say." };

    private static readonly Option<bool> BuiltIn = new("--built-in")
    {
        Description = "The built-in default itself, with its comments: the reference of all keys.",
    };

    public static Command Create()
    {
        Command verb = CommandLine.Verb(
            "policy",
            "Prints the policy that is in force and where each of its values was written.",
            "ratewall policy --services ssh,imap",
            Run);
        verb.Add(Services);
        verb.Add(Changed);
        verb.Add(BuiltIn);
        return verb;
    }

    private static ExitCode Run(Session session, ParseResult parsed)
    {
        if (parsed.GetValue(BuiltIn))
        {
            if (session.Format == OutputFormat.Json) throw new CommandException(ExitCode.Usage, "--built-in prints YAML; leave --format away");
            session.Out.Write(PolicyReader.BuiltInText());
            return ExitCode.Done;
        }

        EffectivePolicy policy = session.LoadPolicy();
        List<PolicyValue> values = Chosen(policy, parsed.GetValue(Services) ?? [], parsed.GetValue(Changed));
        if (session.Format == OutputFormat.Json)
        {
            PolicyValueForm[] forms = [.. values.Select(v => new PolicyValueForm(v.Path, v.Text, v.Origin.File, v.Origin.Line, v.Origin.Column))];
            AnswerJson.Write(session.Out, new PolicyForm(policy.Files, forms), AnswerJson.Default.PolicyForm);
            return ExitCode.Done;
        }

        if (values.Count == 0)
        {
            session.Out.WriteLine("No file changes the built-in default.");
            return ExitCode.Done;
        }

        var table = new AnswerTable("KEY", "VALUE", "WRITTEN IN");
        foreach (PolicyValue value in values)
        {
            bool builtIn = value.Origin.File == PolicyReader.BuiltIn;
            table.Add(value.Path, value.Text, new Cell(value.Origin.ToString(), builtIn ? Tone.Quiet : Tone.Plain));
        }

        table.WriteTo(session.Out, session.OutTerminal);
        return ExitCode.Done;
    }

    private static List<PolicyValue> Chosen(EffectivePolicy policy, string[] services, bool changed)
    {
        foreach (string name in services)
        {
            if (policy.Services.Any(s => s.Name == name)) continue;
            throw new CommandException(ExitCode.Usage, $"there is no service '{name}'; {ValueReader.Remedy(name, [.. policy.Services.Select(s => s.Name)])}");
        }

        return [.. policy.Values.Where(v =>
            (services.Length == 0 || services.Any(s => v.Path.StartsWith($"services.{s}.", StringComparison.Ordinal)))
            && (!changed || v.Origin.File != PolicyReader.BuiltIn))];
    }

    private static string[] SplitNames(ArgumentResult result) =>
        [.. result.Tokens.SelectMany(t => t.Value.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))];
}
