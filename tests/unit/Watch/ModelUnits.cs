using RateWall.Systemd;
using RateWall.Watch;

namespace RateWall.UnitTests.Watch;

/// <summary>A PID 1 with the rules that matter here: timers fire, sockets start their service again, a stop takes dependents down.</summary>
internal sealed class ModelUnits : IUnitManager
{
    private readonly Dictionary<string, (DateTimeOffset At, IReadOnlyList<string> Units)> timers = new(StringComparer.Ordinal);
    private readonly HashSet<string> active = new(StringComparer.Ordinal);
    private int runs;

    public ModelUnits(DateTimeOffset now, params string[] units)
    {
        Now = now;
        foreach (string unit in units) StartUnit(unit);
        Calls.Clear();
    }

    public DateTimeOffset Now { get; private set; }

    /// <summary>What was asked of it that changes anything.</summary>
    public List<string> Calls { get; } = [];

    /// <summary>How many tasks each unit has while it runs.</summary>
    public ulong Tasks { get; set; }

    /// <summary>What requires what.</summary>
    public Dictionary<string, string[]> Dependents { get; } = new(StringComparer.Ordinal);

    /// <summary>What starts what.</summary>
    public Dictionary<string, string[]> Triggers { get; } = new(StringComparer.Ordinal);

    /// <summary>Units that refuse to be stopped.</summary>
    public HashSet<string> Unstoppable { get; } = new(StringComparer.Ordinal);

    public IReadOnlyCollection<string> Timers => timers.Keys;

    public string Run { get; private set; } = "";

    public bool IsActive(string unit) => active.Contains(unit);

    public void Pass(TimeSpan time)
    {
        Now += time;
        foreach ((string timer, (DateTimeOffset at, IReadOnlyList<string> units)) in timers.Where(t => t.Value.At <= Now).ToList())
        {
            timers.Remove(timer);
            foreach (string unit in units) Begin(unit);
        }
    }

    /// <summary>The machine is started anew: transient timers are gone, and everything that is enabled runs.</summary>
    public void Reboot(params string[] enabled)
    {
        timers.Clear();
        active.Clear();
        foreach (string unit in enabled) Begin(unit);
    }

    public UnitLook? Look(string unit, bool withProcesses, DateTimeOffset at) => new(
        at, unit, active.Contains(unit) ? "active" : "inactive", active.Contains(unit) ? Tasks : null, 100, Run, new Dictionary<string, long>(StringComparer.Ordinal));

    public bool Holds(string timer) => timers.ContainsKey(timer);

    public IReadOnlyList<string> StoppedWith(string unit) => [.. Dependents.GetValueOrDefault(unit, []).Where(active.Contains)];

    public IReadOnlyList<string> TriggersOf(string unit) => [.. Triggers.GetValueOrDefault(unit, []).Where(active.Contains)];

    public void StartTimer(ReturnTimer timer)
    {
        Calls.Add("timer");
        timers.Add(timer.Name, (Now + timer.After, timer.Units));
    }

    public void EndTimer(string timer) => timers.Remove(timer);

    public void RestartUnit(string unit)
    {
        Calls.Add($"restart {unit}");
        if (active.Remove(unit)) Begin(unit);
    }

    public void StartUnit(string unit)
    {
        Calls.Add($"start {unit}");
        Begin(unit);
    }

    public void StopUnit(string unit)
    {
        if (Unstoppable.Contains(unit)) throw new SystemdException($"stopping {unit}", 1, "it refuses") { BusError = "org.freedesktop.systemd1.OnlyByDependency" };
        Calls.Add($"stop {unit}");
        active.Remove(unit);
        foreach (string dependent in Dependents.GetValueOrDefault(unit, [])) active.Remove(dependent);
        // Somebody connects at once.
        if (Triggers.GetValueOrDefault(unit, []).Any(active.Contains)) Begin(unit);
    }

    public bool Wait(TimeSpan longest) => false;

    public void Dispose()
    {
    }

    private void Begin(string unit)
    {
        if (!active.Add(unit)) return;
        if (unit.EndsWith(".service", StringComparison.Ordinal)) Run = $"run {++runs}";
    }
}
