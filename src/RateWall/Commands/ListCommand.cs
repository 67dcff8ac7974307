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
        IReadOnlyList<StoredBan> bans = arguments.GetValue(Everything)
            ? state?.History(limit) ?? []
            : state?.NewestInForce(now, limit) ?? [];
        if (session.Format == OutputFormat.Json)
            AnswerJson.Write(session.Out, new BansForm([.. bans.Select(b => BanForms.Of(b, now))]), AnswerJson.Default.BansForm);
        else
            Print(session, bans, now);
        return ExitCode.Done;
    }

    private static void Print(Session session, IReadOnlyList<StoredBan> bans, DateTimeOffset now)
    {
        if (bans.Count == 0)
        {
            session.Out.WriteLine("Nobody is banned.");
            return;
        }

        var table = new AnswerTable("TARGET", "SCOPE", "SINCE", ">REMAINING", ">TRIES", "REASON");
        foreach (StoredBan ban in bans)
        {
            string remaining = ban.State switch
            {
                BanState.Removed => "taken back",
                BanState.Pending => "no room",
                _ => HumanTime.Remaining(ban.Until, now),
            };
            table.Add(ban.Target.ToString(), ban.Scope, HumanTime.Time(ban.At, TimeZoneInfo.Local), remaining, $"{ban.Count}", ban.Reason);
        }

        table.WriteTo(session.Out, session.OutTerminal);
    }
}
