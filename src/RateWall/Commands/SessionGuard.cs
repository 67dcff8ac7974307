using RateWall.Detection;
using RateWall.Output;
using RateWall.Policy;
using RateWall.Storage;
using RateWall.Wall;

namespace RateWall.Commands;

/// <summary>
/// Keeps `apply` from cutting the ssh session it is typed in, and from shutting the way back. No limit cuts a connection that
/// stands, and none lets nobody in. What cuts is a ban of the session's source, and what shuts is a lockdown without an
/// exception for it, once the policy's allow list does not hold that source (any more).
/// </summary>
internal static class SessionGuard
{
    /// <exception cref="CommandException">The session would be cut, or nobody could come back; the text names the policy's line and the cause.</exception>
    public static void MustSurvive(Session session, EffectivePolicy policy, KernelWall wall, SourceKeys keys)
    {
        if (SshSession.Find() is not { } ssh || policy.Allow.Any(n => n.Contains(ssh.Client))) return;
        ValueOrigin origin = policy.Values.First(v => v.Path == "allow" || v.Path.StartsWith("allow[", StringComparison.Ordinal)).Origin;
        SourceAddress client = ssh.Client;
        string said = $"{origin}: 'allow' does not hold {client}, the client of your ssh session, and";
        if ((Standing(wall, ssh) ?? ToBeRestored(session, policy, wall, ssh)) is { } ban)
        {
            string end = ban.Until is { } until ? $"until {HumanTime.Time(until, TimeZoneInfo.Local)}" : "for ever";
            throw new CommandException(
                ExitCode.Usage,
                $"{said} {ban.Target} is banned {end}: this wall would cut you off, so nothing was changed; add {client} to 'allow', or run 'ratewall unban {ban.Target}' first");
        }

        if (Shutting(session, policy, keys, ssh) is not { } shut) return;
        throw new CommandException(
            ExitCode.Usage,
            $"{said} {shut.Service} is in lockdown until {HumanTime.Time(shut.Until, TimeZoneInfo.Local)} without an exception for it: this wall would let you in no more, so nothing was changed; add {client} to 'allow', or run 'ratewall lockdown {shut.Service}' again, which excepts you, or with --end, first");
    }

    /// <summary>What this guard cannot judge, and how to apply it safely all the same.</summary>
    public static void TellOfTemplates(Session session, WallTemplates templates)
    {
        if (templates.Overrides.Count == 0 || SshSession.Find() is not { } ssh) return;
        session.Error.WriteLine($"ratewall: warning: whether your own templates let {ssh.Client}, the client of your ssh session, in is not known; 'ratewall apply --confirm 90s' takes a wall back that does not");
    }

    // In the kernel, or written down: a new wall gets it back. On whatever ports the service had, it has it on those it has now.
    private static (string Service, DateTimeOffset Until)? Shutting(Session session, EffectivePolicy policy, SourceKeys keys, SshSession.Connection ssh)
    {
        DateTimeOffset now = session.Time.GetUtcNow();
        AddressPrefix key = keys.KeyOf(ssh.Client);
        SourceStanding kernel = SourceStanding.Read(key, policy, session.Time);
        using StateDatabase? state = StateDatabase.OpenReadOnly(session.StateDirectory);
        StoredMeasure[] recorded = [.. (state?.Measures(now) ?? []).Where(m => m.Kind == MeasureKind.Lockdown)];
        foreach (ServicePolicy service in policy.Enabled.Where(s => LockdownCommand.IsWayIn(s, ssh)))
        {
            IEnumerable<Lockdown> lockdowns =
            [
                .. service.Ports.Where(kernel.Lockdowns.ContainsKey).Select(p => kernel.Lockdowns[p]),
                .. recorded.Where(m => m.Service == service.Name).Select(m => new Lockdown(m.Until, m.Trusted, m.Except)),
            ];
            foreach (Lockdown lockdown in lockdowns)
                if (!lockdown.Except.Any(n => n.Contains(ssh.Client)) && !(lockdown.Trusted && IsTrusted(service.Family))) return (service.Name, lockdown.Until);
        }

        return null;

        bool IsTrusted(string family) => kernel.Trusted.ContainsKey(family)
            || (state is not null && state.SuccessesSince(now - policy.Trust.For).Any(s => s.Key == key && s.Family == family));
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
