using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using RateWall.IntegrationTests.Machine;

namespace RateWall.IntegrationTests.Wall;

/// <summary>
/// A host with listening ports and a host that connects to it, each in a network namespace of its own.
/// The second has addresses on the link (192.0.2.2, 2001:db8:1::2) and behind a router (198.51.100.0/24, 2001:db8:2::/48).
/// </summary>
internal sealed class TwoHosts : IDisposable
{
    public const string Server4 = "192.0.2.1";
    public const string Server6 = "2001:db8:1::1";
    public const string Client4 = "192.0.2.2";
    public const string Client6 = "2001:db8:1::2";

    // A SYN that is not answered within a second is sent again (RFC 6298), and that must not count as a second try: on a machine
    // that stood still for so long, the first one has been let through all the same. Its sequence number is the first one's.
    private const string OneSynATry = """
        table inet one_syn_a_try {
          set sent { typeof tcp sport . tcp sequence; flags dynamic, timeout; timeout 1m; }
          chain out { type filter hook output priority filter; tcp flags & (syn | ack) == syn jump syn; }
          chain syn { tcp sport . tcp sequence @sent drop; add @sent { tcp sport . tcp sequence }; }
        }
        """;

    private static readonly TimeSpan LongestAnswer = TimeSpan.FromSeconds(3);

    // How many packets wait for this CPU (softnet_seq_show in net/core/net-procfs.c).
    private const int BacklogColumn = 11;

    private readonly Dictionary<int, TcpListener> listeners = [];

    public TwoHosts(params int[] ports)
    {
        NetworkNamespace.Join(Server, [$"{Server4}/24", $"{Server6}/64"], Client, [$"{Client4}/24", $"{Client6}/64"]);
        Client.NftLoad(OneSynATry);
        Server.Ip("route", "add", "198.51.100.0/24", "via", Client4);
        Server.Ip("-6", "route", "add", "2001:db8:2::/48", "via", Client6);
        Server.Run(() =>
        {
            foreach (int port in ports)
            {
                var listener = new TcpListener(IPAddress.IPv6Any, port);
                listener.Server.DualMode = true;
                listener.Start(512);
                listeners.Add(port, listener);
            }
        });
        // The kernel brings a new link up in its own time; the first answered connection says that it has.
        foreach (string address in (string[])[Client4, Client6]) AwaitLink(address, ports[0]);
    }

    public NetworkNamespace Server { get; } = new();

    public NetworkNamespace Client { get; } = new();

    /// <summary>Gives the client addresses in one more network behind it.</summary>
    public void AddClientNetwork(string network, params string[] addresses)
    {
        bool ipv4 = !network.Contains(':', StringComparison.Ordinal);
        Server.Ip(ipv4 ? "-4" : "-6", "route", "replace", network, "via", ipv4 ? Client4 : Client6);
        foreach (string address in addresses) AddClientAddress(address);
    }

    /// <summary>Gives the client one more address, good at once.</summary>
    public void AddClientAddress(string address) => Client.AddAddress(address, "lo");

    /// <summary>Opens a connection and keeps it; null when the SYN was not answered in time, or with a refusal.</summary>
    public Socket? Connect(string from, int port) => Open(from, port, out _);

    /// <summary>How the attempt to connect ends: Success, ConnectionRefused, or TimedOut when nothing is answered for 400 ms or longer.</summary>
    public SocketError Outcome(string from, int port)
    {
        using Socket? socket = Open(from, port, out SocketError outcome);
        return outcome;
    }

    private Socket? Open(string from, int port, out SocketError outcome)
    {
        (Socket? socket, outcome) = Client.Run(() => Open(from, port));
        return socket;
    }

    private static (Socket?, SocketError) Open(string from, int port)
    {
        var source = IPAddress.Parse(from);
        var socket = new Socket(source.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(source, 0));
        socket.Blocking = false;
        string target = source.AddressFamily == AddressFamily.InterNetwork ? Server4 : Server6;
        try
        {
            socket.Connect(IPAddress.Parse(target), port);
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.WouldBlock or SocketError.InProgress)
        {
            // Non-blocking: the answer is awaited below.
        }

        bool answered = IsAnswered(socket);
        var error = (SocketError)(int)socket.GetSocketOption(SocketOptionLevel.Socket, SocketOptionName.Error)!;
        if (answered && error == SocketError.Success) return (socket, error);
        socket.Dispose();
        return (null, answered ? error : SocketError.TimedOut);
    }

    // In short waits: where the whole machine stood still, only one of them is lost to that.
    private static bool IsAnswered(Socket socket)
    {
        var watch = Stopwatch.StartNew();
        for (int i = 0; i < 8 || (watch.Elapsed < LongestAnswer && HasPacketsToLookAt()); i++)
            if (socket.Poll(TimeSpan.FromMilliseconds(50), SelectMode.SelectWrite)) return true;
        return false;
    }

    // A busy machine leaves packets for its ksoftirqd threads: who is not answered then has not been refused yet.
    private static bool HasPacketsToLookAt() =>
        File.ReadLines("/proc/net/softnet_stat").Any(cpu => cpu.Split(' ')[BacklogColumn] is not "00000000");

    /// <summary>Opens a connection and takes its other end, as its daemon would.</summary>
    public (Socket Client, Socket Served) Hold(string from, int port)
    {
        Socket client = Connect(from, port) ?? throw new InvalidOperationException($"no connection from {from} to port {port}");
        while (true)
        {
            Socket served = listeners[port].AcceptSocket();
            if (((IPEndPoint)served.RemoteEndPoint!).Port == ((IPEndPoint)client.LocalEndPoint!).Port) return (client, served);
            served.Dispose(); // an earlier one, that its client has let go
        }
    }

    /// <summary>Opens this many connections one after the other and says which got through, as "+" and "-".</summary>
    public string Tries(string from, int port, int count)
    {
        string result = "";
        for (int i = 0; i < count; i++)
        {
            using Socket? socket = Connect(from, port);
            result += socket is null ? '-' : '+';
        }

        return result;
    }

    /// <summary>Packets that one of the wall's named counters has counted.</summary>
    public long Packets(string counter)
    {
        string text = Server.Nft("list", "counter", "inet", "ratewall", counter);
        return long.Parse(text.Split("packets ")[1].Split(' ')[0], System.Globalization.CultureInfo.InvariantCulture);
    }

    /// <summary>Opens this many connections from the server to itself and says which got through.</summary>
    public string LoopbackTries(int port, int count) => Server.Run(() =>
    {
        string result = "";
        for (int i = 0; i < count; i++)
        {
            using var client = new TcpClient();
            // They shall come through: there is no hurry. A dropped SYN would be sent again for two minutes.
            result += client.ConnectAsync(Server4, port).Wait(TimeSpan.FromSeconds(30)) ? '+' : '-';
        }

        return result;
    });

    private void AwaitLink(string from, int port) => Eventually.True($"{from} gets through before there is a wall", TimeSpan.FromMinutes(2), () =>
    {
        using Socket? socket = Connect(from, port);
        return socket is not null;
    });

    public void Dispose()
    {
        foreach (TcpListener listener in listeners.Values) listener.Dispose();
        Client.Dispose();
        Server.Dispose();
    }
}
