using System.Runtime.InteropServices;

namespace RateWall.Systemd;

/// <summary>
/// Tells when something happened to units. It says where to look and nothing else: anybody on the bus can send such a signal,
/// and one can be lost while PID 1 executes itself anew.
/// </summary>
public sealed class UnitSignals(SystemBus bus, TimeProvider time)
{
    /// <summary>So many messages are taken at once.</summary>
    public const int MostAtOnce = 1024;

    private const string AlreadySubscribed = "org.freedesktop.systemd1.AlreadySubscribed";

    private readonly SystemUnits manager = new(bus, time);
    private readonly List<string> matches = [];
    private Dictionary<string, List<string>> namesOfPaths = [];
    private Dictionary<string, string> pathsOfUnits = [];

    /// <summary>Wants to hear of these units from now on, and of no others.</summary>
    /// <param name="units">Names with suffix; also other names of a unit (Alias=). Of one that PID 1 refuses nothing is heard.</param>
    /// <exception cref="SystemdException">The bus refused, or the connection is gone.</exception>
    public void Subscribe(IReadOnlyCollection<string> units)
    {
        ArgumentNullException.ThrowIfNull(units);
        foreach (string match in matches) AtDaemon("RemoveMatch", match);
        matches.Clear();
        namesOfPaths = new(StringComparer.Ordinal);
        pathsOfUnits = new(StringComparer.Ordinal);
        foreach (string unit in units)
        {
            if (PathOf(unit) is not { } path) continue;
            if (namesOfPaths.TryGetValue(path, out List<string>? names))
            {
                names.Add(unit);
                continue;
            }

            namesOfPaths[path] = [unit];
            string own = NameOf(path);
            pathsOfUnits[own] = path;
            Match($"interface='org.freedesktop.DBus.Properties',member='PropertiesChanged',path='{path}'");
            Match($"interface='{SystemUnits.Manager}',member='JobRemoved',path='{SystemUnits.Root}',arg2='{own}'");
        }

        try
        {
            using BusReply done = manager.Call("Subscribe");
        }
        catch (SystemdException e) when (e.BusError == AlreadySubscribed)
        {
            // By an earlier call on this connection; one is enough.
        }
    }

    /// <summary>Waits until a unit's properties changed or a job of it ended, no longer than so long.</summary>
    /// <returns>Their names as they were given; none when the time is over, or too many other messages came.</returns>
    /// <exception cref="SystemdException">The connection is gone.</exception>
    public IReadOnlyList<string> Wait(TimeSpan longest)
    {
        var changed = new SortedSet<string>(StringComparer.Ordinal);
        long started = time.GetTimestamp();
        int taken = 0;
        while (true)
        {
            while (taken < MostAtOnce && bus.TryReceive() is { } message)
            {
                taken++;
                using (message)
                    if (PathIn(message) is { } path && namesOfPaths.TryGetValue(path, out List<string>? names)) changed.UnionWith(names);
            }

            TimeSpan left = longest - time.GetElapsedTime(started);
            if (changed.Count > 0 || taken == MostAtOnce || left <= TimeSpan.Zero) return [.. changed];
            bus.WaitForMessage(left);
        }
    }

    // Who asks for the unit's state is told why; the others are to be heard of all the same.
    private string? PathOf(string unit)
    {
        try
        {
            return manager.PathOf(unit);
        }
        catch (SystemdException e) when (!e.IsConnectionLost)
        {
            return null;
        }
    }

    private string? PathIn(BusReply message)
    {
        if (message.IsSignal("org.freedesktop.DBus.Properties", "PropertiesChanged")) return message.Path;
        if (!message.IsSignal(SystemUnits.Manager, "JobRemoved")) return null;
        try
        {
            message.Skip("uo");
            return pathsOfUnits.GetValueOrDefault(message.String());
        }
        catch (SystemdException e) when (!e.IsConnectionLost)
        {
            return null; // Another's signal that only looks like PID 1's.
        }
    }

    private void Match(string rule)
    {
        string match = $"type='signal',sender='{SystemUnits.Destination}',{rule}";
        AtDaemon("AddMatch", match);
        matches.Add(match);
    }

    // PID 1 itself tells everything to who is connected to it.
    private void AtDaemon(string method, string match)
    {
        if (!bus.HasDaemon) return;
        using BusReply done = bus.Call("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", method, call => call.String(match));
    }

    // A path has a unit's name with everything but letters and digits escaped (sd_bus_path_encode(3)).
    private static unsafe string NameOf(string path)
    {
        int found = LibSystemd.Check("decoding a unit's path", LibSystemd.sd_bus_path_decode(path, SystemUnits.Root + "/unit", out nint name));
        if (found == 0) throw new SystemdException("decoding a unit's path", 0, $"'{path}' is none");
        try
        {
            return Marshal.PtrToStringUTF8(name) ?? "";
        }
        finally
        {
            NativeMemory.Free((void*)name); // malloc's (sd_bus_path_decode(3))
        }
    }
}
