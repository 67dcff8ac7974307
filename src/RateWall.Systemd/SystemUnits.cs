namespace RateWall.Systemd;

/// <summary>A command that PID 1 runs once, after a time.</summary>
/// <param name="Name">The unit's name without suffix, unique to this act.</param>
/// <param name="Description">For `systemctl list-timers`.</param>
/// <param name="After">How long from now, by the clock that no setting of the time changes.</param>
/// <param name="Command">The program's absolute path and its arguments.</param>
/// <param name="Environment">"NAME=value" of the command; it has nothing of the caller's.</param>
public sealed record TransientTimer(
    string Name, string Description, TimeSpan After, IReadOnlyList<string> Command, IReadOnlyList<string> Environment);

/// <summary>Units of PID 1 (org.freedesktop.systemd1(5)).</summary>
public sealed partial class SystemUnits(SystemBus bus, TimeProvider time)
{
    internal const string Destination = "org.freedesktop.systemd1";
    internal const string Root = "/org/freedesktop/systemd1";
    internal const string Manager = Destination + ".Manager";

    private const string UnitInterface = Destination + ".Unit";
    private const string ServiceInterface = Destination + ".Service";
    private const string PropertiesInterface = "org.freedesktop.DBus.Properties";
    private const string NoSuchUnit = Destination + ".NoSuchUnit";

    /// <summary>The year 9999's end, which no time goes beyond.</summary>
    private const ulong MostMicroseconds = 253_402_300_799_000_000;

    private static readonly TimeSpan StartPatience = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan StartPause = TimeSpan.FromMilliseconds(5);

    /// <summary>
    /// Starts a timer with a service of its own, and returns when the timer is active: from then on it outlives the caller and
    /// the caller's session. It fires to the second (the default is to the minute), and its command is tried again every five
    /// seconds while it fails. It does not outlive a reboot.
    /// </summary>
    /// <exception cref="SystemdException">PID 1 refused, or the timer did not become active; then it is stopped.</exception>
    public void StartTimer(TransientTimer timer)
    {
        ArgumentNullException.ThrowIfNull(timer);
        string unit = timer.Name + ".timer";
        using (Call("StartTransientUnit", call => call
            .String(unit)
            .String("fail")
            .Array("(sv)", properties => TimerProperties(properties, timer))
            .Array("(sa(sv))", others => others.Struct("sa(sv)", service => service
                .String(timer.Name + ".service")
                .Array("(sv)", properties => ServiceProperties(properties, timer))))))
        {
        }

        long started = time.GetTimestamp();
        while (ActiveState(unit) != "active")
        {
            if (time.GetElapsedTime(started) > StartPatience)
            {
                Stop(unit);
                throw new SystemdException($"starting {unit}", 0, $"it is not active after {StartPatience.TotalSeconds:0} s; see 'journalctl -u {unit}'");
            }

            Thread.Sleep(StartPause); // the answer came when the job was queued; it runs in the same breath
        }
    }

    /// <summary>Starts a unit; the answer comes when the job is queued.</summary>
    /// <exception cref="SystemdException">PID 1 refused: it knows no such unit, or the unit may not be started by hand.</exception>
    public void Start(string unit)
    {
        using BusReply job = Call("StartUnit", call => call.String(unit).String("replace"));
    }

    /// <summary>
    /// Restarts a unit that runs, and what depends on it; one that somebody stopped stays so. The answer comes when the job is queued.
    /// </summary>
    /// <exception cref="SystemdException">PID 1 refused: it knows no such unit, or the unit may not be restarted by hand.</exception>
    public void Restart(string unit)
    {
        using BusReply job = Call("TryRestartUnit", call => call.String(unit).String("replace"));
    }

    /// <summary>Stops a unit; one that is not there is stopped. The answer comes when the job is queued.</summary>
    /// <exception cref="SystemdException">PID 1 refused.</exception>
    public void Stop(string unit)
    {
        try
        {
            using BusReply job = Call("StopUnit", call => call.String(unit).String("replace"));
        }
        catch (SystemdException e) when (e.BusError == NoSuchUnit)
        {
            // It has run out, or was stopped by somebody else.
        }
    }

    /// <summary>Calls a method of PID 1 itself.</summary>
    internal BusReply Call(string method, Action<BusWriter>? write = null) => bus.Call(Destination, Root, Manager, method, write);

    private static void TimerProperties(BusWriter properties, TransientTimer timer)
    {
        Property(properties, "Description", "s", value => value.String(timer.Description));
        Property(properties, "TimersMonotonic", "a(st)", value => value
            .Array("(st)", timers => timers.Struct("st", one => one.String("OnActiveSec").UInt64((ulong)timer.After.TotalMicroseconds))));
        Property(properties, "AccuracyUSec", "t", value => value.UInt64(1_000_000));
        // When it has fired nothing is left of it.
        Property(properties, "RemainAfterElapse", "b", value => value.Boolean(false));
    }

    private static void ServiceProperties(BusWriter properties, TransientTimer timer)
    {
        Property(properties, "Description", "s", value => value.String(timer.Description));
        Property(properties, "Type", "s", value => value.String("oneshot"));
        Property(properties, "ExecStart", "a(sasb)", value => value
            .Array("(sasb)", commands => commands.Struct("sasb", one => one.String(timer.Command[0]).Strings(timer.Command).Boolean(false))));
        Property(properties, "Environment", "as", value => value.Strings(timer.Environment));
        // Five seconds apart, so that the limit of starts (five in ten seconds) never ends it.
        Property(properties, "Restart", "s", value => value.String("on-failure"));
        Property(properties, "RestartUSec", "t", value => value.UInt64(5_000_000));
    }

    private static void Property(BusWriter properties, string name, string type, Action<BusWriter> write) =>
        properties.Struct("sv", property => property.String(name).Variant(type, write));
}
