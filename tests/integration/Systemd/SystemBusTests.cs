using System.Net.Sockets;
using RateWall.IntegrationTests.Machine;
using RateWall.Systemd;

namespace RateWall.IntegrationTests.Systemd;

/// <summary>Connections to a bus that does not answer.</summary>
public sealed class SystemBusTests
{
    [LinuxFact]
    public void Connect_WhereNobodyGreets_GivesUp()
    {
        using var temporary = new TemporaryDirectory();
        using var silent = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        silent.Bind(new UnixDomainSocketEndPoint(temporary["bus"]));
        silent.Listen();

        var refused = Assert.Throws<SystemdException>(() => SystemBus.Connect(temporary["bus"], hasDaemon: true));

        Assert.True(refused.IsConnectionLost, refused.Message);
        Assert.Contains(temporary["bus"], refused.Message, StringComparison.Ordinal);
        refused = Assert.Throws<SystemdException>(() => SystemBus.Connect(temporary["nothing"], hasDaemon: false));
        Assert.True(refused.IsConnectionLost, refused.Message);
    }
}
