using System.CommandLine;
using RateWall.Detection;
using RateWall.Output;
using RateWall.Policy;
using RateWall.Storage;

namespace RateWall.Commands;

/// <summary>`ratewall trace`: why somebody was banned: every ban, newest first, with the lines that caused it.</summary>
internal static class TraceCommand
{
    private const int StandardLimit = 100;

    private static readonly Argument<string?> Target = new("ADDRESS")
    {
        Description = "Whose bans; without it, everybody's.",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private static readonly Option<int?> Limit = new("--limit") { Description = $"Show at most N bans, the newest (default {StandardLimit}).", HelpName = "N" };

    public static Command Create()
    {
        Command command = CommandLine.Verb("trace", "Shows bans, past ones too, with the log lines that caused them.", "ratewall trace 192.0.2.7", Run);
        command.Add(Target);
        command.Add(Limit);
        return command;
    }

    private static ExitCode Run(Session session, ParseResult arguments)
    {
        int limit = BanArguments.ReadLimit(arguments.GetValue(Limit) ?? StandardLimit);
        AddressPrefix? asked = arguments.GetValue(Target) is { } text ? BanArguments.ReadTarget(text) : null;
        DateTimeOffset now = session.Time.GetUtcNow();
        using StateDatabase? state = StateDatabase.OpenReadOnly(session.StateDirectory);
        BanPolicy policy = session.LoadPolicy().Bans;
        Pardons pardons = state?.Pardons() ?? Pardons.None;
        IReadOnlyList<StoredBan> found = asked is { } who ? state?.HistoryOf(who, limit) ?? [] : state?.History(limit) ?? [];
        List<TracedBan> bans = [.. found.Select(b => TracedBan.Of(b, state!, pardons, policy, now))];

        if (session.Format == OutputFormat.Json)
            AnswerJson.Write(session.Out, new TraceForm([.. bans.Select(b => b.Form(now))]), AnswerJson.Default.TraceForm);
        else
            Print(session, bans, now);
        return ExitCode.Done;
    }

    private static void Print(Session session, List<TracedBan> bans, DateTimeOffset now)
    {
        if (bans.Count == 0) session.Out.WriteLine("No ban is remembered.");
        foreach (TracedBan one in bans)
        {
            StoredBan ban = one.Ban;
            string where = ban.Scope == StoredBan.AllPorts ? "" : $" at {TerminalText.Escape(ban.Scope)}";
            string number = one.Number is > 1 ? $" (ban {one.Number} of this source)" : "";
            session.Out.WriteLine($"{ban.Target}{where}  {Local(ban.At)}  {DurationOf(ban)}, {End(one, now)}: {TerminalText.Escape(ban.Reason)}{number}");
            foreach (EvidenceLine line in one.Lines) session.Out.WriteLine($"    {TerminalText.FromBytes(line.Line)}");
        }
    }

    private static string End(TracedBan one, DateTimeOffset now) => one switch
    {
        { Ended: { } ended, EndedAt: { } at } => $"{ended} {Local(at)}",
        { Ended: { } ended } => ended,
        { Ban.State: BanState.Pending } => $"waiting for room in the kernel until {Local(one.Ban.Until)}",
        _ => $"until {Local(one.Ban.Until)}, {HumanTime.Remaining(one.Ban.Until, now)} left",
    };

    private static string Local(DateTimeOffset time) => HumanTime.Time(time, TimeZoneInfo.Local);

    private static string DurationOf(StoredBan ban) => HumanTime.Duration(ban.Until - ban.At);
}
