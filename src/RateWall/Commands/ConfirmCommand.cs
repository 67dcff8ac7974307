using System.CommandLine;
using RateWall.Netfilter;
using RateWall.Output;
using RateWall.Storage;
using RateWall.Wall;

namespace RateWall.Commands;

/// <summary>`ratewall confirm`: keeps the wall that `apply --confirm` put up, or takes it back at once.</summary>
internal static class ConfirmCommand
{
    private static readonly TimeSpan LookPause = TimeSpan.FromSeconds(1);

    private static readonly Option<bool> Revert = new("--revert") { Description = "Put the wall before it back now instead, as it was." };
    private static readonly Option<string?> Only = new("--only") { Hidden = true, HelpName = "ID" };
    private static readonly Option<bool> WhenDue = new("--when-due") { Hidden = true };

    public static Command Create()
    {
        Command verb = CommandLine.Verb(
            "confirm",
            "Keeps the wall that 'apply --confirm' put up. Without it the wall before is put back when the time has run out.",
            "ratewall confirm\nratewall confirm --revert",
            Run);
        verb.Add(Revert);
        verb.Add(Only);
        verb.Add(WhenDue);
        return verb;
    }

    private static ExitCode Run(Session session, ParseResult arguments)
    {
        string? only = arguments.GetValue(Only);
        if (only is not null && arguments.GetValue(WhenDue)) return TakeBackWhenDue(session, only);
        return arguments.GetValue(Revert) ? TakeBack(session, only) : Confirm(session);
    }

    private static ExitCode Confirm(Session session)
    {
        using StateLock turn = StateLock.Wall(session.StateDirectory, session.Time, session.Error);
        using KernelWall wall = KernelWall.Open(session.StateDirectory, session.Time);
        var confirmation = new Confirmation(session, wall);
        if (confirmation.Current is not { } current) return No(session, "nothing waits for confirmation");
        if (current.TakenBack)
            return No(session, $"too late: it was to be confirmed until {HumanTime.Time(current.Until, TimeZoneInfo.Local)}, and {Confirmation.Before(current)}");
        if (current.Boot != BootClock.Current() || !wall.Present)
        {
            confirmation.TakeBack();
            return No(session, $"too late: the wall that waited is gone from the kernel; {Confirmation.Before(current)}");
        }

        confirmation.Settle();
        return Answer(session, changed: true, "confirmed", "the wall stays");
    }

    private static ExitCode TakeBack(Session session, string? only)
    {
        using StateLock turn = StateLock.Wall(session.StateDirectory, session.Time, session.Error);
        using KernelWall wall = KernelWall.Open(session.StateDirectory, session.Time);
        var confirmation = new Confirmation(session, wall);
        if (confirmation.Current is not { TakenBack: false } waiting || (only is not null && waiting.Id != only))
        {
            // Its keeper comes although it was confirmed meanwhile: nothing is wrong.
            return only is null ? No(session, "nothing waits for confirmation") : ExitCode.Done;
        }

        confirmation.TakeBack();
        if (only is null) ConfirmationKeeper.Disarm(session, waiting);
        return Answer(session, changed: true, "reverted", $"it was not confirmed and is taken back: {Confirmation.Before(waiting)}");
    }

    /// <summary>
    /// The keeper where there is no systemd: waits until the wall is due, takes it back, and tries again until it is done. It
    /// ends as soon as its wait does.
    /// </summary>
    private static ExitCode TakeBackWhenDue(Session session, string only)
    {
        Directory.SetCurrentDirectory("/");
        while (UnconfirmedWall.Read(session.StateDirectory) is { TakenBack: false } waiting && waiting.Id == only)
        {
            long left = waiting.Deadline - BootClock.Milliseconds(session.Time);
            if (left > 0)
            {
                Thread.Sleep(TimeSpan.FromMilliseconds(Math.Min(left, LookPause.TotalMilliseconds)));
                continue;
            }

            try
            {
                return TakeBack(session, only);
            }
            catch (Exception e) when (e is NetfilterException or StateException)
            {
                // Another ratewall holds the lock, or the kernel was busy; nobody else is there to try again.
                Thread.Sleep(LookPause);
            }
        }

        return ExitCode.Done;
    }

    private static ExitCode No(Session session, string sentence)
    {
        Answer(session, changed: false, "unchanged", sentence);
        return ExitCode.No;
    }

    private static ExitCode Answer(Session session, bool changed, string action, string sentence)
    {
        if (session.Format == OutputFormat.Json)
            AnswerJson.Write(session.Out, new ChangeForm("confirm", changed, [new("wall", action, Note: sentence)]), AnswerJson.Default.ChangeForm);
        else
            session.Out.WriteLine(sentence);
        return ExitCode.Done;
    }
}
