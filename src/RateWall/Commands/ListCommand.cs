using System.CommandLine;
using RateWall.Output;
using RateWall.Storage;

namespace RateWall.Commands;

/// <summary>`ratewall list`: who is banned, until when and why. Answered from the history: a dump of the kernel is slow.</summary>
internal static class ListCommand
{
    private static readonly Option<int?> Limit = new("--limit") { Description = "Show at most N bans, the newest.", HelpName = "N" };
    private static readonly Option<bool> Everything = new("--all") { Description = "Also bans that are over or were taken back." };

    public static Command Create()
    {
        Command command = CommandLine.Verb("list", "Lists who is banned, until when and why, as the history says: also while the wall is away.", "ratewall list --limit 20", Run);
        command.Add(Limit);
        command.Add(Everything);
        return command;
    }

    private static ExitCode Run(Session session, ParseResult arguments)
    {
        int limit = BanArguments.ReadLimit(arguments.GetValue(Limit));
        DateTimeOffset now = session.Time.GetUtcNow();
        using StateDatabase? state = StateDatabase.OpenReadOnly(session.StateDirectory);
        // The rows are read twice where they are too many to be held.
        using IDisposable? moment = state?.Snapshot();
        bool everything = arguments.GetValue(Everything);
        void Each(Action<StoredBan> take)
        {
            if (everything) state?.EachOfHistory(limit, take);
            else state?.EachNewestInForce(now, limit, take);
        }

        if (session.Format == OutputFormat.Json)
            AnswerJson.WriteEach<BansForm, BanForm>(session.Out, new([]), AnswerJson.Default.BansForm, AnswerJson.Default.BanForm, write => Each(b => write(BanForms.Of(b, now))));
        else if (!Table().WriteEach(session.Out, session.OutTerminal, write => Each(b => write(Row(b, now)))))
            session.Out.WriteLine("Nobody is banned.");
        return ExitCode.Done;
    }

    private static AnswerTable Table() => new("TARGET", "SCOPE", "SINCE", ">REMAINING", ">TRIES", "REASON");

    private static Cell[] Row(StoredBan ban, DateTimeOffset now)
    {
        string remaining = ban.State switch
        {
            BanState.Removed => "taken back",
            BanState.Pending => "no room",
            _ => HumanTime.Remaining(ban.Until, now),
        };
        return [ban.Target.ToString(), ban.Scope, HumanTime.Time(ban.At, TimeZoneInfo.Local), remaining, $"{ban.Count}", ban.Reason];
    }
}
