using System.CommandLine;
using RateWall.Detection;
using RateWall.Output;
using RateWall.Storage;
using RateWall.Wall;

namespace RateWall.Commands;

/// <summary>`ratewall clear`: ends every ban now.</summary>
internal static class ClearCommand
{
    private static readonly Option<bool> Yes = new("--yes") { Description = "Do not ask." };

    public static Command Create()
    {
        Command command = CommandLine.Verb("clear", "Ends every ban now; what was tried until now no longer counts.", "ratewall clear --yes", Run);
        command.Add(Yes);
        return command;
    }

    private static ExitCode Run(Session session, ParseResult arguments)
    {
        if (!arguments.GetValue(Yes)) Ask(session);
        using StateLock held = StateLock.Wall(session.StateDirectory, session.Time, session.Error);
        using KernelWall wall = KernelWall.Open(session.StateDirectory, session.Time);
        using StateDatabase state = StateDatabase.Open(session.StateDirectory, session.Time, session.Error);
        DateTimeOffset now = session.Time.GetUtcNow();
        // Names are for programs only. A million would fill the memory, so they are read when all is done, as they were before.
        using StateDatabase? before = session.Format == OutputFormat.Json ? StateDatabase.OpenReadOnly(session.StateDirectory) : null;
        using IDisposable? moment = before?.Snapshot();
        // The history first, for the reason that unban gives.
        long ended = state.ForgiveEverybody(now);
        if (wall.Present) wall.ClearBans();
        if (session.Format == OutputFormat.Json)
            AnswerJson.WriteEach<ChangeForm, ChangeItemForm>(session.Out, new("clear", ended > 0, []), AnswerJson.Default.ChangeForm, AnswerJson.Default.ChangeItemForm, write => before?.EachTargetInForce(now, t => write(new(t.ToString(), "unbanned"))));
        else session.Out.WriteLine(ended == 0 ? "Nobody was banned." : $"{HumanCount.Of(ended, "ban")} ended.");
        return ExitCode.Done;
    }

    private static void Ask(Session session)
    {
        if (Console.IsInputRedirected)
            throw new CommandException(ExitCode.Usage, "clear ends every ban; where nobody can be asked, say --yes");
        session.Error.Write("End every ban and forget what led to it? [y/N] ");
        if (Console.ReadLine()?.Trim() is not ("y" or "Y" or "yes")) throw new CommandException(ExitCode.No, "nothing was changed");
    }
}
