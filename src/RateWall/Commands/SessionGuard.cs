using RateWall.Detection;
using RateWall.Output;
using RateWall.Policy;
using RateWall.Storage;
using RateWall.Wall;

namespace RateWall.Commands;

/// <summary>
/// Keeps `apply` from cutting the ssh session it is typed in. No limit cuts a connection that stands, and none lets nobody in;
/// what cuts is a ban of the session's source, once the policy's allow list does not hold that source (any more).
/// </summary>
internal static class SessionGuard
{
    /// <exception cref="CommandException">The session would be cut; the text names the policy's line and the ban.</exception>
    public static void MustSurvive(Session session, EffectivePolicy policy, KernelWall wall)
    {
        if (SshSession.Find() is not { } ssh || policy.Allow.Any(n => n.Contains(ssh.Client))) return;
        if ((Standing(wall, ssh) ?? ToBeRestored(session, policy, wall, ssh)) is not { } ban) return;
        ValueOrigin origin = policy.Values.First(v => v.Path == "allow" || v.Path.StartsWith("allow[", StringComparison.Ordinal)).Origin;
        SourceAddress client = ssh.Client;
        string end = ban.Until is { } until ? $"until {HumanTime.Time(until, TimeZoneInfo.Local)}" : "for ever";
        throw new CommandException(
            ExitCode.Usage,
            $"{origin}: 'allow' does not hold {client}, the client of your ssh session, and {ban.Target} is banned {end}: this wall would cut you off, so nothing was changed; add {client} to 'allow', or run 'ratewall unban {ban.Target}' first");
    }

    private static BanElement? Standing(KernelWall wall, SshSession.Connection ssh)
    {
        if (!wall.Present) return null;
        var single = AddressPrefix.Single(ssh.Client);
        if (wall.Bans.FindCovering(single) is { } ban) return ban;
        // A wall of an earlier version knows no bans of one service.
        if (ssh.ServerPort == 0 || !wall.Sets().Any(s => s.Name == WallTable.Set(WallTable.BanPort, single.IsIPv4))) return null;
        return wall.Bans.FindAt(single, [ssh.ServerPort]) ?? (single.IsIPv4 ? null : wall.Bans.FindAt(AddressPrefix.Of(ssh.Client, 64), [ssh.ServerPort]));
    }

    // A wall that is new gets back what the history says is in force.
    private static BanElement? ToBeRestored(Session session, EffectivePolicy policy, KernelWall wall, SshSession.Connection ssh)
    {
        if (wall.Present && AppliedWall.Read(session.StateDirectory) is { Listing: not null }) return null;
        using StateDatabase? state = StateDatabase.OpenReadOnly(session.StateDirectory);
        if (state is null) return null;
        DateTimeOffset now = session.Time.GetUtcNow();
        bool IsForTheSession(string scope) => scope == StoredBan.AllPorts || policy.Enabled.Any(s => s.Name == scope && s.Ports.Contains(ssh.ServerPort));
        return Enumerable.Range(0, AddressPrefix.Single(ssh.Client).Length + 1)
            .SelectMany(length => state.BansOf(AddressPrefix.Of(ssh.Client, length)))
            .Where(b => b.IsInForce(now) && IsForTheSession(b.Scope))
            .Select(b => new BanElement(b.Target, b.Until))
            .MaxBy(b => b.Until);
    }
}
