using System.CommandLine;
using System.CommandLine.Invocation;
using System.Text;
using RateWall.Output;

namespace RateWall.Commands;

/// <summary>A verb with the example its help shows.</summary>
/// <param name="name">The verb.</param>
/// <param name="description">One sentence.</param>
/// <param name="example">One command line, or several with line feeds between them.</param>
internal sealed class VerbCommand(string name, string description, string example) : Command(name, description)
{
    /// <summary>One command line, or several with line feeds between them.</summary>
    public string Example { get; } = example;
}

/// <summary>
/// Prints help: of the program, a short list of the verbs by what they are about; of a verb, its sentence, usage, arguments,
/// options and example, none of them wrapped in the middle of a command line.
/// </summary>
internal sealed class VerbHelp : SynchronousCommandLineAction
{
    private const int TextWidth = 100;

    private static readonly (string Title, string[] Verbs)[] Groups =
    [
        ("The wall", ["apply", "confirm", "plan", "status", "remove"]),
        ("Bans", ["list", "trace", "why", "ban", "unban", "clear"]),
        ("Logs", ["correlate", "explain", "replay", "rules"]),
        ("Pressure", ["watch", "siege", "lockdown"]),
        ("Policy", ["check", "policy", "import"]),
        ("This program", ["doctor", "selftest", "report", "version"]),
    ];

    /// <inheritdoc/>
    public override int Invoke(ParseResult parseResult)
    {
        Write(parseResult.InvocationConfiguration.Output, parseResult.CommandResult.Command, parseResult.RootCommandResult.Command);
        return (int)ExitCode.Done;
    }

    /// <summary>Writes the help of a verb, or of the program.</summary>
    public static void Write(TextWriter output, Command command, Command root)
    {
        output.WriteLine(command.Description);
        output.WriteLine();
        output.WriteLine($"Usage: {UsageOf(command, root)}");
        if (command == root) WriteGroups(output, root);
        else WritePairs(output, "Verbs", command.Subcommands.Where(c => !c.Hidden).Select(c => (c.Name, c.Description ?? "")));
        WritePairs(output, "Arguments", command.Arguments.Where(a => !a.Hidden).Select(a => (ArgumentName(a), a.Description ?? "")));
        WritePairs(output, command == root ? "Options of every verb" : "Options", OptionsOf(command, root).Select(o => (OptionName(o), o.Description ?? "")));
        if (command is VerbCommand verb)
        {
            output.WriteLine();
            output.WriteLine(verb.Example.Contains('\n', StringComparison.Ordinal) ? "Examples:" : "Example:");
            foreach (string line in verb.Example.Split('\n')) output.WriteLine($"  {line.Trim()}");
        }

        if (command != root) return;
        output.WriteLine();
        output.WriteLine("'ratewall VERB --help' tells more and shows an example. Ends with 0 done, 1 the answer is no,");
        output.WriteLine("2 wrong use or policy, 3 not permitted, 4 the system refused.");
    }

    private static void WriteGroups(TextWriter output, Command root)
    {
        var left = root.Subcommands.Where(c => !c.Hidden).ToDictionary(c => c.Name, StringComparer.Ordinal);
        foreach ((string title, string[] verbs) in Groups)
        {
            var pairs = new List<(string, string)>();
            foreach (string verb in verbs)
                if (left.Remove(verb, out Command? command)) pairs.Add((verb, command.Description ?? ""));
            WritePairs(output, title, pairs);
        }

        WritePairs(output, "Others", left.Values.Select(c => (c.Name, c.Description ?? "")));
    }

    private static void WritePairs(TextWriter output, string title, IEnumerable<(string Name, string Text)> all)
    {
        var pairs = all.ToList();
        if (pairs.Count == 0) return;
        output.WriteLine();
        output.WriteLine($"{title}:");
        int width = Math.Max(12, pairs.Max(p => p.Name.Length));
        foreach ((string name, string text) in pairs)
        {
            string lead = $"  {name.PadRight(width)}  ";
            foreach (string line in Wrap(text, Math.Max(40, TextWidth - lead.Length)))
            {
                output.WriteLine($"{lead}{line}".TrimEnd(' '));
                lead = new string(' ', lead.Length);
            }
        }
    }

    private static IEnumerable<string> Wrap(string text, int width)
    {
        var line = new StringBuilder();
        foreach (string word in text.Split(' ', '\n'))
        {
            if (line.Length > 0 && line.Length + 1 + word.Length > width)
            {
                yield return line.ToString();
                line.Clear();
            }

            if (line.Length > 0) line.Append(' ');
            line.Append(word);
        }

        yield return line.ToString();
    }

    private static string UsageOf(Command command, Command root)
    {
        if (command == root) return "ratewall VERB [options]";
        var path = new List<string> { command.Name };
        for (Command? parent = ParentOf(command); parent is not null && parent != root; parent = ParentOf(parent)) path.Insert(0, parent.Name);
        var usage = new StringBuilder($"ratewall {string.Join(' ', path)}");
        if (command.Subcommands.Count > 0) usage.Append(" VERB");
        foreach (Argument argument in command.Arguments.Where(a => !a.Hidden)) usage.Append(' ').Append(ArgumentName(argument));
        return usage.Append(" [options]").ToString();
    }

    private static Command? ParentOf(Command command) => command.Parents.OfType<Command>().FirstOrDefault();

    private static IEnumerable<Option> OptionsOf(Command command, Command root) =>
        command.Options.Concat(command == root ? [] : root.Options.Where(o => o.Recursive)).Where(o => !o.Hidden).Distinct();

    private static string ArgumentName(Argument argument)
    {
        string name = (argument.HelpName ?? argument.Name).ToUpperInvariant();
        if (argument.Arity.MaximumNumberOfValues > 1) name += "...";
        return argument.Arity.MinimumNumberOfValues == 0 ? $"[{name}]" : name;
    }

    private static string OptionName(Option option)
    {
        IEnumerable<string> names = option.Aliases.Where(a => a.StartsWith('-')).OrderBy(a => a.Length).Append(option.Name);
        string value = option.ValueType == typeof(bool) || option.Arity.MaximumNumberOfValues == 0 ? "" : $" {option.HelpName ?? "VALUE"}";
        return $"{string.Join(", ", names)}{value}";
    }
}
