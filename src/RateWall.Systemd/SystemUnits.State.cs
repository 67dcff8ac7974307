namespace RateWall.Systemd;

/// <content>What is asked about units.</content>
public sealed partial class SystemUnits
{
    /// <summary>The most processes of a unit that are told.</summary>
    public const int MostProcesses = 1 << 16;

    /// <summary>The most units that are followed from one that is to be stopped.</summary>
    public const int MostUnits = 1024;

    private const int MostCommandLineBytes = 1024;

    /// <summary>A unit as it is now; one that nobody knows has the load state "not-found".</summary>
    /// <exception cref="SystemdException">This is no unit's name, PID 1 refused, or the connection is gone.</exception>
    public UnitState State(string unit)
    {
        string path = PathOf(unit);
        UnitProperties found = Properties(path);
        string? control = ControlGroupInterface(found.Id);
        return new(
            found.Id, found.LoadState, found.ActiveState, found.SubState,
            control is null ? null : Limited(Get(path, control, "TasksCurrent", "t", value => value.UInt64())),
            control is null ? null : Limited(Get(path, control, "TasksMax", "t", value => value.UInt64())),
            control == ServiceInterface ? Get(path, control, "NRestarts", "u", value => value.UInt32()) : 0,
            Convert.ToHexStringLower(found.InvocationId),
            found.ActiveEnterMicroseconds is 0 or > MostMicroseconds ? null : DateTimeOffset.UnixEpoch.AddMicroseconds(found.ActiveEnterMicroseconds));
    }

    /// <summary>A unit's ActiveState ("active", "inactive", "failed" and so on); a unit that is not loaded is "inactive".</summary>
    /// <exception cref="SystemdException">PID 1 refused, or the connection is gone.</exception>
    public string ActiveState(string unit)
    {
        try
        {
            using BusReply found = Call("GetUnit", call => call.String(unit));
            return Get(found.ObjectPath(), UnitInterface, "ActiveState", "s", value => value.String());
        }
        catch (SystemdException e) when (e.BusError == NoSuchUnit)
        {
            return "inactive";
        }
    }

    /// <summary>The processes of a unit and of the control groups below it, <see cref="MostProcesses"/> at most; none when it does not run.</summary>
    /// <exception cref="SystemdException">PID 1 refused, or the connection is gone.</exception>
    public IReadOnlyList<UnitProcess> Processes(string unit)
    {
        try
        {
            using BusReply found = Call("GetUnitProcesses", call => call.String(unit));
            return found.Array(
                "(sus)", one => new UnitProcess(one.String(), (int)Math.Min(one.UInt32(), int.MaxValue), one.String(MostCommandLineBytes)), MostProcesses);
        }
        catch (SystemdException e) when (e.BusError == NoSuchUnit)
        {
            return [];
        }
    }

    /// <summary>
    /// The active units that PID 1 stops too when this one is stopped: those that require it, are bound to it or part of it, or
    /// that it hands its stop on to (systemd.unit(5)), and so on from each of these.
    /// </summary>
    /// <exception cref="SystemdException">
    /// There are more than <see cref="MostUnits"/> of them, PID 1 refused, or the connection is gone.
    /// </exception>
    public IReadOnlyList<string> StoppedWith(string unit)
    {
        UnitProperties first = Properties(PathOf(unit));
        var seen = new HashSet<string>(StringComparer.Ordinal) { first.Id };
        var open = new Queue<string>(first.StopsToo);
        var active = new List<string>();
        while (open.TryDequeue(out string? next))
        {
            if (!seen.Add(next)) continue;
            if (seen.Count > MostUnits) throw new SystemdException($"looking what stops with {unit}", 0, $"more than {MostUnits} units");
            UnitProperties found = Properties(PathOf(next));
            // An inactive unit hands a stop on all the same.
            foreach (string further in found.StopsToo) open.Enqueue(further);
            if (found.IsActive) active.Add(found.Id);
        }

        active.Sort(StringComparer.Ordinal);
        return active;
    }

    /// <summary>The active sockets, paths, timers and so on that would start a stopped unit again.</summary>
    /// <exception cref="SystemdException">PID 1 refused, or the connection is gone.</exception>
    public IReadOnlyList<string> TriggersOf(string unit) =>
        [.. Properties(PathOf(unit)).TriggeredBy.Where(trigger => Properties(PathOf(trigger)).IsActive).Order(StringComparer.Ordinal)];

    /// <summary>The object of a unit, which PID 1 loads for that if it can.</summary>
    internal string PathOf(string unit)
    {
        using BusReply found = Call("LoadUnit", call => call.String(unit));
        return found.ObjectPath();
    }

    private T Get<T>(string path, string @interface, string property, string type, Func<BusReply, T> read)
    {
        using BusReply value = bus.Call(Destination, path, PropertiesInterface, "Get", call => call.String(@interface).String(property));
        return value.Variant(type, read);
    }

    // All in one answer, so that they are of the same moment.
    private UnitProperties Properties(string path)
    {
        using BusReply all = bus.Call(Destination, path, PropertiesInterface, "GetAll", call => call.String(UnitInterface));
        var found = new UnitProperties();
        all.Properties((name, value) =>
        {
            switch (name)
            {
                case "Id": found.Id = value.Variant("s", v => v.String()); break;
                case "LoadState": found.LoadState = value.Variant("s", v => v.String()); break;
                case "ActiveState": found.ActiveState = value.Variant("s", v => v.String()); break;
                case "SubState": found.SubState = value.Variant("s", v => v.String()); break;
                case "InvocationID": found.InvocationId = value.Variant("ay", v => v.Bytes()); break;
                case "ActiveEnterTimestamp": found.ActiveEnterMicroseconds = value.Variant("t", v => v.UInt64()); break;
                case "TriggeredBy": found.TriggeredBy = value.Variant("as", v => v.Strings()); break;
                // The kinds of dependency with UNIT_ATOM_PROPAGATE_STOP (systemd's unit-dependency-atom.c).
                case "RequiredBy" or "RequisiteOf" or "BoundBy" or "ConsistsOf" or "PropagatesStopTo":
                    found.StopsToo.AddRange(value.Variant("as", v => v.Strings()));
                    break;
                default: value.Skip("v"); break;
            }
        });
        return found;
    }

    // UINT64_MAX stands for "not known" and for "infinity".
    private static ulong? Limited(ulong value) => value == ulong.MaxValue ? null : value;

    // The kinds of unit that have a control group, and where their numbers are found.
    private static string? ControlGroupInterface(string unit) => unit[(unit.LastIndexOf('.') + 1)..] switch
    {
        "service" => ServiceInterface,
        "scope" => Destination + ".Scope",
        "slice" => Destination + ".Slice",
        "socket" => Destination + ".Socket",
        "mount" => Destination + ".Mount",
        "swap" => Destination + ".Swap",
        _ => null,
    };

    /// <summary>What is read of a unit's properties.</summary>
    private sealed class UnitProperties
    {
        public string Id { get; set; } = "";

        public string LoadState { get; set; } = "";

        public string ActiveState { get; set; } = "";

        public string SubState { get; set; } = "";

        public byte[] InvocationId { get; set; } = [];

        public ulong ActiveEnterMicroseconds { get; set; }

        public IReadOnlyList<string> TriggeredBy { get; set; } = [];

        public List<string> StopsToo { get; } = [];

        public bool IsActive => ActiveState is "active" or "reloading" or "activating" or "refreshing";
    }
}
