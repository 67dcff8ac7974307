using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using RateWall.IntegrationTests.Correlate;
using RateWall.IntegrationTests.Machine;

namespace RateWall.IntegrationTests.Wall;

/// <summary>Connections that stand when their source is banned, with the real program on the real kernel.</summary>
public sealed class HeldConnectionsTests : IDisposable
{
    private const int Ssh = 2222;
    private const int Imap = 2143;
    private const int Unprotected = 2999;
    private const string Attacker4 = "198.51.100.9";
    private const string Attacker6 = "2001:db8:2::9";
    private const string Neighbour4 = "198.51.100.77";

    private readonly TwoHosts hosts = new(Ssh, Imap, Unprotected);
    private readonly RateWallProgram ratewall;

    public HeldConnectionsTests()
    {
        foreach (string address in (string[])[$"{Attacker4}/32", $"{Neighbour4}/32", $"{Attacker6}/128"]) hosts.AddClientAddress(address);
        ratewall = new(hosts.Server);
        File.WriteAllText(ratewall.ConfigFile, $$"""
            allow: [192.0.2.200]
            defaults: { log: { file: {{ratewall.LogFile}} } }
            services: { ssh: { ports: [{{Ssh}}] }, imap: { ports: [{{Imap}}] } }
            """);
        ratewall.Run("apply").MustSucceed("apply");
    }

    public void Dispose()
    {
        ratewall.Dispose();
        hosts.Dispose();
    }

    [LinuxTheory]
    [InlineData(Attacker4, Attacker4)]
    [InlineData(Attacker4, "198.51.100.0/28")]
    [InlineData(Attacker6, Attacker6)]
    public void Ban_SourceHoldingConnections_EndsThoseToProtectedPorts(string source, string banned)
    {
        (Socket held, Socket served) = hosts.Hold(source, Ssh);
        (Socket second, Socket secondServed) = hosts.Hold(source, Imap);
        (Socket bystander, Socket bystanderServed) = hosts.Hold(TwoHosts.Client4, Ssh);
        (Socket elsewhere, Socket elsewhereServed) = hosts.Hold(source, Unprotected);
        using (held) using (second) using (bystander) using (elsewhere) using (served) using (secondServed) using (bystanderServed) using (elsewhereServed)
        {
            JsonElement item = ratewall.Json("ban", banned, "--for", "1h").GetProperty("items")[0];
            Assert.Equal(2, item.GetProperty("connections_ended").GetInt32());
            Assert.Contains("2 open connections", item.GetProperty("note").GetString(), StringComparison.Ordinal);
            Assert.Equal(SocketError.ConnectionAborted, EndOf(served));
            Assert.Equal(SocketError.ConnectionAborted, EndOf(secondServed));
            Assert.Equal("x", Passed(bystander, bystanderServed));

            // Port 2999 belongs to nobody's service: that socket stays, but the banned source's packets stop at once.
            Assert.Equal(0, Banned());
            elsewhere.Blocking = true;
            elsewhere.Send("x"u8);
            Eventually.True("its packets are dropped", TimeSpan.FromMinutes(2), () => Banned() > 0);
            Assert.Equal(0, elsewhereServed.Available);
            Assert.Equal(0, ratewall.Json("ban", banned, "--for", "2h").GetProperty("items")[0].GetProperty("connections_ended").GetInt32());
        }
    }

    [LinuxFact]
    public void Ban_NetworkWithAnAllowedAddressInIt_LeavesThatOnesConnections()
    {
        File.WriteAllText(ratewall.ConfigFile, File.ReadAllText(ratewall.ConfigFile).Replace("192.0.2.200", Neighbour4, StringComparison.Ordinal));
        ratewall.Run("apply").MustSucceed("apply");
        (Socket held, Socket served) = hosts.Hold(Attacker4, Ssh);
        (Socket allowed, Socket allowedServed) = hosts.Hold(Neighbour4, Ssh);
        using (held) using (served) using (allowed) using (allowedServed)
        {
            ratewall.Run("ban", "198.51.100.0/24", "--force").MustSucceed("ban");
            Assert.Equal(SocketError.ConnectionAborted, EndOf(served));
            Assert.Equal("x", Passed(allowed, allowedServed));
        }
    }

    [LinuxFact]
    public void Correlate_OffenderHoldingAConnection_EndsIt()
    {
        (Socket held, Socket served) = hosts.Hold(Attacker4, Ssh);
        (Socket bystander, Socket bystanderServed) = hosts.Hold(Neighbour4, Ssh);
        using (held) using (served) using (bystander) using (bystanderServed)
        {
            File.WriteAllText(ratewall.LogFile, new SshLog(DateTimeOffset.UtcNow.AddMinutes(-1)).Failures(Attacker4, 6, 0).Text);
            JsonElement run = ratewall.Json("correlate");
            Assert.Equal((1, 1), (run.GetProperty("bans").GetInt32(), run.GetProperty("connections_ended").GetInt32()));
            Assert.Equal(SocketError.ConnectionAborted, EndOf(served));
            Assert.Equal("x", Passed(bystander, bystanderServed));
            Assert.Equal(0, ratewall.Json("correlate").GetProperty("connections_ended").GetInt32());
        }
    }

    [LinuxFact]
    public void Ban_AtOneService_EndsOnlyTheConnectionsToIt()
    {
        (Socket held, Socket served) = hosts.Hold(Attacker4, Ssh);
        (Socket other, Socket otherServed) = hosts.Hold(Attacker4, Imap);
        using (held) using (served) using (other) using (otherServed)
        {
            Assert.Equal(1, ratewall.Json("ban", Attacker4, "--service", "ssh").GetProperty("items")[0].GetProperty("connections_ended").GetInt32());
            Assert.Equal(SocketError.ConnectionAborted, EndOf(served));
            Assert.Equal("x", Passed(other, otherServed));
        }
    }

    [LinuxTheory]
    [InlineData("apply")]
    [InlineData("correlate")]
    [InlineData("confirm")]
    public void Wall_PutBack_EndsConnectionsMadeWhileItWasGone(string verb)
    {
        ratewall.Run("ban", Attacker4, "--for", "1h").MustSucceed("ban");
        ratewall.Run("ban", "2001:db8:2::/48", "--for", "1h").MustSucceed("ban");
        ratewall.Run("ban", Neighbour4, "--for", "1h", "--service", "imap").MustSucceed("ban");
        if (verb == "confirm")
        {
            File.AppendAllText(ratewall.ConfigFile, "\nbans: { size: 1000 }\n");
            ratewall.Run("apply", "--confirm", "1h").MustSucceed("apply --confirm");
        }

        hosts.Server.Nft("delete", "table", "inet", "ratewall");
        (Socket held, Socket served) = hosts.Hold(Attacker4, Ssh);
        (Socket inside, Socket insideServed) = hosts.Hold(Attacker6, Ssh);
        (Socket there, Socket thereServed) = hosts.Hold(Neighbour4, Imap);
        (Socket elsewhere, Socket elsewhereServed) = hosts.Hold(Neighbour4, Ssh);
        using (held) using (served) using (inside) using (insideServed) using (there) using (thereServed) using (elsewhere) using (elsewhereServed)
        {
            Answer answer = ratewall.Run(verb == "confirm" ? [verb, "--revert"] : [verb]).MustSucceed(verb);
            if (!answer.Error.Contains("ended 3 open connections of banned sources", StringComparison.Ordinal)) Assert.Fail(answer.Error + Left());
            Assert.All((Socket[])[served, insideServed, thereServed], s => Assert.Equal(SocketError.ConnectionAborted, EndOf(s)));
            Assert.Equal("x", Passed(elsewhere, elsewhereServed));
        }
    }

    /// <summary>What the daemon's waiting read ends with, within a second.</summary>
    private static SocketError EndOf(Socket served)
    {
        served.ReceiveTimeout = 1000;
        return Assert.Throws<SocketException>(() => served.Receive(new byte[1])).SocketErrorCode;
    }

    private static string Passed(Socket client, Socket served)
    {
        client.Blocking = true;
        client.Send("x"u8);
        served.ReceiveTimeout = 5000;
        byte[] read = new byte[8];
        return Encoding.ASCII.GetString(read, 0, served.Receive(read));
    }

    /// <summary>What the server still holds, as another program sees it.</summary>
    private string Left() => "the server's sockets, as ss(8) has them:\n" + hosts.Server.Exec("ss", "--tcp", "--numeric", "--all", "--extended", "--options").Out;

    private long Banned()
    {
        using var document = JsonDocument.Parse(hosts.Server.Nft("-j", "list", "counter", "inet", "ratewall", "banned_elsewhere"));
        return document.RootElement.GetProperty("nftables").EnumerateArray().Single(e => e.TryGetProperty("counter", out _)).GetProperty("counter").GetProperty("packets").GetInt64();
    }
}
