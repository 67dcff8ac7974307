using System.CommandLine;
using RateWall.Detection;
using RateWall.Output;
using RateWall.Policy;
using RateWall.Storage;

namespace RateWall.Commands;

/// <summary>
/// `ratewall trace`: why somebody was banned: every ban, newest first, with the lines that caused it; and what was done to
/// watched units, and why.
/// </summary>
internal static class TraceCommand
{
    private const int StandardLimit = 100;

    private static readonly Argument<string?> Target = new("ADDRESS|UNIT")
    {
        Description = "Whose bans, or what was done to which unit; without it, all of both.",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private static readonly Option<int?> Limit = new("--limit") { Description = $"Show at most N bans, and as many acts, the newest (default {StandardLimit}).", HelpName = "N" };

    public static Command Create()
    {
        Command command = CommandLine.Verb("trace", "Shows bans, past ones too, with the log lines that caused them, and what was done to watched units.", "ratewall trace 192.0.2.7\nratewall trace dovecot.service", Run);
        command.Add(Target);
        command.Add(Limit);
        return command;
    }

    private static ExitCode Run(Session session, ParseResult arguments)
    {
        int limit = BanArguments.ReadLimit(arguments.GetValue(Limit) ?? StandardLimit);
        EffectivePolicy effective = session.LoadPolicy();
        string? text = arguments.GetValue(Target);
        bool isUnit = text is not null && (text.EndsWith(".service", StringComparison.Ordinal) || effective.Units.Any(u => u.Name == text));
        AddressPrefix? asked = text is null || isUnit ? null : BanArguments.ReadTarget(text);
        DateTimeOffset now = session.Time.GetUtcNow();
        using StateDatabase? state = StateDatabase.OpenReadOnly(session.StateDirectory);
        BanPolicy policy = effective.Bans;
        Pardons pardons = state?.Pardons() ?? Pardons.None;
        IReadOnlyList<StoredUnitAct> acts = asked is null ? state?.UnitActs(limit, text) ?? [] : [];
        IReadOnlyList<StoredBan> found = isUnit ? [] : asked is { } who ? state?.HistoryOf(who, limit) ?? [] : state?.History(limit) ?? [];
        List<TracedBan> bans = [.. found.Select(b => TracedBan.Of(b, state!, pardons, policy, now))];

        if (session.Format == OutputFormat.Json)
            AnswerJson.Write(session.Out, new TraceForm([.. bans.Select(b => b.Form(now))]) { Acts = [.. acts.Select(WatchAnswer.Form)] }, AnswerJson.Default.TraceForm);
        else
            Print(session, isUnit ? null : bans, acts, now);
        return ExitCode.Done;
    }

    private static void Print(Session session, List<TracedBan>? bans, IReadOnlyList<StoredUnitAct> acts, DateTimeOffset now)
    {
        if (bans is null) Print(session, acts);
        else Print(session, bans, now);
        if (bans is null || acts.Count == 0) return;
        session.Out.WriteLine();
        Print(session, acts);
    }

    private static void Print(Session session, IReadOnlyList<StoredUnitAct> acts)
    {
        if (acts.Count == 0) session.Out.WriteLine("Nothing was done to it, as far as is remembered.");
        foreach (StoredUnitAct act in acts) session.Out.WriteLine($"{act.Unit} ({act.Watch})  {Local(act.Happened.At)}  {WatchAnswer.Line(act)}");
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
