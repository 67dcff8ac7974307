using RateWall.Systemd;

namespace RateWall.Watch;

/// <summary>PID 1 of this machine.</summary>
internal sealed class SystemdUnits : IUnitManager
{
    // Both are one directory where /usr is merged; elsewhere it is /bin.
    private static readonly string[] Systemctl = ["/usr/bin/systemctl", "/bin/systemctl"];

    private readonly SystemBus bus;
    private readonly SystemUnits units;
    private readonly UnitSignals signals;

    private SystemdUnits(SystemBus bus, TimeProvider time)
    {
        this.bus = bus;
        units = new(bus, time);
        signals = new(bus, time);
    }

    /// <summary>Connects, and hears of these units from then on.</summary>
    /// <exception cref="SystemdException">Nobody listens, or the caller may not.</exception>
    public static SystemdUnits Connect(IReadOnlyCollection<string> watched, TimeProvider time)
    {
        var connected = new SystemdUnits(SystemBus.Connect(), time);
        try
        {
            connected.signals.Subscribe(watched);
            return connected;
        }
        catch (SystemdException)
        {
            connected.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public UnitLook? Look(string unit, bool withProcesses, DateTimeOffset at)
    {
        UnitState state = units.State(unit);
        if (state.LoadState == "not-found") return null;
        var processes = new Dictionary<string, long>(StringComparer.Ordinal);
        if (withProcesses || state.TasksCurrent is null)
            foreach (UnitProcess process in units.Processes(unit)) processes[process.Name] = processes.GetValueOrDefault(process.Name) + 1;
        return new(at, unit, state.ActiveState, state.TasksCurrent, state.TasksMax, state.InvocationId, processes);
    }

    /// <inheritdoc/>
    public bool Holds(string timer) =>
        units.ActiveState($"{timer}.timer") is "active" or "activating" || units.ActiveState($"{timer}.service") is "active" or "activating";

    /// <inheritdoc/>
    public IReadOnlyList<string> StoppedWith(string unit)
    {
        // Asked for by another name (Alias=) it stops under its own, which may be one that is never stopped.
        string own = units.State(unit).Name;
        return own == unit ? units.StoppedWith(unit) : [own, .. units.StoppedWith(unit)];
    }

    /// <inheritdoc/>
    public IReadOnlyList<string> TriggersOf(string unit) => units.TriggersOf(unit);

    /// <inheritdoc/>
    public void StartTimer(ReturnTimer timer)
    {
        string program = Array.Find(Systemctl, File.Exists)
            ?? throw new SystemdException("starting a timer", 0, $"there is no systemctl, which it would run ({string.Join(", ", Systemctl)})");
        units.StartTimer(new(timer.Name, timer.Description, timer.After, [program, "start", "--no-block", "--", .. timer.Units], []));
    }

    /// <inheritdoc/>
    public void EndTimer(string timer)
    {
        units.Stop($"{timer}.timer");
        // What it runs is tried again while it fails, also when there is nothing left to start.
        units.Stop($"{timer}.service");
    }

    /// <inheritdoc/>
    public void RestartUnit(string unit) => units.Restart(unit);

    /// <inheritdoc/>
    public void StartUnit(string unit) => units.Start(unit);

    /// <inheritdoc/>
    public void StopUnit(string unit) => units.Stop(unit);

    /// <inheritdoc/>
    public bool Wait(TimeSpan longest) => signals.Wait(longest).Count > 0;

    /// <inheritdoc/>
    public void Dispose() => bus.Dispose();
}
