using System.CommandLine;

namespace RateWall.Commands;

/// <summary>`ratewall watch`: counts the processes of units, and climbs the ladder of the policy while there are too many.</summary>
internal static class WatchCommand
{
    private static readonly Option<string?> Simulate = new("--simulate")
    {
        Description = "Say what would have been done over recorded looks ('-': standard input), and do nothing.",
        HelpName = "FILE",
    };

    private static readonly Option<bool> Once = new("--once") { Description = "Look once, do what is to be done, and end." };

    private static readonly Option<bool> Record = new("--record")
    {
        Description = "Print a look at each unit, each interval, in the form that --simulate reads, and do nothing.",
    };

    public static Command Create()
    {
        Command command = CommandLine.Verb(
            "watch",
            "Watches the units that the policy names: counts their processes, and while there are too many tells of it, bans who holds them, puts services under siege, restarts or stops the unit, as far as the policy's ladder goes and one thing at a time. A stopped unit is started again by a timer of PID 1.",
            "ratewall watch --once\nratewall watch --record > looks.jsonl\nratewall watch --simulate looks.jsonl --config stricter.yaml",
            Run);
        command.Add(Once);
        command.Add(Record);
        command.Add(Simulate);
        return command;
    }

    private static ExitCode Run(Session session, ParseResult arguments)
    {
        string? file = arguments.GetValue(Simulate);
        bool once = arguments.GetValue(Once), record = arguments.GetValue(Record);
        if ((file is not null ? 1 : 0) + (once ? 1 : 0) + (record ? 1 : 0) > 1)
            throw new CommandException(ExitCode.Usage, "--once, --record and --simulate exclude each other");
        if (file is not null) return WatchSimulation.Run(session, session.LoadPolicy(), file);
        return once ? WatchLoop.Once(session) : record ? WatchLoop.Record(session) : WatchLoop.Run(session);
    }
}
