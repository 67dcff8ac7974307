using RateWall.Output;
using RateWall.Policy;
using RateWall.Storage;
using RateWall.Systemd;
using RateWall.Watch;

namespace RateWall.Commands;

/// <summary>How it stands with the watched units: what PID 1 says now, and what a watch remembers.</summary>
internal static class UnitStatus
{
    /// <summary>A watch that looked longer ago than this is none any more; what it remembers is written down twice a minute.</summary>
    private static readonly TimeSpan LongestSilence = TimeSpan.FromMinutes(2);

    /// <summary>Asks PID 1 and the state. Where PID 1 cannot be asked, what it would say is left out.</summary>
    public static IReadOnlyList<WatchedUnitForm> Read(Session session, EffectivePolicy policy, StateDatabase? state)
    {
        var remembered = (state?.Watches() ?? []).ToDictionary(w => w.Name, StringComparer.Ordinal);
        Dictionary<string, UnitLook> looks = Looks(session, policy);
        return
        [
            .. policy.WatchedUnits.Select(entry =>
            {
                UnitMemory memory = remembered.TryGetValue(entry.Name, out StoredWatch? watch) && watch.Unit == entry.Unit ? watch.Memory : UnitMemory.Blank;
                return WatchAnswer.Form(new EntrySeen(entry, looks.GetValueOrDefault(entry.Unit), memory)) with
                {
                    LastAct = state?.UnitActs(1, entry.Name) is [{ } last, ..] ? WatchAnswer.Form(last) : null,
                };
            }),
        ];
    }

    /// <summary>For people: units that are there, or were, and whether anybody watches them.</summary>
    public static void Write(Session session, IReadOnlyList<WatchedUnitForm> units)
    {
        WatchedUnitForm[] present = [.. units.Where(u => u.State is not null || u.LastAct is not null)];
        if (present.Length == 0) return;
        session.Out.WriteLine();
        WatchAnswer.WriteTable(session, present);
        foreach (WatchedUnitForm unit in present)
        {
            if (unit.LastAct is { } act)
                session.Out.WriteLine($"{unit.Name}: last {act.Act} {act.Time}{(act.State is "done" or null ? "" : $", {act.State}")}: {TerminalText.Escape(act.Reason)}{(act.Outcome is null ? "" : $": {TerminalText.Escape(act.Outcome)}")}");
        }

        DateTimeOffset now = session.Time.GetUtcNow();
        string[] unwatched = [.. present.Where(u => u.State is "active" && !IsWatched(u, now)).Select(u => u.Unit).Distinct(StringComparer.Ordinal)];
        if (unwatched.Length > 0)
            session.Out.WriteLine($"nobody watches {string.Join(", ", unwatched)}; 'systemctl enable --now ratewall-watch.service' does");
    }

    private static bool IsWatched(WatchedUnitForm unit, DateTimeOffset now) =>
        unit.LastLook is { } at && (now - at).Duration() < LongestSilence;

    private static Dictionary<string, UnitLook> Looks(Session session, EffectivePolicy policy)
    {
        var looks = new Dictionary<string, UnitLook>(StringComparer.Ordinal);
        if (!SystemBus.IsSystemdRunning || !policy.WatchedUnits.Any()) return looks;
        try
        {
            using SystemdUnits units = SystemdUnits.Connect([], session.Time);
            foreach (IGrouping<string, UnitPolicy> unit in policy.WatchedUnits.GroupBy(u => u.Unit, StringComparer.Ordinal))
                if (units.Look(unit.Key, unit.Any(e => e.Process is not null), session.Time.GetUtcNow()) is { } look) looks.Add(unit.Key, look);
        }
        catch (SystemdException e)
        {
            session.Error.WriteLine($"ratewall: warning: PID 1 does not tell of the watched units: {e.Message}");
        }

        return looks;
    }
}
