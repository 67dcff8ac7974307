using System.Globalization;
using RateWall.Detection;
using RateWall.Detection.Correlation;
using RateWall.Output;
using RateWall.Storage;
using RateWall.Wall;

namespace RateWall.Commands;

/// <summary>Tells what a replay came to.</summary>
internal sealed class ReplayAnswer(Session session, LogArchive archive, IReadOnlyList<string> files, PolicyReplay replay)
{
    /// <summary>For programs.</summary>
    public void WriteJson(string? otherFile, PolicyReplay? other) => AnswerJson.Write(
        session.Out,
        new ReplayForm(files, archive.Lines, archive.Untimed, Rfc3339(replay.From), Rfc3339(replay.To))
        {
            Attempts = replay.Attempts,
            KeptOut = replay.KeptOut,
            Uncounted = replay.Uncounted,
            Bans = Bans(replay),
            Sieges = [.. replay.Sieges.Select(s => new ReplayedSiegeForm(HumanTime.Rfc3339(s.Since), s.Service, HumanTime.Rfc3339(s.Until), s.Detection))],
            LaterLogins = Logins(replay),
            Compared = other is null ? null : new(otherFile!, Bans(other), other.KeptOut, Logins(other), Only(other, replay), Only(replay, other)),
        },
        AnswerJson.Default.ReplayForm);

    /// <summary>For people.</summary>
    public void WriteTable(int limit, string? otherFile, PolicyReplay? other)
    {
        TextWriter output = session.Out;
        string span = replay.Attempts == 0 ? "" : $", {Time(replay.From)} to {Time(replay.To)}";
        output.WriteLine($"{HumanCount.Of(archive.Lines, "line")}, {Tries(replay.Attempts)}{span}");
        if (archive.Untimed > 0) output.WriteLine($"left out: {Tries(archive.Untimed)} on lines without a time");
        if (replay.Uncounted > 0) output.WriteLine($"not counted, to stay within memory: {Tries(replay.Uncounted)}");
        output.WriteLine();
        WriteBans(limit);
        foreach (SiegeSeen siege in replay.Sieges)
            output.WriteLine($"{siege.Service} would have been under siege from {Time(siege.Since)} for {HumanTime.Duration(siege.Until - siege.Since)}: {CorrelateCommand.Cause(siege)}");
        foreach ((Exemption exemption, int offences) in replay.Exempt)
            output.WriteLine($"never banned, although it offended {offences} times: {exemption.Network} is {TerminalText.Escape(exemption.Reason)}");
        WriteLogins();
        if (other is not null) WriteComparison(otherFile!, other);
    }

    private void WriteBans(int limit)
    {
        TextWriter output = session.Out;
        if (replay.Bans.Count == 0)
        {
            output.WriteLine("Nobody would have been banned.");
            return;
        }

        var table = new AnswerTable("TIME", "TARGET", "SERVICE", ">FOR", ">AFTER", "REASON");
        foreach (ReplayedBan one in replay.Bans.Take(limit))
        {
            StoredBan ban = one.Ban;
            string service = ban.Scope == StoredBan.AllPorts ? ban.Service ?? "" : $"{ban.Service} only";
            table.Add(
                HumanTime.Time(ban.At, TimeZoneInfo.Local), ban.Target.ToString(), service, HumanTime.Duration(ban.Until - ban.At),
                HumanTime.Duration(ban.At - one.FirstTry), ban.Reason);
        }

        table.WriteTo(output, session.OutTerminal);
        if (replay.Bans.Count > limit) output.WriteLine($"... and {HumanCount.Of(replay.Bans.Count - limit, "more ban")}");
        output.WriteLine();
        TimeSpan[] delays = [.. replay.Bans.Select(b => b.Ban.At - b.FirstTry).Order()];
        output.WriteLine(
            $"{HumanCount.Of(replay.Bans.Count, "ban")} of {HumanCount.Of(Targets(replay).Count, "target")}, half of them within {HumanTime.Duration(delays[delays.Length / 2])} of the first try, the slowest after {HumanTime.Duration(delays[^1])}");
        output.WriteLine($"{Tries(replay.KeptOut)} would have been kept out");
    }

    private void WriteLogins()
    {
        LaterLogin[] logins = [.. replay.LaterLogins.OrderBy(l => l.Login)];
        if (logins.Length == 0) return;
        session.Out.WriteLine();
        session.Out.WriteLine($"{HumanCount.Of(logins.Length, "source")} logged in after a ban: a mistake, or a guess that succeeded");
        var table = new AnswerTable("TARGET", "BANNED", "UNTIL", "LOGGED IN", ">KEPT OUT", "REASON");
        foreach (LaterLogin login in logins)
        {
            table.Add(
                login.Source.ToString(), HumanTime.Time(login.Ban.At, TimeZoneInfo.Local), HumanTime.Time(login.Ban.Until, TimeZoneInfo.Local),
                HumanTime.Time(login.Login, TimeZoneInfo.Local), login.KeptOut.ToString(CultureInfo.InvariantCulture), login.Ban.Reason);
        }

        table.WriteTo(session.Out, session.OutTerminal);
    }

    private void WriteComparison(string file, PolicyReplay other)
    {
        TextWriter output = session.Out;
        output.WriteLine();
        output.WriteLine($"{TerminalText.Escape(file)} would have made {HumanCount.Of(other.Bans.Count, "ban")} of {HumanCount.Of(Targets(other).Count, "target")}, kept out {Tries(other.KeptOut)}, and banned {HumanCount.Of(other.LaterLogins.Count(), "source")} that logged in later");
        foreach ((string what, PolicyReplay one, PolicyReplay two) in new[] { ("only it bans", other, replay), ("it does not ban", replay, other) })
        {
            IReadOnlyList<string> targets = Only(one, two);
            output.WriteLine($"{what}: {(targets.Count == 0 ? "nobody else" : HumanCount.Of(targets.Count, "target"))}");
            foreach (string target in targets) output.WriteLine($"    {target}");
        }
    }

    private static IReadOnlyList<string> Only(PolicyReplay one, PolicyReplay other)
    {
        HashSet<AddressPrefix> targets = Targets(one);
        targets.ExceptWith(Targets(other));
        return [.. targets.Order().Select(t => t.ToString())];
    }

    private static HashSet<AddressPrefix> Targets(PolicyReplay replay) => [.. replay.Bans.Select(b => b.Ban.Target)];

    private static IEnumerable<ReplayedBanForm> Bans(PolicyReplay replay) =>
        replay.Bans.Select(b => new ReplayedBanForm(
            HumanTime.Rfc3339(b.Ban.At), b.Ban.Target.ToString(), b.Ban.Service, b.Ban.Reason, b.Ban.Detection, b.Ban.Scope,
            HumanTime.Rfc3339(b.Ban.Until), HumanTime.Rfc3339(b.FirstTry), (long)(b.Ban.At - b.FirstTry).TotalSeconds));

    private static IReadOnlyList<LaterLoginForm> Logins(PolicyReplay replay) =>
    [
        .. replay.LaterLogins.OrderBy(l => l.Login).Select(l => new LaterLoginForm(
            l.Source.ToString(), HumanTime.Rfc3339(l.Ban.At), HumanTime.Rfc3339(l.Ban.Until), HumanTime.Rfc3339(l.Login), l.KeptOut)),
    ];

    private static string Tries(long count) => count == 1 ? "1 try" : string.Create(CultureInfo.InvariantCulture, $"{count} tries");

    private static string Time(long unixMilliseconds) => HumanTime.Time(DateTimeOffset.FromUnixTimeMilliseconds(unixMilliseconds), TimeZoneInfo.Local);

    private static string Time(DateTimeOffset time) => HumanTime.Time(time, TimeZoneInfo.Local);

    private static string? Rfc3339(long unixMilliseconds) =>
        unixMilliseconds is long.MinValue or long.MaxValue ? null : HumanTime.Rfc3339(DateTimeOffset.FromUnixTimeMilliseconds(unixMilliseconds));
}
