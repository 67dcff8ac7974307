using RateWall.Detection;
using RateWall.Netfilter;
using RateWall.Output;
using RateWall.Policy;
using RateWall.Storage;
using RateWall.Wall;

namespace RateWall.Commands;

/// <summary>
/// Sieges and lockdowns of services: written down first, so that a wall that is lost gets them back, then given to the kernel,
/// which ends them. Deadlines are absolute, so repeating is harmless. Callers hold the wall lock.
/// </summary>
/// <param name="state">Where they are written down.</param>
/// <param name="kernel">The wall's ports.</param>
/// <param name="policy">Which service has which ports.</param>
/// <param name="time">The clock.</param>
internal sealed class PortMeasures(StateDatabase state, KernelPorts kernel, EffectivePolicy policy, TimeProvider time)
{
    /// <summary>What ends no more than this too early stands: the kernel keeps milliseconds.</summary>
    private static readonly TimeSpan Tolerance = TimeSpan.FromMilliseconds(50);

    /// <summary>What ends no more than this too late is as it was said: a busy machine takes its time between clock and kernel.</summary>
    private static readonly TimeSpan Delay = TimeSpan.FromSeconds(10);

    /// <summary>Puts services under siege until a time. An earlier time than the one that stands changes nothing unless <paramref name="shorten"/>.</summary>
    /// <exception cref="NetfilterException">The kernel refused; what was written down before stands.</exception>
    public void Siege(IReadOnlyList<ServicePolicy> services, DateTimeOffset until, bool shorten = false)
    {
        Dictionary<string, StoredMeasure> standing = Standing(MeasureKind.Siege);
        DateTimeOffset UntilOf(ServicePolicy s) => !shorten && standing.TryGetValue(s.Name, out StoredMeasure? m) && m.Until > until ? m.Until : until;
        Set([.. services.Select(s => new StoredMeasure(MeasureKind.Siege, s.Name, s.Ports, UntilOf(s), Trusted: false, []))], shorten);
    }

    /// <summary>Locks services, exactly as said: what stood of their lockdown is replaced.</summary>
    /// <exception cref="NetfilterException">The kernel refused; what was written down before stands.</exception>
    public void Lock(IReadOnlyList<ServicePolicy> services, Lockdown lockdown) =>
        Set([.. services.Select(s => new StoredMeasure(MeasureKind.Lockdown, s.Name, s.Ports, lockdown.Until, lockdown.Trusted, lockdown.Except))], shorten: true);

    /// <summary>Ends the measure of each service now.</summary>
    /// <returns>The services that were under it.</returns>
    public IReadOnlyList<ServicePolicy> End(MeasureKind kind, IReadOnlyList<ServicePolicy> services)
    {
        Dictionary<string, StoredMeasure> standing = Standing(kind);
        state.EndMeasures(kind, [.. services.Select(s => s.Name)]);
        bool wall = kernel.WallKnowsPorts;
        return [.. services.Where(s =>
        {
            int[] ports = [.. s.Ports, .. standing.TryGetValue(s.Name, out StoredMeasure? m) ? m.Ports : []];
            int ended = !wall ? 0 : kind == MeasureKind.Siege ? kernel.EndSiege(ports) : kernel.EndLockdown(ports);
            return ended > 0 || standing.ContainsKey(s.Name);
        })];
    }

    /// <summary>
    /// Gives the kernel what is in force, on the ports that services have now; ports that a service had and no longer has are
    /// let go. What is there already stays as it is.
    /// </summary>
    /// <returns>What the kernel did not have as it should be.</returns>
    public IReadOnlyList<StoredMeasure> Restore()
    {
        IReadOnlyList<StoredMeasure> lost = Missing();
        foreach (StoredMeasure measure in lost)
        {
            int[] former = [.. measure.Ports.Except(policy.PortsOf(measure.Service))];
            if (measure.Kind == MeasureKind.Siege) kernel.EndSiege(former);
            else kernel.EndLockdown(former);
        }

        // After all endings: a port may have gone from one besieged service to another.
        StoredMeasure[] moved = [.. lost.Select(m => m with { Ports = policy.PortsOf(m.Service) })];
        foreach (StoredMeasure measure in moved) Put(measure, shorten: false);
        if (moved.Length > 0) state.SetMeasures(moved);
        return lost;
    }

    /// <summary>Measures in force that the kernel does not have as they should be.</summary>
    public IReadOnlyList<StoredMeasure> Missing()
    {
        IReadOnlyList<StoredMeasure> wanted = state.Measures(time.GetUtcNow());
        if (wanted.Count == 0) return [];
        if (!kernel.WallKnowsPorts) return wanted;
        IReadOnlyDictionary<int, DateTimeOffset> sieges = kernel.Sieges();
        IReadOnlyDictionary<int, Lockdown> lockdowns = kernel.Lockdowns();
        return [.. wanted.Where(m => !m.Ports.Order().SequenceEqual(policy.PortsOf(m.Service).Order()) || !m.Ports.All(p => Stands(m, p)))];

        bool Stands(StoredMeasure measure, int port) => measure.Kind == MeasureKind.Siege
            ? sieges.TryGetValue(port, out DateTimeOffset until) && until > measure.Until - Tolerance
            : lockdowns.TryGetValue(port, out Lockdown? stands) && stands.Until > measure.Until - Tolerance && stands.Until < measure.Until + Delay
                && stands.Trusted == measure.Trusted && stands.Except.SequenceEqual(KernelBans.OutermostOnly(measure.Except).Order());
    }

    /// <summary>For `plan`: a measure as a line of difference.</summary>
    public static string Line(StoredMeasure measure) => $"+{Word(measure)} {measure.Service} until {HumanTime.Rfc3339(measure.Until)}";

    /// <summary>"siege of imap".</summary>
    public static string Name(StoredMeasure measure) => $"{Word(measure)} of {measure.Service}";

    private static string Word(StoredMeasure measure) => measure.Kind == MeasureKind.Siege ? "siege" : "lockdown";

    private void Set(StoredMeasure[] measures, bool shorten)
    {
        if (measures.Length == 0) return;
        Dictionary<string, StoredMeasure> before = Standing(measures[0].Kind);
        state.SetMeasures(measures);
        try
        {
            foreach (StoredMeasure measure in measures) Put(measure, shorten);
        }
        catch (NetfilterException)
        {
            state.EndMeasures(measures[0].Kind, [.. measures.Select(m => m.Service)]);
            state.SetMeasures([.. measures.Where(m => before.ContainsKey(m.Service)).Select(m => before[m.Service])]);
            throw;
        }
    }

    private void Put(StoredMeasure measure, bool shorten)
    {
        if (measure.Kind == MeasureKind.Siege) kernel.Siege(measure.Ports, measure.Until, shorten);
        else kernel.Lock(measure.Ports, new Lockdown(measure.Until, measure.Trusted, measure.Except));
    }

    private Dictionary<string, StoredMeasure> Standing(MeasureKind kind) =>
        state.Measures(time.GetUtcNow()).Where(m => m.Kind == kind).ToDictionary(m => m.Service, StringComparer.Ordinal);
}
