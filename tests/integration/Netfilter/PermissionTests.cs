using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using RateWall.IntegrationTests.Machine;
using RateWall.Netfilter;
using static RateWall.IntegrationTests.Netfilter.KernelTable;

namespace RateWall.IntegrationTests.Netfilter;

public sealed partial class PermissionTests
{
    private const uint LINUX_CAPABILITY_VERSION_3 = 0x20080522; // linux/capability.h

    [LinuxFact]
    public void Client_WithoutCapNetAdmin_IsNotPermitted()
    {
        using var table = new KernelTable("set s { type ipv4_addr; }");
        table.Namespace.Run(() =>
        {
            DropCapabilities();
            using NftablesClient client = NftablesClient.Open();
            foreach (Action action in (Action[])
            [
                () => client.GetGeneration(),
                () => client.TableExists(Name),
                () => client.ListSets(Name),
                () => client.GetElement(Name, "s", Key("192.0.2.1")),
                () => client.Commit(Name, [Add("s", Element("192.0.2.1"))]),
            ])
            {
                NetfilterException refused = Assert.Throws<NetfilterException>(action);
                Assert.True(refused.IsNotPermitted, refused.Message);
                Assert.Contains("Operation not permitted", refused.Message, StringComparison.Ordinal);
            }
        });
        Assert.Empty(table.Client.ListElements(Name, "s"));
    }

    [LinuxFact]
    public void LibNftables_WithoutCapNetAdmin_IsNotPermitted()
    {
        using var space = new NetworkNamespace();
        space.Run(() =>
        {
            DropCapabilities();
            using NftablesClient client = NftablesClient.Open();
            var nftables = new LibNftables(client, Name);
            foreach (string commands in (string[])["add table inet t", "list ruleset"])
            {
                NetfilterException refused = Assert.Throws<NetfilterException>(() => nftables.Run(commands));
                Assert.True(refused.IsNotPermitted, refused.Message);
            }
        });
    }

    [LinuxFact]
    public void SocketDiagnostics_WithoutCapNetAdmin_ListsAndDestroysNothing()
    {
        using var space = new NetworkNamespace();
        space.Run(() =>
        {
            using var listener = new TcpListener(IPAddress.Loopback, 0);
            listener.Start();
            int port = ((IPEndPoint)listener.LocalEndpoint).Port;
            using var client = new TcpClient();
            client.Connect(IPAddress.Loopback, port);
            using TcpClient served = listener.AcceptTcpClient();
            DropCapabilities();
            using SocketDiagnostics diagnostics = SocketDiagnostics.Open(TimeProvider.System);
            TcpSocket target = diagnostics.List(new([TcpState.Established], [port])).Single();
            NetfilterException refused = Assert.Throws<NetfilterException>(() => diagnostics.Destroy(target));
            Assert.True(refused.IsNotPermitted, refused.Message);
            client.GetStream().WriteByte(1);
            Assert.Equal(1, served.GetStream().ReadByte());
        });
    }

    /// <summary>Capabilities are a thread's own: the test's thread in the namespace loses them and ends.</summary>
    private static void DropCapabilities()
    {
        uint[] header = [LINUX_CAPABILITY_VERSION_3, 0];
        Assert.Equal(0, capset(header, new uint[6]));
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int capset([In] uint[] header, [In] uint[] data);
}
