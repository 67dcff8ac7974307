using System.Runtime.InteropServices;

namespace RateWall.Systemd;

/// <summary>
/// A connection to the system's D-Bus, for method calls and signals (sd-bus(3)). Where no bus daemon runs, which systemd does
/// not need, it is one to PID 1 itself, as systemctl makes it. Not thread-safe.
/// </summary>
public sealed class SystemBus : IDisposable
{
    /// <summary>Where PID 1 itself listens for root (systemd's manager_init and systemctl).</summary>
    private const string PrivateSocket = "/run/systemd/private";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly BusHandle bus;

    private SystemBus(BusHandle bus, bool hasDaemon)
    {
        this.bus = bus;
        HasDaemon = hasDaemon;
    }

    /// <summary>True when systemd is this machine's PID 1 (sd_booted(3)).</summary>
    public static bool IsSystemdRunning => Directory.Exists("/run/systemd/system");

    /// <summary>True when a bus daemon stands between, which delivers only the signals that were asked for (AddMatch).</summary>
    public bool HasDaemon { get; }

    /// <summary>Connects.</summary>
    /// <exception cref="SystemdException">Nobody listens, the caller may not, or libsystemd.so.0 is not there.</exception>
    public static SystemBus Connect()
    {
        const string operation = "connecting to the system bus";
        BusHandle? opened = null;
        int result = LibSystemd.First(operation, () => LibSystemd.sd_bus_open_system(out opened));
        if (result >= 0) result = AwaitGreeting(opened!);
        if (result >= 0) return new(opened!, hasDaemon: true);
        opened?.Dispose();
        if (!File.Exists(PrivateSocket)) LibSystemd.Fail(operation, -result);
        return Connect(PrivateSocket, hasDaemon: false);
    }

    /// <summary>Connects to a socket of the file system: another machine's in a container, or PID 1's own.</summary>
    /// <param name="socket">Its path.</param>
    /// <param name="hasDaemon">A bus daemon listens there, and not PID 1 itself.</param>
    /// <exception cref="SystemdException">Nobody listens, the caller may not, or libsystemd.so.0 is not there.</exception>
    public static SystemBus Connect(string socket, bool hasDaemon)
    {
        string operation = $"connecting to {(hasDaemon ? "the system bus" : "PID 1")} at {socket}";
        BusHandle? made = null;
        int result = LibSystemd.First(operation, () => LibSystemd.sd_bus_new(out made));
        if (result >= 0) result = LibSystemd.sd_bus_set_address(made!, $"unix:path={Uri.EscapeDataString(socket)}");
        if (result >= 0) result = LibSystemd.sd_bus_set_bus_client(made!, hasDaemon ? 1 : 0);
        if (result >= 0) result = LibSystemd.sd_bus_start(made!);
        if (result >= 0) result = AwaitGreeting(made!);
        if (result >= 0) return new(made!, hasDaemon);
        made?.Dispose();
        LibSystemd.Fail(operation, -result);
        return null!;
    }

    /// <summary>Calls a method and waits for its answer, ten seconds at most. Signals that come meanwhile are kept.</summary>
    /// <param name="destination">The service's name: "org.freedesktop.systemd1".</param>
    /// <param name="path">The object.</param>
    /// <param name="interface">The interface.</param>
    /// <param name="member">The method.</param>
    /// <param name="write">Writes the arguments; null: there are none.</param>
    /// <exception cref="SystemdException">Refused; <see cref="SystemdException.BusError"/> has the error's D-Bus name.</exception>
    public BusReply Call(string destination, string path, string @interface, string member, Action<BusWriter>? write = null)
    {
        LibSystemd.Check(
            $"calling {member}", LibSystemd.sd_bus_message_new_method_call(bus, out BusMessageHandle message, destination, path, @interface, member));
        using (message)
        {
            write?.Invoke(new BusWriter(message));
            var error = default(LibSystemd.BusError);
            int result = LibSystemd.sd_bus_call(bus, message, (ulong)Patience.TotalMicroseconds, ref error, out BusMessageHandle reply);
            if (result >= 0) return new(reply);
            reply.Dispose();
            string? name = Marshal.PtrToStringUTF8(error.Name);
            string? text = Marshal.PtrToStringUTF8(error.Message);
            LibSystemd.sd_bus_error_free(ref error);
            throw new SystemdException($"calling {member}", -result, $"{text ?? Marshal.GetPInvokeErrorMessage(-result)} ({name ?? "no name"})") { BusError = name };
        }
    }

    /// <summary>Takes the next message that came unasked, without waiting; the caller disposes it.</summary>
    /// <returns>Null: there is none now.</returns>
    /// <exception cref="SystemdException">The connection is gone.</exception>
    public BusReply? TryReceive()
    {
        const string operation = "reading from the system bus";
        // Each step handles one thing, the bus's own greeting among them; what is nobody's answer it hands over.
        while (LibSystemd.Check(operation, LibSystemd.sd_bus_process(bus, out BusMessageHandle message)) > 0)
        {
            if (message.IsInvalid) continue;
            var received = new BusReply(message);
            if (!received.IsSignal("org.freedesktop.DBus.Local", "Disconnected")) return received;
            received.Dispose();
            LibSystemd.Fail(operation, LibSystemd.ECONNRESET);
        }

        return null;
    }

    /// <summary>Waits until something comes, no longer than so long; a signal to the process may end it earlier.</summary>
    /// <exception cref="SystemdException">The connection is gone.</exception>
    public void WaitForMessage(TimeSpan longest)
    {
        int result = LibSystemd.sd_bus_wait(bus, (ulong)Math.Max(0, longest.TotalMicroseconds));
        if (result != -LibSystemd.EINTR) LibSystemd.Check("waiting for the system bus", result);
    }

    /// <inheritdoc/>
    public void Dispose() => bus.Dispose();

    // A socket may have nobody behind it who greets, as while a bus daemon ends; left to itself the first call would wait 90 s.
    private static int AwaitGreeting(BusHandle bus)
    {
        long started = TimeProvider.System.GetTimestamp();
        while (true)
        {
            int result = LibSystemd.sd_bus_is_ready(bus);
            if (result != 0) return result;
            result = LibSystemd.sd_bus_process(bus, out BusMessageHandle message);
            message.Dispose();
            if (result < 0) return result;
            if (result > 0) continue;
            TimeSpan left = Patience - TimeProvider.System.GetElapsedTime(started);
            if (left <= TimeSpan.Zero) return -LibSystemd.ETIMEDOUT;
            result = LibSystemd.sd_bus_wait(bus, (ulong)left.TotalMicroseconds);
            if (result < 0 && result != -LibSystemd.EINTR) return result;
        }
    }
}
