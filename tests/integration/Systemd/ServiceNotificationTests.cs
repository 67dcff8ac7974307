using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;
using RateWall.IntegrationTests.Machine;
using RateWall.Systemd;

namespace RateWall.IntegrationTests.Systemd;

/// <summary>What libsystemd sends, received by a socket in the service manager's place.</summary>
public sealed partial class ServiceNotificationTests
{
    [Fact]
    public void Notification_WithNobodyListening_DoesNothing()
    {
        ServiceNotification notification = ServiceNotification.FromEnvironment();

        notification.Ready();
        notification.Status("x");
        notification.Watchdog();
        notification.Stopping();
        Assert.Null(notification.WatchdogInterval);
    }

    [Fact]
    public void Notification_WithASocket_SendsEachState()
    {
        using var temporary = new TemporaryDirectory();
        using var manager = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        manager.Bind(new UnixDomainSocketEndPoint(temporary["notify"]));
        manager.ReceiveTimeout = 10_000;
        Set("NOTIFY_SOCKET", temporary["notify"]);
        Set("WATCHDOG_USEC", "30000000");
        try
        {
            ServiceNotification notification = ServiceNotification.FromEnvironment();
            Assert.Equal(TimeSpan.FromSeconds(30), notification.WatchdogInterval);

            notification.Ready();
            notification.Status("line one\nline two");
            notification.Watchdog();
            notification.Stopping();

            foreach (string expected in new[] { "READY=1", "STATUS=line one line two", "WATCHDOG=1", "STOPPING=1" })
                Assert.Equal(expected, Receive(manager));
        }
        finally
        {
            Set("NOTIFY_SOCKET", null);
            Set("WATCHDOG_USEC", null);
        }
    }

    private static string Receive(Socket manager)
    {
        byte[] buffer = new byte[1024];
        return Encoding.UTF8.GetString(buffer, 0, manager.Receive(buffer));
    }

    // .NET keeps its own copy of the environment; libsystemd reads the C library's.
    private static void Set(string name, string? value)
    {
        Environment.SetEnvironmentVariable(name, value);
        Assert.Equal(0, value is null ? unsetenv(name) : setenv(name, value, 1));
    }

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int setenv(string name, string value, int overwrite);

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int unsetenv(string name);
}
