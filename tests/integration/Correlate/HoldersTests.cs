using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using RateWall.IntegrationTests.Machine;
using RateWall.IntegrationTests.Wall;

namespace RateWall.IntegrationTests.Correlate;

/// <summary>
/// Clients that connect, name a user, and then just hold on: real connections to a dual-stack listener on the real kernel, so
/// that the IPv4 ones are IPv6 sockets with mapped addresses. Beside them somebody who logs in.
/// </summary>
public sealed class HoldersTests : IDisposable
{
    private const int Pop3 = 2110;
    private const int Ftp = 2021;
    private const string User4 = "198.51.100.200";
    private const string Other4 = "198.51.100.201";

    private readonly TwoHosts hosts = new(Pop3, Ftp);
    private readonly RateWallProgram ratewall;
    private readonly List<Socket> sockets = [];

    public HoldersTests()
    {
        ratewall = new(hosts.Server);
        // Who logged in may hold no more than others: so only what is known of each connection keeps the user.
        File.WriteAllText(ratewall.ConfigFile, $$"""
            trust: { factor: 1 }
            defaults: { log: { file: {{ratewall.LogFile}} }, holders: { count: 5, for: 2s } }
            services:
              pop3: { ports: [{{Pop3}}], limit: off, capacity: 100, prefix: off }
              ftp: { ports: [{{Ftp}}], limit: off }
            """);
        ratewall.Run("apply").MustSucceed("apply");
        hosts.AddClientAddress($"{User4}/32");
        hosts.AddClientAddress($"{Other4}/32");
        // The first look judges nobody: who is there already may have logged in long ago.
        ratewall.Run("correlate").MustSucceed("correlate");
    }

    public void Dispose()
    {
        foreach (Socket socket in sockets) socket.Dispose();
        ratewall.Dispose();
        hosts.Dispose();
    }

    [LinuxFact]
    public void Correlate_OneSourceHoldingFive_BansItAndEndsThemAndLeavesTheUser()
    {
        hosts.AddClientAddress("198.51.100.9/32");
        (Socket Client, Socket Served)[] user = LogIn(User4, 6);
        Socket[] held = Hold("198.51.100.9", 5);
        Socket[] fewer = Hold(Other4, 4);
        Assert.Equal(0, Bans(ratewall.Json("correlate")));
        JsonElement run = CorrelateUntilBanned();
        Assert.Equal((1, 5), (Bans(run), run.GetProperty("connections_ended").GetInt32()));
        Assert.Equal("198.51.100.9", Assert.Single(KernelDeadlines.Of(hosts.Server, "ban4")).Key);
        Assert.All(held, s => Assert.Equal(SocketError.ConnectionAborted, EndOf(s)));
        Assert.All(user, s => Assert.Equal("x", Passed(s.Client, s.Served)));
        Assert.All(fewer, s => Assert.Equal(0, s.Available));
        JsonElement ban = Assert.Single(ratewall.Json("trace", "198.51.100.9").GetProperty("bans").EnumerateArray());
        Assert.Equal("5 connections held at pop3 for over 2s without a login", ban.GetProperty("reason").GetString());
        JsonElement[] lines = [.. ban.GetProperty("lines").EnumerateArray()];
        Assert.Equal(5, lines.Length);
        Assert.All(lines, l => Assert.Contains("pop3: connection from 198.51.100.9 port ", l.ToString(), StringComparison.Ordinal));
        // Nothing is left to blame anybody for.
        Assert.Equal(0, Bans(ratewall.Json("correlate")));
    }

    [LinuxFact]
    public void Correlate_TwentySourcesHoldingFiveEach_BansAllAndRaisesSiege()
    {
        string[] bots = [.. Enumerable.Range(1, 18).Select(i => $"198.51.100.{i}"), "2001:db8:2:1::9", "2001:db8:2:2::9"];
        foreach (string bot in bots) hosts.AddClientAddress(bot + (bot.Contains(':', StringComparison.Ordinal) ? "/128" : "/32"));
        (Socket Client, Socket Served)[] user = LogIn(User4, 1);
        foreach (string bot in bots) Hold(bot, 5);
        ratewall.Json("correlate");
        JsonElement run = CorrelateUntilBanned();
        Assert.Equal((20, 100), (Bans(run), run.GetProperty("connections_ended").GetInt32()));
        Assert.Equal(18, KernelDeadlines.Of(hosts.Server, "ban4").Count);
        Assert.Equal(2, KernelDeadlines.Of(hosts.Server, "ban6").Count);
        Assert.Equal("x", Passed(user[0].Client, user[0].Served));
        // 100 of 100 without a login, two looks running.
        Assert.Contains($"{Pop3} ", hosts.Server.Nft("list", "set", "inet", "ratewall", "siege"), StringComparison.Ordinal);
    }

    [LinuxTheory]
    [InlineData("", 37)]
    [InlineData(", pressure: off", 0)]
    public void Correlate_ServiceFullOfStrangers_EndsTheirOldestAndBansNobody(string also, int ended)
    {
        // Four each, where five would make a holder; and one who types, at the address of somebody who is logged in.
        string[] bots = [.. Enumerable.Range(1, 24).Select(i => $"198.51.100.{i}")];
        foreach (string bot in bots) hosts.AddClientAddress(bot + "/32");
        File.WriteAllText(ratewall.ConfigFile, File.ReadAllText(ratewall.ConfigFile).Replace("capacity: 100", "capacity: 100" + also, StringComparison.Ordinal));
        (Socket Client, Socket Served) user = LogIn(User4, 1)[0];
        ratewall.Json("correlate");
        Socket typing = Hold(User4, 1)[0];
        Socket[] held = [.. bots.SelectMany(b => Hold(b, 4))];
        ratewall.Json("correlate");

        JsonElement run = CorrelateAfter(TimeSpan.FromSeconds(6), until: ended);

        Assert.Equal(ended, run.GetProperty("connections_ended").GetInt32());
        Assert.Equal(ended, held.Count(s => s.Poll(0, SelectMode.SelectRead)));
        Assert.False(typing.Poll(0, SelectMode.SelectRead), "the user's new connection was ended");
        Assert.Equal("x", Passed(user.Client, user.Served));
        string siege = hosts.Server.Nft("list", "set", "inet", "ratewall", "siege");
        Assert.Equal(ended > 0, siege.Contains($"{Pop3} ", StringComparison.Ordinal));
        // 60 of 100 are in nobody's way.
        Assert.Equal(0, ratewall.Json("correlate").GetProperty("connections_ended").GetInt32());
        Assert.Empty(KernelDeadlines.Of(hosts.Server, "ban4"));
    }

    [LinuxFact]
    public void Correlate_LoginsWithoutPort_AnswerForAsManyConnections()
    {
        hosts.AddClientAddress("198.51.100.9/32");
        hosts.AddClientAddress("198.51.100.10/32");
        Hold("198.51.100.9", 5, Ftp);
        Hold("198.51.100.10", 5, Ftp);
        for (int i = 0; i < 5; i++) Write($"vsftpd[{i + 1}]: [bob] OK LOGIN: Client \"::ffff:198.51.100.10\"");
        ratewall.Json("correlate");
        JsonElement run = CorrelateUntilBanned();
        Assert.Equal((1, 5), (Bans(run), run.GetProperty("connections_ended").GetInt32()));
        Assert.Equal("198.51.100.9", Assert.Single(KernelDeadlines.Of(hosts.Server, "ban4")).Key);
    }

    [LinuxFact]
    public void Correlate_ServiceWhoseLoginsAreNotRead_JudgesNobody()
    {
        Hold(Other4, 6);
        ratewall.Json("correlate");
        JsonElement run = CorrelateAfter(TimeSpan.FromSeconds(3));
        Assert.Equal((0, 0), (run.GetProperty("offences").GetInt32(), run.GetProperty("connections_ended").GetInt32()));
        // With the first login it is known that logins are read, and the same connections count.
        LogIn(User4, 1);
        Assert.Equal(1, Bans(CorrelateUntilBanned()));
    }

    [LinuxFact]
    public void Follow_OneSourceHoldingFive_BansItAndEndsThemAndLeavesTheUser()
    {
        hosts.AddClientAddress("198.51.100.9/32");
        using Process follow = ratewall.Start(new Dictionary<string, string?>(StringComparer.Ordinal), "correlate", "--follow");
        follow.BeginOutputReadLine();
        follow.BeginErrorReadLine();
        try
        {
            (Socket Client, Socket Served)[] user = LogIn(User4, 6);
            Socket[] held = Hold("198.51.100.9", 5);
            // Nothing more is logged: what finds them is the look that comes by itself.
            Eventually.True("the holder is banned", TimeSpan.FromMinutes(2), () => KernelDeadlines.Of(hosts.Server, "ban4").ContainsKey("198.51.100.9"));
            Assert.Single(KernelDeadlines.Of(hosts.Server, "ban4"));
            Assert.All(held, s => Assert.Equal(SocketError.ConnectionAborted, EndOf(s)));
            Assert.All(user, s => Assert.Equal("x", Passed(s.Client, s.Served)));
            Assert.False(follow.HasExited);
        }
        finally
        {
            if (!follow.HasExited) follow.Kill();
            follow.WaitForExit();
        }
    }

    [LinuxFact]
    public void Why_SourceThatHolds_TellsItsConnectionsAndWhoLoggedIn()
    {
        ratewall.Json("correlate");
        LogIn(User4, 2);
        Hold(Other4, 3);
        ratewall.Json("correlate");
        Hold(Other4, 1, Ftp);

        Eventually.True("a look has seen them", TimeSpan.FromMinutes(2), () =>
        {
            ratewall.Json("correlate");
            return Connections(User4).All(c => c.Login == "yes") && Connections(Other4).All(c => c.Login != "unknown");
        });
        Assert.Equal([("pop3", "yes"), ("pop3", "yes")], Connections(User4));
        Assert.Equal([("ftp", "none"), ("pop3", "none"), ("pop3", "none"), ("pop3", "none")], Connections(Other4).Order());
        Assert.Empty(Connections("198.51.100.202"));
        Assert.Matches($"pop3 +{Other4} +[0-9]+ +{Pop3} +.* or longer +none", ratewall.Run("why", Other4).Out);

        (string? Service, string? Login)[] Connections(string address) =>
        [
            .. ratewall.Json("why", address).GetProperty("connections").EnumerateArray()
                .Select(c => (c.GetProperty("service").GetString(), c.GetProperty("login").GetString())),
        ];
    }

    private static int Bans(JsonElement run) => run.GetProperty("bans").GetInt32();

    private JsonElement CorrelateUntilBanned()
    {
        JsonElement run = default;
        Eventually.True("somebody is banned", TimeSpan.FromMinutes(2), () => Bans(run = ratewall.Json("correlate")) > 0);
        return run;
    }

    // A run that looks at connections which are at least so old.
    private JsonElement CorrelateAfter(TimeSpan age, int until = 0)
    {
        var watch = Stopwatch.StartNew();
        JsonElement run = default;
        Eventually.True("they are that old", TimeSpan.FromMinutes(2), () =>
        {
            bool old = watch.Elapsed > age;
            run = ratewall.Json("correlate");
            Assert.Equal(0, Bans(run));
            return until > 0 ? run.GetProperty("connections_ended").GetInt32() > 0 : old;
        });
        return run;
    }

    private Socket[] Hold(string from, int count, int port = Pop3) => [.. Enumerable.Range(0, count).Select(_ => Open(from, port).Served)];

    private (Socket Client, Socket Served) Open(string from, int port)
    {
        (Socket client, Socket served) = hosts.Hold(from, port);
        sockets.Add(client);
        sockets.Add(served);
        client.Blocking = true;
        client.Send("USER root\r\n"u8);
        served.ReceiveTimeout = 5000;
        Assert.Equal(11, served.Receive(new byte[64]));
        return (client, served);
    }

    private (Socket Client, Socket Served)[] LogIn(string from, int count)
    {
        (Socket Client, Socket Served)[] open = [.. Enumerable.Range(0, count).Select(_ => Open(from, Pop3))];
        foreach ((Socket client, Socket _) in open) Write($"dovecot: pop3-login: Login: user=<bob>, method=PLAIN, rip={from}, lip=192.0.2.1, mpid=4711, TLS, session=<{SessionOf((IPEndPoint)client.LocalEndPoint!)}>");
        return open;
    }

    // As dovecot makes it: 48 bits of time, the port with the lower byte first, the address.
    private static string SessionOf(IPEndPoint client) =>
        Convert.ToBase64String([1, 2, 3, 4, 5, 6, (byte)client.Port, (byte)(client.Port >> 8), .. client.Address.GetAddressBytes()]);

    private void Write(string text) => File.AppendAllText(
        ratewall.LogFile, string.Create(CultureInfo.InvariantCulture, $"{DateTimeOffset.UtcNow:yyyy-MM-dd'T'HH:mm:ss.ffffff}+00:00 host {text}\n"));

    // With --follow the ban is seen before its connections are ended.
    private static SocketError EndOf(Socket served)
    {
        served.ReceiveTimeout = 30_000;
        return Assert.Throws<SocketException>(() => served.Receive(new byte[1])).SocketErrorCode;
    }

    private static string Passed(Socket client, Socket served)
    {
        client.Send("x"u8);
        served.ReceiveTimeout = 5000;
        byte[] read = new byte[8];
        return Encoding.ASCII.GetString(read, 0, served.Receive(read));
    }
}
