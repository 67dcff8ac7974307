using RateWall.Detection.Logs;
using RateWall.Output;
using RateWall.Policy;
using RateWall.Storage;
using RateWall.Systemd;

namespace RateWall.Commands;

/// <summary>What `status` says of the logs.</summary>
internal static class LogWarnings
{
    /// <summary>Judges what the state remembers, beside the units that run now.</summary>
    public static IReadOnlyList<LogWarningForm> Read(Session session, EffectivePolicy policy, StateDatabase? state)
    {
        if (state is null) return [];
        RuleSet rules = OperatorRules.Load(session.RulesDirectory);
        IReadOnlyList<LogWarning> warnings = LogHealth.Judge(
            state.Beats(), state.WatchedSince, ActiveUnits(session, policy, rules), policy, rules, session.Time.GetUtcNow());
        return [.. warnings.Select(w => new LogWarningForm(w.Text, [.. w.Shapes.Select(s => new LineShapeForm(s.Text, s.Count))]))];
    }

    /// <summary>Tells them to people.</summary>
    public static void Write(TextWriter output, IReadOnlyList<LogWarningForm> warnings)
    {
        foreach (LogWarningForm warning in warnings)
        {
            output.WriteLine($"warning: {TerminalText.Escape(warning.Text)}");
            foreach (LineShapeForm shape in warning.Shapes) output.WriteLine($"    {shape.Count} x {TerminalText.Escape(shape.Text)}");
        }
    }

    // Where PID 1 is not systemd, or does not answer, nothing is said of units.
    private static HashSet<string> ActiveUnits(Session session, EffectivePolicy policy, RuleSet rules)
    {
        if (!SystemBus.IsSystemdRunning) return [];
        try
        {
            using SystemBus bus = SystemBus.Connect();
            var units = new SystemUnits(bus, session.Time);
            return [.. LogHealth.UnitsOf(policy, rules).Select(u => u.Unit).Distinct(StringComparer.Ordinal).Where(u => units.ActiveState(u) == "active")];
        }
        catch (SystemdException e)
        {
            session.Error.WriteLine($"ratewall: warning: which units run is not known: {TerminalText.Escape(e.Message)}");
            return [];
        }
    }
}
