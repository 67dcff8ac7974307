using System.Net;
using System.Net.Sockets;
using RateWall.IntegrationTests.Machine;
using RateWall.IntegrationTests.Wall;
using RateWall.Netfilter;

namespace RateWall.IntegrationTests.Netfilter;

/// <summary>Real sockets between two hosts: what the kernel shows of them, and what destroying does.</summary>
public sealed class SocketDiagnosticsTests : IDisposable
{
    private const int Protected = 2222;
    private const int Other = 2223;
    private static readonly TcpSocketFilter Held = new([TcpState.Established, TcpState.CloseWait], [Protected]);

    private readonly TwoHosts hosts = new(Protected, Other);
    private readonly SocketDiagnostics diagnostics;

    public SocketDiagnosticsTests() => diagnostics = hosts.Server.Run(() => SocketDiagnostics.Open(TimeProvider.System));

    public void Dispose()
    {
        diagnostics.Dispose();
        hosts.Dispose();
    }

    [LinuxFact]
    public void List_ByStateAndPort_ShowsWhatThereIsAndNothingElse()
    {
        // Taken by the server: the answer to its SYN, which is all that a client waits for, comes before a connection is established.
        (Socket four, Socket fourServed) = hosts.Hold(TwoHosts.Client4, Protected);
        (Socket six, Socket sixServed) = hosts.Hold(TwoHosts.Client6, Protected);
        (Socket elsewhere, Socket elsewhereServed) = hosts.Hold(TwoHosts.Client4, Other);
        using Socket a = four, b = six, c = elsewhere, d = fourServed, e = sixServed, f = elsewhereServed;
        TcpSocket[] found = [.. diagnostics.List(Held).Where(s => IsOf(s, four) || IsOf(s, six))];
        // The listener is one of "::", so its IPv4 client is a socket of IPv6.
        Assert.Equal([IPAddress.Parse("::ffff:192.0.2.2"), IPAddress.Parse(TwoHosts.Client6)], found.Select(s => s.Remote.Address).OrderBy(a => !a.IsIPv4MappedToIPv6));
        Assert.All(found, s => Assert.Equal((Protected, TcpState.Established, null), (s.Local.Port, s.State, s.Times)));
        Assert.DoesNotContain(diagnostics.List(Held), s => IsOf(s, elsewhere));
        Assert.Contains(diagnostics.List(Held with { LocalPorts = [] }), s => IsOf(s, elsewhere));
        Assert.Contains(diagnostics.List(Held with { LocalPorts = [1, Other, 7, Protected, 9] }), s => IsOf(s, elsewhere));
        Assert.DoesNotContain(diagnostics.List(Held with { LocalPorts = [1, 7, 9] }), s => IsOf(s, elsewhere));
        Assert.All(diagnostics.List(new([TcpState.Listen], [])), s => Assert.Equal(TcpState.Listen, s.State));
        Assert.Equal(2, diagnostics.List(new([TcpState.Listen], [])).Count);
    }

    [LinuxFact]
    public void List_WithTimes_TellsHowLongNothingCame()
    {
        (Socket silent, Socket silentServed) = hosts.Hold(TwoHosts.Client4, Protected);
        (Socket talking, Socket talkingServed) = hosts.Hold(TwoHosts.Client4, Protected);
        using Socket a = silent, b = talking, c = silentServed, d = talkingServed;
        TcpTimes Of(Socket client) => diagnostics.List(Held with { WithTimes = true }).Single(s => IsOf(s, client)).Times!;
        Eventually.True("the silent one grows old", TimeSpan.FromMinutes(2), () => Of(silent).SinceDataReceived > TimeSpan.FromMilliseconds(100));
        talking.Blocking = true;
        talking.Send("x"u8);
        Eventually.True(
            "the talking one is younger", TimeSpan.FromMinutes(2), () => Of(talking).SinceDataReceived < Of(silent).SinceDataReceived);
    }

    [LinuxFact]
    public void Destroy_HeldConnection_EndsItsReaderAndNobodyElse()
    {
        (Socket client, Socket served) = hosts.Hold(TwoHosts.Client4, Protected);
        (Socket otherClient, Socket otherServed) = hosts.Hold(TwoHosts.Client4, Protected);
        using (client) using (served) using (otherClient) using (otherServed)
        {
            TcpSocket target = diagnostics.List(Held).Single(s => IsOf(s, client));
            Assert.NotEqual(0u, target.Inode);
            Assert.Equal(SocketDestruction.Destroyed, diagnostics.Destroy(target));
            served.ReceiveTimeout = 1000;
            SocketException failure = Assert.Throws<SocketException>(() => served.Receive(new byte[1]));
            Assert.Equal(SocketError.ConnectionAborted, failure.SocketErrorCode);
            Assert.Equal(SocketDestruction.Gone, diagnostics.Destroy(target));
            otherClient.Blocking = true;
            otherClient.Send("x"u8);
            otherServed.ReceiveTimeout = 30_000;
            Assert.Equal(1, otherServed.Receive(new byte[1]));
        }
    }

    [LinuxTheory]
    [InlineData(TwoHosts.Client4)]
    [InlineData(TwoHosts.Client6)]
    public void Destroy_ConnectionThatHasGoneMeanwhile_LeavesTheListener(string from)
    {
        (Socket client, Socket served) = hosts.Hold(from, Protected);
        TcpSocket target = diagnostics.List(Held).Single(s => IsOf(s, client));
        // A reset leaves no trace: from now on these addresses and ports lead to the listener.
        client.LingerState = new(true, 0);
        client.Dispose();
        served.Dispose();
        Eventually.True("it is gone", TimeSpan.FromMinutes(2), () => !diagnostics.List(Held).Any(s => s.Cookie == target.Cookie));
        Assert.Equal(SocketDestruction.Gone, diagnostics.Destroy(target));
        using Socket? next = hosts.Connect(from, Protected);
        Assert.NotNull(next);
    }

    private static bool IsOf(TcpSocket socket, Socket client) => socket.Remote.Port == ((IPEndPoint)client.LocalEndPoint!).Port;
}
