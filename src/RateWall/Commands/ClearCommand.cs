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
    private static readonly AddressPrefix[] Everybody = [AddressPrefix.Parse("0.0.0.0/0"), AddressPrefix.Parse("::/0")];

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
        AddressPrefix[] targets = [.. state.InForce(now).Select(b => b.Target).Distinct()];
        // The history first, for the reason that unban gives.
        state.Forgive(Everybody, targets, now);
        if (wall.Present) wall.ClearBans();
        if (session.Format == OutputFormat.Json)
            AnswerJson.Write(
                session.Out, new ChangeForm("clear", targets.Length > 0, [.. targets.Select(t => new ChangeItemForm(t.ToString(), "unbanned"))]),
                AnswerJson.Default.ChangeForm);
        else
            session.Out.WriteLine(targets.Length == 0 ? "Nobody was banned." : $"{HumanCount.Of(targets.Length, "ban")} ended.");
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
