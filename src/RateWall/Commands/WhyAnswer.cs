using System.Globalization;
using RateWall.Detection.Correlation;
using RateWall.Output;
using RateWall.Policy;
using RateWall.Storage;

namespace RateWall.Commands;

/// <summary>Tells of a source in words.</summary>
internal sealed class WhyAnswer(Session session, WhyForm source)
{
    // Connections in a table.
    private const int MostShown = 20;

    /// <summary>Writes the answer.</summary>
    public void Write()
    {
        TextWriter output = session.Out;
        if (source.Key != source.Address) output.WriteLine($"{source.Address} is counted and banned as {source.Key}");
        if (source.Exempt is { } exempt) output.WriteLine($"never banned: {exempt.Network} is {TerminalText.Escape(exempt.Reason)}");
        foreach (CoveringBanForm ban in source.Bans) output.WriteLine(Sentence(ban));
        if (source.Bans.Count == 0 && source.Missing.Count < 2) output.WriteLine("not banned");
        if (source.Remembered > 0) output.WriteLine($"{HumanCount.Of(source.Remembered, "ban")} remembered; 'ratewall trace {source.Key}' shows them with their lines");
        foreach (TrustedForm trusted in source.Trusted)
        {
            string absent = trusted.InKernel == false ? ", but the kernel does not know it" : "";
            output.WriteLine($"trusted at {trusted.Family} until {Local(trusted.Until)}{absent}");
        }

        WriteCounts(output);
        WriteConnections(output);
        foreach (SourceLimitForm limit in source.Limits) WriteMeasures(output, limit);
        WriteLimits(output);
        foreach (string missing in source.Missing) output.WriteLine($"missing: {missing}");
    }

    private static string Sentence(CoveringBanForm ban)
    {
        string where = ban.Scope == StoredBan.AllPorts ? "" : $" at {TerminalText.Escape(ban.Scope)}";
        string left = ban.RemainingSeconds is { } seconds ? $" for {HumanTime.Duration(TimeSpan.FromSeconds(seconds))} more" : " for ever";
        string absent = ban.InKernel == false ? ", but the kernel does not have it" : "";
        string reason = ban.Reason is null ? "not by anything that is remembered" : TerminalText.Escape(ban.Reason);
        string service = where.Length == 0 ? "" : $" --service {TerminalText.Escape(ban.Scope)}";
        return $"banned{where}{left}{absent}: {reason}; 'ratewall unban {ban.Target}{service}' ends the ban of {ban.Target}";
    }

    private void WriteCounts(TextWriter output)
    {
        if (source.Counts.Count == 0) return;
        output.WriteLine();
        var table = new AnswerTable("SERVICE", "COUNTED", "OF WHOM", ">NOW", ">OF", "WITHIN", ">MISSING", "LEADS TO");
        foreach (CountForm count in source.Counts)
        {
            table.Add(
                count.Service, count.Detection, Whom(count), Number(count.Count), Number(count.Threshold), DurationText.Format(TimeSpan.FromSeconds(count.WithinSeconds)),
                Number(Math.Max(1, count.Threshold - count.Count)),
                count.BanSeconds is { } seconds ? $"a ban for {HumanTime.Duration(TimeSpan.FromSeconds(seconds))}" : "no further ban");
        }

        table.WriteTo(output, session.OutTerminal);
    }

    // A name is kept as its hash only.
    private static string Whom(CountForm count) => count.Detection == DetectionName.Account ? "who tried one account" : count.Subject;

    private void WriteConnections(TextWriter output)
    {
        if (source.Connections is not { Count: > 0 } held) return;
        output.WriteLine();
        var table = new AnswerTable("SERVICE", "HELD FROM", ">PORT", ">TO PORT", "FOR", "LOGIN");
        foreach (HeldForm one in held.Take(MostShown))
        {
            table.Add(
                one.Service, one.Address, Number(one.RemotePort), Number(one.LocalPort),
                one.AgeSeconds is { } age ? $"{HumanTime.Duration(TimeSpan.FromSeconds(age))} or longer" : "-", one.Login);
        }

        table.WriteTo(output, session.OutTerminal);
        if (held.Count > MostShown) output.WriteLine($"and {held.Count - MostShown} more, which --format json lists");
    }

    private static void WriteMeasures(TextWriter output, SourceLimitForm limit)
    {
        if (limit.LockedUntil is not null) output.WriteLine($"kept out of {limit.Service} by its lockdown until {Local(limit.LockedUntil)}");
        if (limit.SiegeUntil is not null) output.WriteLine($"{limit.Service} is under siege until {Local(limit.SiegeUntil)}: it shares a bucket with all strangers");
        if (limit.BlockedUntil is not null) output.WriteLine($"kept out of {limit.Service} until {Local(limit.BlockedUntil)}, and longer if it tries before");
    }

    private void WriteLimits(TextWriter output)
    {
        output.WriteLine();
        var table = new AnswerTable("SERVICE", "LIMIT", ">COUNTED", ">FREE");
        foreach (SourceLimitForm limit in source.Limits)
        {
            string text = limit.Mode == "off" ? "off" : string.Create(CultureInfo.InvariantCulture, $"{limit.Mode} {limit.Connections} in {DurationText.Format(TimeSpan.FromSeconds(limit.PerSeconds))}");
            table.Add(
                limit.Service, text, limit.Counted is { } counted ? Number(counted) : "-",
                limit.BlockedUntil is not null ? "0" : limit.Counted is { } used ? Number(Math.Max(0, limit.Connections - used)) : "-");
        }

        table.WriteTo(output, session.OutTerminal);
    }

    private static string Local(string? rfc3339) => rfc3339 is null
        ? "for ever"
        : HumanTime.Time(DateTimeOffset.Parse(rfc3339, CultureInfo.InvariantCulture), TimeZoneInfo.Local);

    private static string Number(long number) => number.ToString(CultureInfo.InvariantCulture);
}
