using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Parsing;
using System.Net.NetworkInformation;
using RateWall.Netfilter;
using RateWall.Output;
using RateWall.Policy;
using RateWall.Systemd;
using RateWall.Wall;

namespace RateWall.Commands;

/// <summary>The command line: global options, the verbs, and how every ending becomes an exit code.</summary>
public static class CommandLine
{
    private static readonly Option<string?> Config = new("--config")
    {
        Description = "Policy file (default /etc/ratewall/ratewall.yaml, or RATEWALL_CONFIG).",
        HelpName = "FILE",
        Recursive = true,
        Validators = { MustName("a file") },
    };

    private static readonly Option<string?> StateDir = new("--state-dir")
    {
        Description = "Where state is kept (default /var/lib/ratewall, or RATEWALL_STATE_DIR).",
        HelpName = "DIR",
        Recursive = true,
        Validators = { MustName("a directory") },
    };

    private static readonly Option<OutputFormat> Format = new("--format")
    {
        Description = "table for people (default), json for programs.",
        Recursive = true,
        DefaultValueFactory = _ => OutputFormat.Table,
        CustomParser = ParseFormat,
        HelpName = "table|json",
    };

    // Names an operator passes may begin with '@', and no file named on a command line holds more of it.
    private static readonly ParserConfiguration Parsing = new() { ResponseFileTokenReplacer = null };

    /// <summary>Parses and runs; the answer is the process's exit code.</summary>
    public static int Run(string[] args) => Run(args, Console.Out, Console.Error);

    /// <summary>Parses and runs with its output sent elsewhere.</summary>
    public static int Run(string[] args, TextWriter output, TextWriter error)
    {
        ArgumentNullException.ThrowIfNull(args);
        try
        {
            return Parse(args, output, error);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The verbs tell their own failures; here it is the answer that cannot be written: a full disk, a closed output.
            Tell(error, $"the answer cannot be written: {e.Message}");
            return (int)ExitCode.Refused;
        }
    }

    private static int Parse(string[] args, TextWriter output, TextWriter error)
    {
        RootCommand root = Root();
        ParseResult parsed = root.Parse(args, Parsing);
        if (args.Length == 0)
        {
            // No verb is wrong use, so that a script with an empty variable in it notices; what helps is the help.
            VerbHelp.Write(error, root, root);
            return (int)ExitCode.Usage;
        }

        // Who asks for help is not told that an argument is missing.
        if (parsed.Errors.Count > 0 && parsed.Action is not VerbHelp)
        {
            foreach (string problem in UsageProblems.Of(parsed)) error.WriteLine($"ratewall: {TerminalText.Escape(problem)}");
            string verb = parsed.CommandResult.Command is RootCommand ? "" : $"{parsed.CommandResult.Command.Name} ";
            error.WriteLine($"ratewall: see 'ratewall {verb}--help'");
            return (int)ExitCode.Usage;
        }

        return parsed.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false, Output = output, Error = error });
    }

    /// <summary>Makes a verb whose story is <paramref name="run"/>; <paramref name="example"/> is shown by its --help.</summary>
    public static Command Verb(string name, string description, string example, Func<Session, ParseResult, ExitCode> run)
    {
        var command = new VerbCommand(name, description, example);
        command.SetAction(result => (int)Guarded(result, run));
        return command;
    }

    internal static RootCommand Root()
    {
        var root = new RootCommand("Keeps login ports of mail, ssh and ftp hosts up under attack: limits and bans in the kernel.")
        {
            Config, StateDir, Format,
        };
        foreach (Command verb in Verbs()) root.Add(verb);
        foreach (Option option in root.Options)
        {
            if (option is HelpOption help)
            {
                help.Action = new VerbHelp();
                help.Description = "Shows help.";
            }
            else if (option is VersionOption version)
            {
                version.Description = "Shows the version.";
            }
        }

        return root;
    }

    private static IEnumerable<Command> Verbs()
    {
        yield return ApplyCommand.Create();
        yield return ConfirmCommand.Create();
        yield return PlanCommand.Create();
        yield return StatusCommand.Create();
        yield return RemoveCommand.Create();
        yield return CheckCommand.Create();
        yield return PolicyCommand.Create();
        yield return CorrelateCommand.Create();
        yield return ListCommand.Create();
        yield return BanCommand.Create();
        yield return UnbanCommand.Create();
        yield return ClearCommand.Create();
        yield return TraceCommand.Create();
        yield return WhyCommand.Create();
        yield return SiegeCommand.Create();
        yield return LockdownCommand.Create();
        yield return WatchCommand.Create();
        yield return ExplainCommand.Create();
        yield return ReplayCommand.Create();
        yield return RulesCommand.Create();
        yield return VersionCommand.Create();
    }

    private static ExitCode Guarded(ParseResult result, Func<Session, ParseResult, ExitCode> run)
    {
        string? config = result.GetValue(Config) ?? FromEnvironment("RATEWALL_CONFIG");
        TextWriter output = result.InvocationConfiguration.Output, error = result.InvocationConfiguration.Error;
        var session = new Session
        {
            ConfigPath = config ?? "/etc/ratewall/ratewall.yaml",
            ConfigNamed = config is not null,
            StateDirectory = result.GetValue(StateDir) ?? FromEnvironment("RATEWALL_STATE_DIR") ?? "/var/lib/ratewall",
            Format = result.GetValue(Format),
            Out = output,
            Error = error,
            OutTerminal = ReferenceEquals(output, Console.Out) ? Terminal.OfOutput() : Terminal.None,
            ErrorTerminal = ReferenceEquals(error, Console.Error) ? Terminal.OfError() : Terminal.None,
        };
        ExitCode code = ExitCode.Done;
        return Failure(session, () => code = run(session, result)) ?? code;
    }

    /// <summary>Does something, and tells how it failed; null when it did not.</summary>
    internal static ExitCode? Failure(Session session, Action run)
    {
        try
        {
            run();
            return null;
        }
        catch (CommandException e)
        {
            return Fail(session, e.Code, e.Message);
        }
        catch (PolicyException e)
        {
            foreach (string problem in e.Problems) session.Error.WriteLine(problem);
            return ExitCode.Usage;
        }
        catch (NetfilterException e)
        {
            return e.IsNotPermitted
                ? Fail(session, ExitCode.NotPermitted, $"{e.Message} (run as root, or with CAP_NET_ADMIN)")
                : Fail(session, ExitCode.Refused, e.Message);
        }
        catch (SystemdException e)
        {
            return Fail(session, e.Errno is Eperm or Eacces ? ExitCode.NotPermitted : ExitCode.Refused, e.Message);
        }
        catch (TemplateException e)
        {
            return Fail(session, ExitCode.Usage, e.Message);
        }
        catch (UnauthorizedAccessException e)
        {
            return Fail(session, ExitCode.NotPermitted, e.Message);
        }
        catch (NetworkInformationException e)
        {
            return Fail(session, ExitCode.Refused, $"the addresses of this host cannot be read: {e.Message}");
        }
        catch (IOException e)
        {
            return Fail(session, ExitCode.Refused, e.Message);
        }
    }

    // asm-generic/errno-base.h
    private const int Eperm = 1;
    private const int Eacces = 13;

    private static ExitCode Fail(Session session, ExitCode code, string message)
    {
        Tell(session.Error, message);
        return code;
    }

    private static void Tell(TextWriter error, string message)
    {
        try
        {
            error.WriteLine($"ratewall: {TerminalText.EscapeLines(message)}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Nobody listens; the exit code still tells.
        }
    }

    private static string? FromEnvironment(string name) =>
        Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;

    // A script with an empty variable in it must not work on the wrong files.
    private static Action<OptionResult> MustName(string what) => result =>
    {
        if (result.Tokens.Any(t => t.Value.Length == 0)) result.AddError($"{result.IdentifierToken?.Value} is empty; name {what}");
    };

    private static OutputFormat ParseFormat(ArgumentResult result)
    {
        string text = result.Tokens.Count == 1 ? result.Tokens[0].Value : "";
        switch (text)
        {
            case "table": return OutputFormat.Table;
            case "json": return OutputFormat.Json;
            default:
                result.AddError($"'{text}' is not a format; use table or json");
                return OutputFormat.Table;
        }
    }
}
