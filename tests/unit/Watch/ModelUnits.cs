using RateWall.Systemd;
using RateWall.Watch;

namespace RateWall.UnitTests.Watch;

/// <summary>
/// A PID 1 with the rules that matter here: timers fire, sockets start their service again but not while both are being
/// stopped, a socket is not started while its service runs, a stop takes dependents down.
/// </summary>
internal sealed class ModelUnits : IUnitManager
{
    private readonly Dictionary<string, (DateTimeOffset At, IReadOnlyList<string> Units)> timers = new(StringComparer.Ordinal);
    private readonly HashSet<string> active = new(StringComparer.Ordinal);
    private readonly HashSet<string> failed = new(StringComparer.Ordinal);
    private readonly List<string> stopping = [];
    private readonly Dictionary<string, string> runs = new(StringComparer.Ordinal);
    private int started;

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

    /// <summary>Units that refuse to be started.</summary>
    public HashSet<string> Unstartable { get; } = new(StringComparer.Ordinal);

    /// <summary>Units of which nothing is told.</summary>
    public HashSet<string> Refused { get; } = new(StringComparer.Ordinal);

    public IReadOnlyCollection<string> Timers => timers.Keys;

    public bool IsActive(string unit)
    {
        HaveStopped();
        return active.Contains(unit);
    }

    public void Pass(TimeSpan time)
    {
        HaveStopped();
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

    /// <summary>A unit ends by itself.</summary>
    public void Crash(string unit)
    {
        active.Remove(unit);
        failed.Add(unit);
    }

    public UnitLook? Look(string unit, bool withProcesses, DateTimeOffset at)
    {
        HaveStopped();
        if (Refused.Contains(unit)) throw Refusal($"looking at {unit}");
        return new(at, unit, active.Contains(unit) ? "active" : failed.Contains(unit) ? "failed" : "inactive", active.Contains(unit) ? Tasks : null, 100, runs.GetValueOrDefault(unit, ""), new Dictionary<string, long>(StringComparer.Ordinal));
    }

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
        if (Unstartable.Contains(unit)) throw Refusal($"starting {unit}");
        Calls.Add($"start {unit}");
        HaveStopped();
        Begin(unit);
    }

    public void StopUnit(string unit)
    {
        if (Unstoppable.Contains(unit)) throw Refusal($"stopping {unit}");
        if (!active.Remove(unit)) return;
        Calls.Add($"stop {unit}");
        stopping.Add(unit);
        foreach (string dependent in Dependents.GetValueOrDefault(unit, [])) active.Remove(dependent);
    }

    public bool Wait(TimeSpan longest) => false;

    public void Dispose()
    {
    }

    // What is asked for in one breath PID 1 does as one; then somebody connects at once.
    private void HaveStopped()
    {
        foreach (string unit in stopping)
            if (Triggers.GetValueOrDefault(unit, []).Any(active.Contains)) Begin(unit);
        stopping.Clear();
    }

    private static SystemdException Refusal(string operation) => new(operation, 1, "it refuses") { BusError = "org.freedesktop.systemd1.OnlyByDependency" };

    private void Begin(string unit)
    {
        // systemd's socket_start
        if (Triggers.Any(t => t.Value.Contains(unit, StringComparer.Ordinal) && active.Contains(t.Key)) || Unstartable.Contains(unit)) return;
        failed.Remove(unit);
        if (active.Add(unit)) runs[unit] = $"run {++started}";
    }
}
