using RateWall.Output;
using RateWall.Policy;
using RateWall.Wall;

namespace RateWall.Commands;

/// <summary>Sieges and lockdowns as the kernel has them, by service. One that holds only some ports of a service is told too.</summary>
/// <param name="Sieges">Ports under siege.</param>
/// <param name="Lockdowns">Ports in lockdown.</param>
/// <param name="Now">The time they were read.</param>
internal sealed record PortsInForce(
    IReadOnlyDictionary<int, DateTimeOffset> Sieges, IReadOnlyDictionary<int, Lockdown> Lockdowns, DateTimeOffset Now)
{
    /// <summary>Asks the kernel; nothing where no wall knows ports.</summary>
    public static PortsInForce Read(KernelPorts kernel, DateTimeOffset now) => kernel.WallKnowsPorts
        ? new(kernel.Sieges(), kernel.Lockdowns(), now)
        : new(new Dictionary<int, DateTimeOffset>(), new Dictionary<int, Lockdown>(), now);

    /// <summary>The siege of a service that lasts longest, or null.</summary>
    public SiegeForm? SiegeOf(ServicePolicy service)
    {
        DateTimeOffset[] deadlines = [.. service.Ports.Where(Sieges.ContainsKey).Select(p => Sieges[p])];
        return deadlines.Length == 0 ? null : new(HumanTime.Rfc3339(deadlines.Max()), Remaining(deadlines.Max()));
    }

    /// <summary>The lockdown of a service that lasts longest, or null.</summary>
    public LockdownForm? LockdownOf(ServicePolicy service)
    {
        Lockdown? longest = service.Ports.Where(Lockdowns.ContainsKey).Select(p => Lockdowns[p]).MaxBy(l => l.Until);
        return longest is null
            ? null
            : new(HumanTime.Rfc3339(longest.Until), Remaining(longest.Until), longest.Trusted, [.. longest.Except.Select(n => n.ToString())]);
    }

    private long Remaining(DateTimeOffset until) => HumanTime.RemainingSeconds(until, Now) ?? 0;
}
