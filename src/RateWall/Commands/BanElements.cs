using RateWall.Policy;
using RateWall.Storage;
using RateWall.Wall;

namespace RateWall.Commands;

/// <summary>A ban of the history as the kernel is to have it: its scope in ports.</summary>
internal static class BanElements
{
    /// <summary>The element; at a service that policy no longer knows it has no ports, and closes nothing.</summary>
    public static BanElement Of(StoredBan ban, EffectivePolicy policy) =>
        new(ban.Target, ban.Until) { Ports = ban.Scope == StoredBan.AllPorts ? null : policy.PortsOf(ban.Scope) };
}
