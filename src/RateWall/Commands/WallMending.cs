using RateWall.Detection;
using RateWall.Output;
using RateWall.Policy;
using RateWall.Storage;
using RateWall.Wall;

namespace RateWall.Commands;

/// <summary>
/// `correlate` looks after the wall: what somebody else changed or took away since the last `apply` it puts back as it was
/// applied, bans with what remains of them. A policy that was edited and not applied is not applied here either, and a wall
/// that was removed stays away.
/// </summary>
internal static class WallMending
{
    /// <summary>Mends, and says in one line what was wrong; null when nothing was.</summary>
    public static string? Run(Session session, EffectivePolicy policy, KernelWall wall, Exemptions exemptions, StateDatabase state)
    {
        using StateLock held = StateLock.Wall(session.StateDirectory, session.Time, session.Error);
        SourceKeys keys = exemptions.Keys;
        uint generation = wall.Generation();
        // The networks this host is on may have changed although nobody touched the wall.
        if (wall.IsKnownSound || wall.Mend(keys) is not { } damage)
        {
            wall.Bans.AlignByHost(keys);
            return null;
        }

        var restoration = new Restoration(state, wall, policy, session.Time) { Connections = new(policy, exemptions, session.Time) };
        Restored back = damage.Gone || damage.Unfinished ? restoration.All() : restoration.PutBack(restoration.Missing());
        wall.MarkMended();
        if (!damage.Any && !back.Any)
        {
            if (wall.Generation() == generation) wall.MarkSound(generation);
            return null;
        }

        string mended = Sentence(damage, back);
        session.Error.WriteLine($"ratewall: {mended}");
        ApplyCommand.TellOfFullSets(session, restoration);
        ApplyCommand.EndConnections(session, restoration);
        return mended;
    }

    private static string Sentence(WallDamage damage, Restored back)
    {
        var wrong = new List<string>();
        if (damage.Gone) wrong.Add("it was gone");
        if (damage.Unfinished) wrong.Add("an 'apply' had been interrupted");
        if (damage.Rules < 0) wrong.Add("its rules had been changed");
        if (damage.Rules > 0) wrong.Add($"{HumanCount.Of(damage.Rules, "line")} of its rules had been changed");
        if (damage.Allowed) wrong.Add("the allow list had been changed");
        if (damage.Hooks.Count > 0) wrong.Add($"{string.Join(", ", damage.Hooks)} had come and was not hooked");
        if (back.Any) wrong.Add($"{back} put back");
        return $"the wall was mended: {string.Join("; ", wrong)}";
    }
}
