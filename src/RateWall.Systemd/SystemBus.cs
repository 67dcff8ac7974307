using System.Runtime.InteropServices;

namespace RateWall.Systemd;

/// <summary>
/// A connection to the system's D-Bus, for method calls (sd-bus(3)). Where no bus daemon runs, which systemd does not need,
/// it is one to PID 1 itself, as systemctl makes it. Not thread-safe.
/// </summary>
public sealed class SystemBus : IDisposable
{
    /// <summary>Where PID 1 itself listens for root (systemd's manager_init and systemctl).</summary>
    private const string PrivateSocket = "/run/systemd/private";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly BusHandle bus;

    private SystemBus(BusHandle bus) => this.bus = bus;

    /// <summary>True when systemd is this machine's PID 1 (sd_booted(3)).</summary>
    public static bool IsSystemdRunning => Directory.Exists("/run/systemd/system");

    /// <summary>Connects.</summary>
    /// <exception cref="SystemdException">Nobody listens, the caller may not, or libsystemd.so.0 is not there.</exception>
    public static SystemBus Connect()
    {
        const string operation = "connecting to the system bus";
        BusHandle? opened = null;
        int result = LibSystemd.First(operation, () => LibSystemd.sd_bus_open_system(out opened));
        if (result >= 0) return new(opened!);
        opened?.Dispose();
        if (!File.Exists(PrivateSocket)) LibSystemd.Fail(operation, -result);
        return ConnectToPid1();
    }

    /// <summary>Calls a method and waits for its answer, ten seconds at most.</summary>
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

    /// <inheritdoc/>
    public void Dispose() => bus.Dispose();

    private static SystemBus ConnectToPid1()
    {
        const string operation = "connecting to PID 1";
        LibSystemd.Check(operation, LibSystemd.sd_bus_new(out BusHandle direct));
        int result = LibSystemd.sd_bus_set_address(direct, $"unix:path={PrivateSocket}");
        if (result >= 0) result = LibSystemd.sd_bus_start(direct);
        if (result >= 0) return new(direct);
        direct.Dispose();
        LibSystemd.Fail(operation, -result);
        return null!;
    }
}
