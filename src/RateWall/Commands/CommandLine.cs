using System.CommandLine;
using System.CommandLine.Parsing;
using RateWall.Netfilter;
using RateWall.Policy;

namespace RateWall.Commands;

/// <summary>The command line: global options, the verbs, and how every ending becomes an exit code.</summary>
public static class CommandLine
{
    private static readonly Option<string?> Config = new("--config")
    {
        Description = "Policy file (default /etc/ratewall/ratewall.yaml, or RATEWALL_CONFIG).",
        HelpName = "FILE",
        Recursive = true,
    };

    private static readonly Option<string?> StateDir = new("--state-dir")
    {
        Description = "Where state is kept (default /var/lib/ratewall, or RATEWALL_STATE_DIR).",
        HelpName = "DIR",
        Recursive = true,
    };

    private static readonly Option<OutputFormat> Format = new("--format")
    {
        Description = "table for people, json for programs.",
        Recursive = true,
        DefaultValueFactory = _ => OutputFormat.Table,
        CustomParser = ParseFormat,
        HelpName = "table|json",
    };

    /// <summary>Parses and runs; the answer is the process's exit code.</summary>
    public static int Run(string[] args)
    {
        var root = new RootCommand("Keeps login ports of mail, ssh and ftp hosts up under attack: limits and bans in the kernel.")
        {
            Config, StateDir, Format,
        };
        foreach (Command verb in Verbs()) root.Add(verb);
        ParseResult parsed = root.Parse(args);
        if (parsed.Errors.Count > 0)
        {
            foreach (ParseError error in parsed.Errors) Console.Error.WriteLine($"ratewall: {error.Message}");
            Console.Error.WriteLine("ratewall: see 'ratewall --help'");
            return (int)ExitCode.Usage;
        }

        return parsed.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
    }

    /// <summary>Makes a verb whose story is <paramref name="run"/>; <paramref name="example"/> is shown by its --help.</summary>
    public static Command Verb(string name, string description, string example, Func<Session, ParseResult, ExitCode> run)
    {
        var command = new Command(name, $"{description}\n\nExample:\n  {example}");
        command.SetAction(result => (int)Guarded(result, run));
        return command;
    }

    private static IEnumerable<Command> Verbs()
    {
        yield return VersionCommand.Create();
    }

    private static ExitCode Guarded(ParseResult result, Func<Session, ParseResult, ExitCode> run)
    {
        string? config = result.GetValue(Config) ?? FromEnvironment("RATEWALL_CONFIG");
        var session = new Session
        {
            ConfigPath = config ?? "/etc/ratewall/ratewall.yaml",
            ConfigNamed = config is not null,
            StateDirectory = result.GetValue(StateDir) ?? FromEnvironment("RATEWALL_STATE_DIR") ?? "/var/lib/ratewall",
            Format = result.GetValue(Format),
            Out = Console.Out,
            Error = Console.Error,
        };
        try
        {
            return run(session, result);
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
        catch (UnauthorizedAccessException e)
        {
            return Fail(session, ExitCode.NotPermitted, e.Message);
        }
        catch (IOException e)
        {
            return Fail(session, ExitCode.Refused, e.Message);
        }
    }

    private static ExitCode Fail(Session session, ExitCode code, string message)
    {
        session.Error.WriteLine($"ratewall: {message}");
        return code;
    }

    private static string? FromEnvironment(string name) =>
        Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;

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
