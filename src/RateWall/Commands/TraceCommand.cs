using System.CommandLine;
using RateWall.Detection;
using RateWall.Output;
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
        var bans = new List<(StoredBan Ban, IReadOnlyList<EvidenceLine> Lines)>();
        foreach (StoredBan ban in state?.History(asked is null ? limit : int.MaxValue) ?? [])
        {
            if (asked is { } who && !ban.Target.Overlaps(who)) continue;
            bans.Add((ban, state!.EvidenceOf(ban)));
            if (bans.Count == limit) break;
        }

        if (session.Format == OutputFormat.Json)
            AnswerJson.Write(session.Out, new TraceForm([.. bans.Select(b => BanForms.Traced(b.Ban, b.Lines, now))]), AnswerJson.Default.TraceForm);
        else
            Print(session, bans, now);
        return ExitCode.Done;
    }

    private static void Print(Session session, List<(StoredBan Ban, IReadOnlyList<EvidenceLine> Lines)> bans, DateTimeOffset now)
    {
        if (bans.Count == 0) session.Out.WriteLine("No ban is remembered.");
        foreach ((StoredBan ban, IReadOnlyList<EvidenceLine> lines) in bans)
        {
            string end = ban.State == BanState.Removed ? "taken back" : ban.Until > now ? $"{HumanTime.Remaining(ban.Until, now)} left" : "over";
            string where = ban.Scope == StoredBan.AllPorts ? "" : $" at {TerminalText.Escape(ban.Scope)}";
            session.Out.WriteLine($"{ban.Target}{where}  {HumanTime.Time(ban.At, TimeZoneInfo.Local)}  {DurationOf(ban)}, {end}: {TerminalText.Escape(ban.Reason)}");
            foreach (EvidenceLine line in lines) session.Out.WriteLine($"    {TerminalText.FromBytes(line.Line)}");
        }
    }

    private static string DurationOf(StoredBan ban) => HumanTime.Duration(ban.Until - ban.At);
}
