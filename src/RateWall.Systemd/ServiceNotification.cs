using System.Text;

namespace RateWall.Systemd;

/// <summary>
/// Tells the service manager how the service is (sd_notify(3)). Where nobody listens (NOTIFY_SOCKET is not set) every call
/// does nothing, and libsystemd is not needed.
/// </summary>
public sealed class ServiceNotification
{
    /// <summary>The longest status text that is sent, in characters; more is cut off.</summary>
    public const int MaxStatusLength = 512;

    private readonly bool listening;

    private ServiceNotification(bool listening, TimeSpan? watchdogInterval)
    {
        this.listening = listening;
        WatchdogInterval = watchdogInterval;
    }

    /// <summary>How often <see cref="Watchdog"/> must be called at the latest (WatchdogSec=); null when nobody watches.</summary>
    public TimeSpan? WatchdogInterval { get; }

    /// <summary>Looks for a listening service manager in the process's environment.</summary>
    /// <exception cref="SystemdException">There is one, and libsystemd.so.0 is not there.</exception>
    public static ServiceNotification FromEnvironment()
    {
        if (Environment.GetEnvironmentVariable("NOTIFY_SOCKET") is not { Length: > 0 }) return new(listening: false, null);
        const string Operation = "looking for systemd's watchdog";
        ulong usec = 0;
        int enabled = LibSystemd.Check(Operation, LibSystemd.First(Operation, () => LibSystemd.sd_watchdog_enabled(0, out usec)));
        return new(listening: true, enabled > 0 ? TimeSpan.FromMicroseconds(usec) : null);
    }

    /// <summary>The service has started (READY=1).</summary>
    public void Ready() => Send("READY=1");

    /// <summary>The service is ending (STOPPING=1).</summary>
    public void Stopping() => Send("STOPPING=1");

    /// <summary>The service is alive (WATCHDOG=1).</summary>
    public void Watchdog() => Send("WATCHDOG=1");

    /// <summary>One line about what the service does (STATUS=), shown by `systemctl status`.</summary>
    public void Status(string text) => Send($"STATUS={OneLine(text)}");

    /// <summary>A control character could begin another assignment (READY=1 on a line of its own): each becomes a space.</summary>
    internal static string OneLine(string text)
    {
        var line = new StringBuilder(Math.Min(text.Length, MaxStatusLength));
        foreach (char c in text.AsSpan(0, Math.Min(text.Length, MaxStatusLength))) line.Append(char.IsControl(c) ? ' ' : c);
        return line.ToString();
    }

    private void Send(string state)
    {
        if (listening) LibSystemd.Check("notifying systemd", LibSystemd.sd_notify(0, state));
    }
}
