using RateWall.Detection;
using RateWall.Output;
using RateWall.Policy;
using RateWall.Storage;
using RateWall.Wall;

namespace RateWall.Commands;

/// <summary>What the wall does for a unit with too many processes: bans and sieges, by the roads that all others take.</summary>
internal sealed class UnitRelief(Session session, EffectivePolicy policy, StateDatabase state)
{
    private const int MostNamed = 5;

    /// <summary>Bans those who hold the unit's connections, and ends these; says in a sentence whom.</summary>
    /// <param name="entry">The unit.</param>
    /// <param name="surplus">How many processes there are beyond what is normal.</param>
    /// <exception cref="CommandException">The wall is not up.</exception>
    /// <exception cref="Netfilter.NetfilterException">The kernel refused.</exception>
    public string Ban(UnitPolicy entry, long surplus)
    {
        using KernelWall wall = KernelWall.Open(session.StateDirectory, session.Time);
        if (!wall.Present) throw NoWall();
        Exemptions exemptions = Exemptions.Read(policy);
        HoldersFound found = new UnitHolders(policy, exemptions, state, session.Time).Find(entry, surplus);
        if (found.Offences.Count == 0)
            return found.Unknown ?? $"no stranger holds {HumanCount.Of(entry.Holds, "connection")} to {string.Join(", ", entry.Services)}";
        using KernelPorts ports = KernelPorts.Open(session.Time);
        var commit = new StepCommit(
            state, BanSets.Of(wall.Bans, new PortMeasures(state, ports, policy, session.Time), new(policy, exemptions, session.Time)), policy, exemptions, session.Time,
            () => StateLock.Wall(session.StateDirectory, session.Time, session.Error));
        IReadOnlyList<BanVerdict> verdicts = commit.Commit(new() { Source = "units", Offences = found.Offences, Evidence = found.Evidence, ReadAt = session.Time.GetUtcNow() });
        return Sentence(verdicts, commit, found.Unknown);
    }

    /// <summary>Puts the unit's services under siege until a time; says in a sentence which.</summary>
    /// <exception cref="CommandException">The wall is not up.</exception>
    /// <exception cref="Netfilter.NetfilterException">The kernel refused.</exception>
    public string Siege(UnitPolicy entry, DateTimeOffset until)
    {
        using StateLock turn = StateLock.Wall(session.StateDirectory, session.Time, session.Error);
        using KernelPorts ports = KernelPorts.Open(session.Time);
        if (!ports.WallKnowsPorts) throw NoWall();
        ServicePolicy[] services = [.. policy.Enabled.Where(s => entry.Services.Contains(s.Name, StringComparer.Ordinal))];
        if (services.Length == 0) return $"none of {string.Join(", ", entry.Services)} is enabled";
        new PortMeasures(state, ports, policy, session.Time).Siege(services, until);
        return $"{string.Join(", ", services.Select(s => s.Name))} under siege until {HumanTime.Time(until, TimeZoneInfo.Local)}";
    }

    private static CommandException NoWall() => new(ExitCode.Refused, "the wall is not up; run 'ratewall apply'");

    private static string Sentence(IReadOnlyList<BanVerdict> verdicts, StepCommit commit, string? unknown)
    {
        AddressPrefix[] banned = [.. verdicts.Where(v => v.Outcome == BanOutcome.Banned).Select(v => v.Ban!.Target)];
        var parts = new List<string>();
        if (banned.Length > 0)
            parts.Add($"banned {string.Join(", ", banned.Take(MostNamed))}{(banned.Length > MostNamed ? $" and {banned.Length - MostNamed} more" : "")}, ended {HumanCount.Of(commit.ConnectionsEnded, "connection")}");
        int covered = verdicts.Count(v => v.Outcome is BanOutcome.Covered or BanOutcome.Known);
        if (covered > 0) parts.Add($"{HumanCount.Of(covered, "holder")} banned before");
        if (commit.WithoutRoom > 0) parts.Add($"the kernel's set of bans is full for {commit.WithoutRoom}");
        if (commit.ConnectionsProblem is { } problem) parts.Add($"their connections were not ended: {problem}");
        if (unknown is not null) parts.Add(unknown);
        return parts.Count == 0 ? "who holds the connections was pardoned" : string.Join("; ", parts);
    }
}
