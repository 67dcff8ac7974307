using System.Globalization;
using RateWall.Output;
using RateWall.Policy;
using RateWall.Storage;
using RateWall.Watch;

namespace RateWall.Commands;

/// <summary>How watched units are told of, by `watch`, `status` and `trace`.</summary>
internal static class WatchAnswer
{
    /// <summary>Tells what a round saw and did.</summary>
    /// <param name="session">Where to.</param>
    /// <param name="seen">What was seen.</param>
    /// <param name="acts">What was done and noticed.</param>
    /// <param name="always">False: only what happened.</param>
    public static void Tell(Session session, IReadOnlyList<EntrySeen> seen, IReadOnlyList<StoredUnitAct> acts, bool always)
    {
        if (!always && acts.Count == 0) return;
        if (session.Format == OutputFormat.Json)
        {
            AnswerJson.Write(session.Out, new([.. seen.Select(Form)], [.. acts.Select(Form)]), AnswerJson.Default.WatchForm);
        }
        else
        {
            foreach (StoredUnitAct act in acts) session.Out.WriteLine($"{act.Watch}: {Line(act)}");
            if (always) WriteTable(session, [.. seen.Select(Form)]);
        }

        session.Out.Flush();
    }

    /// <summary>An act in one line: why, what, what came of it.</summary>
    public static string Line(StoredUnitAct act)
    {
        string what = act.Happened.Act switch
        {
            UnitAct.Ban or UnitAct.Siege or UnitAct.Restart or UnitAct.Stop or UnitAct.Start => $" [{UnitText.Word(act.Happened.Act)}]",
            _ => "",
        };
        string outcome = act.Outcome.Length == 0 ? "" : $": {TerminalText.Escape(act.Outcome)}";
        string failed = act.State == UnitActState.Failed ? " failed" : "";
        return $"{TerminalText.Escape(act.Reason)}{what}{failed}{outcome}";
    }

    /// <summary>An act for programs.</summary>
    public static UnitActForm Form(StoredUnitAct act) => new(
        HumanTime.Rfc3339(act.Happened.At), act.Watch, act.Unit, UnitText.Word(act.Happened.Act), act.Happened.Count, act.Happened.Level, HumanTime.Rfc3339(act.Happened.Until), act.Reason)
    {
        State = act.State.ToString().ToLowerInvariant(),
        Outcome = act.Outcome.Length == 0 ? null : act.Outcome,
    };

    /// <summary>An entry for programs.</summary>
    public static WatchedUnitForm Form(EntrySeen seen)
    {
        (long Warn, long Act, long Normal)? levels = UnitWatch.Levels(seen.Entry, seen.Look?.TasksMax);
        return new(seen.Entry.Name, seen.Entry.Unit, seen.Entry.Process, seen.Look?.ActiveState, seen.Look?.For(seen.Entry).Count, levels?.Warn, levels?.Act, levels?.Normal)
        {
            TasksMax = seen.Look?.TasksMax,
            Phase = seen.Memory.StoppedUntil is not null ? "stopped" : seen.Memory.Phase.ToString().ToLowerInvariant(),
            Since = HumanTime.Rfc3339(seen.Memory.Since),
            Rung = seen.Memory.Taken is { } taken ? UnitReader.Word(taken) : null,
            StoppedUntil = HumanTime.Rfc3339(seen.Memory.StoppedUntil),
            Returns = seen.Memory.Returns,
            LastLook = seen.Memory.LastLook,
            Ladder = [.. seen.Entry.Ladder.Select(UnitReader.Word)],
        };
    }

    /// <summary>Prints entries for people.</summary>
    public static void WriteTable(Session session, IReadOnlyList<WatchedUnitForm> units)
    {
        if (units.Count == 0)
        {
            session.Out.WriteLine("The policy names no unit to watch.");
            return;
        }

        var table = new AnswerTable("WATCH", "UNIT", "COUNTS", ">NOW", ">WARN", ">ACT", ">NORMAL", "STATE");
        foreach (WatchedUnitForm unit in units)
        {
            table.Add(
                unit.Name, unit.Unit, unit.Process ?? "tasks", Number(unit.Count), Number(unit.Warn), Number(unit.Act), Number(unit.Normal),
                new(StateOf(unit), unit.Phase switch { "normal" => Tone.Plain, "warned" => Tone.Warning, _ => Tone.Bad }));
        }

        table.WriteTo(session.Out, session.OutTerminal);
    }

    private static string StateOf(WatchedUnitForm unit) => unit switch
    {
        { State: null } => "not there",
        { Phase: "stopped" } => $"stopped until {unit.StoppedUntil} at the latest",
        { Phase: "trouble", Rung: { } rung } => $"trouble since {unit.Since}, {rung}",
        { Phase: "normal" } => unit.State,
        _ => $"{unit.Phase} since {unit.Since}",
    };

    private static string Number(long? number) => number?.ToString(CultureInfo.InvariantCulture) ?? "-";
}
