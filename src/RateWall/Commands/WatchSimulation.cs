using RateWall.Output;
using RateWall.Policy;
using RateWall.Watch;

namespace RateWall.Commands;

/// <summary>`ratewall watch --simulate`: the state machine over looks that were recorded. Touches nothing.</summary>
internal sealed class WatchSimulation(EffectivePolicy policy)
{
    /// <summary>Lines that were wrong are told of one by one up to so many.</summary>
    private const int MostFaultsTold = 20;

    private readonly Dictionary<string, UnitMemory> memories = new(StringComparer.Ordinal);
    private readonly List<(UnitPolicy Entry, UnitEvent Event)> happened = [];

    /// <summary>Runs over a file, or standard input ("-"), and prints what would have been done.</summary>
    public static ExitCode Run(Session session, EffectivePolicy policy, string file)
    {
        var simulation = new WatchSimulation(policy);
        long lines = 0, wrong = 0;
        using Stream input = file == "-" ? Console.OpenStandardInput() : Open(file);
        UnitLooks.Read(input, (number, look, fault) =>
        {
            if (look is not null)
            {
                lines++;
                simulation.Take(look);
            }
            else if (++wrong <= MostFaultsTold)
            {
                session.Error.WriteLine($"ratewall: {TerminalText.Escape(file)}:{number}: left out: {fault}; write it as docs/json.md says");
            }
        });
        if (wrong > MostFaultsTold) session.Error.WriteLine($"ratewall: {wrong - MostFaultsTold} more lines were left out");
        if (session.Format == OutputFormat.Json)
            AnswerJson.Write(session.Out, new(lines, wrong, [.. simulation.happened.Select(h => Form(h.Event, h.Entry))]), AnswerJson.Default.WatchSimulationForm);
        else
            simulation.Print(session, lines);
        return wrong > 0 ? ExitCode.No : ExitCode.Done;
    }

    private void Take(UnitLook look)
    {
        foreach (UnitPolicy entry in policy.WatchedUnits.Where(u => u.Unit == look.Unit))
        {
            UnitMemory memory = memories.GetValueOrDefault(entry.Name, UnitMemory.Blank);
            // In the record nobody stopped the unit: it goes on when the stop would have been over.
            UnitSample sample = look.For(entry) with { ReturnIsHeld = memory.StoppedUntil is null || look.At < memory.StoppedUntil };
            WatchDecision decision = UnitWatch.Step(memory, sample, entry);
            memories[entry.Name] = decision.Memory;
            if (decision.Event is { } done) happened.Add((entry, done));
        }
    }

    private void Print(Session session, long lines)
    {
        var table = new AnswerTable("TIME", "WATCH", "ACT", "WHY");
        foreach ((UnitPolicy entry, UnitEvent done) in happened)
            table.Add(HumanTime.Time(done.At, TimeZoneInfo.Local), entry.Name, UnitText.Word(done.Act), UnitText.Reason(done, entry));
        if (table.Count > 0) table.WriteTo(session.Out, session.OutTerminal);
        session.Out.WriteLine($"{HumanCount.Of(lines, "look")}, {HumanCount.Of(happened.Count, "act")}; nothing was done");
    }

    private static UnitActForm Form(UnitEvent done, UnitPolicy entry) => new(
        HumanTime.Rfc3339(done.At), entry.Name, entry.Unit, UnitText.Word(done.Act), done.Count, done.Level, HumanTime.Rfc3339(done.Until), UnitText.Reason(done, entry));

    private static FileStream Open(string file)
    {
        if (Directory.Exists(file)) throw new CommandException(ExitCode.Usage, $"{file} is a directory; name a file of looks, one JSON object a line");
        try
        {
            return new(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new CommandException(ExitCode.Usage, $"{file} is not there; name a file of looks, one JSON object a line, or '-'");
        }
    }
}
