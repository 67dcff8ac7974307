using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using RateWall.Commands;
using RateWall.Detection;
using RateWall.Detection.Correlation;
using RateWall.IntegrationTests.Correlate;
using RateWall.IntegrationTests.Machine;
using RateWall.IntegrationTests.Wall;
using RateWall.Netfilter;
using RateWall.Policy;
using RateWall.Storage;
using RateWall.Watch;

namespace RateWall.IntegrationTests.Watch;

/// <summary>
/// A daemon with a process for each connection, and what the wall does when there are too many: real connections, the real
/// kernel, the real program beside it that reads the logins. Only PID 1 is a stand-in: it counts the connections.
/// </summary>
public sealed class UnitReliefTests : IDisposable
{
    private const int Imap = 2143;
    private const string Attacker = "198.51.100.9";
    private const string Second = "198.51.100.10";
    private const string User = "198.51.100.200";
    private const string Stranger = "198.51.100.201";

    private readonly TwoHosts hosts = new(Imap);
    private readonly RateWallProgram ratewall;
    private readonly List<Socket> sockets = [];
    private readonly StringWriter said = new();
    private readonly StepClock clock = new();

    public UnitReliefTests()
    {
        foreach (string address in (string[])[Attacker, Second, User, Stranger]) hosts.AddClientAddress($"{address}/32");
        ratewall = new(hosts.Server);
        Write("[ban]");
        ratewall.Run("apply").MustSucceed("apply");
    }

    public void Dispose()
    {
        foreach (Socket socket in sockets) socket.Dispose();
        said.Dispose();
        ratewall.Dispose();
        hosts.Dispose();
    }

    [LinuxFact]
    public void Ban_TooManyProcesses_HitsTheStrangersWithMostAndNobodyElse()
    {
        (Socket Client, Socket Served)[] user = LogIn(User, 12);
        Socket[] attack = Hold(Attacker, 25), second = Hold(Second, 8), few = Hold(Stranger, 2);
        ReadLogs(47);
        Climb("ban");
        Assert.Equal(Attacker, Assert.Single(KernelDeadlines.Of(hosts.Server, "ban4")).Key);
        Assert.All(attack, s => Assert.Equal(SocketError.ConnectionAborted, EndOf(s)));
        // 47 were 22 too many to be normal; those of the first were enough.
        Assert.All(user.Select(u => u.Served).Concat(few).Concat(second), s => Assert.True(IsOpen(s)));
        Assert.Contains("25 connections held at imap without a login while its daemon had too many processes", ratewall.Run("trace", Attacker).Out, StringComparison.Ordinal);
        JsonElement unit = Assert.Single(ratewall.Json("status").GetProperty("units").EnumerateArray());
        Assert.Equal(("mail", "trouble", "ban"), (unit.GetProperty("name").GetString(), unit.GetProperty("phase").GetString(), unit.GetProperty("last_act").GetProperty("act").GetString()));
        Assert.Equal("done", Assert.Single(ratewall.Json("trace", "mail").GetProperty("acts").EnumerateArray()).GetProperty("state").GetString());
        Assert.Empty(ratewall.Json("trace", Attacker).GetProperty("acts").EnumerateArray());
        Assert.Contains("[ban]: banned 198.51.100.9, ended 25 connections", ratewall.Run("trace", "mail.service").Out, StringComparison.Ordinal);
    }

    [LinuxFact]
    public void Ban_SwitchedOffInPolicy_LeavesTheAttackerHisConnections()
    {
        Write("[tell]");
        LogIn(User, 12);
        Socket[] attack = Hold(Attacker, 35);
        ReadLogs(47);
        Climb("tell");
        Assert.Empty(KernelDeadlines.Of(hosts.Server, "ban4"));
        Assert.All(attack, s => Assert.True(IsOpen(s)));
    }

    [LinuxFact]
    public void Ban_LogsNotRead_BlamesNobody()
    {
        Socket[] all = Hold(Attacker, 45);
        Climb("ban");
        Assert.Empty(KernelDeadlines.Of(hosts.Server, "ban4"));
        Assert.All(all, s => Assert.True(IsOpen(s)));
        Assert.Contains("who has logged in at imap is not known", said.ToString(), StringComparison.Ordinal);
    }

    [LinuxFact]
    public void Ban_LoginThatIsNotReadYet_BlamesNobody()
    {
        LogIn(Stranger, 1);
        ReadLogs(1);
        LogIn(User, 45);
        Climb("ban");
        Assert.Empty(KernelDeadlines.Of(hosts.Server, "ban4"));
    }

    [LinuxFact]
    public void Ban_SourceThatHasLoggedIn_IsNotBlamedForItsOtherConnections()
    {
        LogIn(User, 1);
        Socket[] others = Hold(User, 44);
        ReadLogs(45);
        Climb("ban");
        Assert.Empty(KernelDeadlines.Of(hosts.Server, "ban4"));
        Assert.All(others, s => Assert.True(IsOpen(s)));
    }

    [LinuxFact]
    public void Ban_LogThatIsGone_BlamesNobody()
    {
        LogIn(Stranger, 1);
        Hold(Attacker, 44);
        ReadLogs(45);
        File.Delete(ratewall.LogFile);
        Climb("ban");
        Assert.Empty(KernelDeadlines.Of(hosts.Server, "ban4"));
        Assert.Contains($"{ratewall.LogFile} is not there", said.ToString(), StringComparison.Ordinal);
    }

    // The user's logins are written where nobody reads them: nobody is blamed until somebody does.
    [LinuxFact]
    public void Ban_LogThatCannotBeRead_BlamesNobodyUntilItIsRead()
    {
        LogIn(Stranger, 1);
        (Socket Client, Socket Served)[] user = [.. Enumerable.Range(0, 44).Select(_ => Open(User))];
        ReadLogs(45);
        string written = ratewall.Scratch("written.log");
        File.Move(ratewall.LogFile, written);
        Shell.Run("mkfifo", ratewall.LogFile).MustSucceed("mkfifo");
        foreach ((Socket client, Socket _) in user) WriteLogin(client, User, written);
        AwaitBehind(true);
        Climb("ban");
        Assert.Empty(KernelDeadlines.Of(hosts.Server, "ban4"));
        Assert.All(user, u => Assert.True(IsOpen(u.Served)));
        Assert.Contains("who has logged in at imap is not known, because its log could not be read to its end", said.ToString(), StringComparison.Ordinal);

        File.Delete(ratewall.LogFile);
        File.Move(written, ratewall.LogFile);
        AwaitBehind(false);
        Climb("ban");
        Assert.Empty(KernelDeadlines.Of(hosts.Server, "ban4"));
        Assert.Contains("no stranger holds 5 connections to imap", said.ToString(), StringComparison.Ordinal);
    }

    [LinuxFact]
    public void Ban_OnTheAllowList_IsNotBlamed()
    {
        File.AppendAllText(ratewall.ConfigFile, $"\nallow: [{Attacker}]\n");
        ratewall.Run("apply").MustSucceed("apply");
        LogIn(User, 1);
        Socket[] all = Hold(Attacker, 45);
        ReadLogs(1);
        Climb("ban");
        Assert.All(all, s => Assert.True(IsOpen(s)));
    }

    [LinuxFact]
    public void Siege_TooManyProcesses_IsInTheKernelWithItsDeadline()
    {
        Write("[siege]");
        Hold(Attacker, 45);
        Climb("siege");
        Assert.Contains($"{Imap} timeout", hosts.Server.Nft("list", "set", "inet", "ratewall", "siege"), StringComparison.Ordinal);
    }

    // The first run sees the connections, and knows of the logins that were read after its look.
    private void ReadLogs(int connections) => Eventually.True("the connections were looked at", TimeSpan.FromMinutes(2), () =>
    {
        ratewall.Run("correlate").MustSucceed("correlate");
        using StateDatabase state = StateDatabase.OpenReadOnly(ratewall.StateDirectory)!;
        return state.LoadWindow(new("holders", "imap", default)).Count > connections;
    });

    // Runs of correlate until one has looked, and could read the log or could not.
    private void AwaitBehind(bool behind) => Eventually.True("the connections were looked at", TimeSpan.FromSeconds(60), () =>
    {
        Assert.Equal(behind ? 2 : 0, ratewall.Run("correlate").ExitCode);
        using StateDatabase state = StateDatabase.OpenReadOnly(ratewall.StateDirectory)!;
        return new ConnectionLedger("imap", SourceKeys.Default, state.UserNames(), state, 0).IsBehind == behind;
    });

    // Rounds until the rung is taken; each five seconds after the last by its own clock.
    private void Climb(string rung)
    {
        Eventually.True($"{rung} is taken", TimeSpan.FromMinutes(2), () =>
        {
            clock.Step += TimeSpan.FromSeconds(5);
            return hosts.Server.Run(() =>
            {
                var session = new Session
                {
                    ConfigPath = ratewall.ConfigFile,
                    ConfigNamed = true,
                    StateDirectory = ratewall.StateDirectory,
                    Format = OutputFormat.Table,
                    Out = said,
                    Error = said,
                    Time = clock,
                };
                using StateDatabase state = StateDatabase.Open(ratewall.StateDirectory, clock, said);
                using var units = new ConnectionUnits();
                var round = new WatchRound(session, session.LoadPolicy(), units, state);
                WatchAnswer.Tell(session, round.Run(), round.Acts, always: false);
                return round.Acts.Any(a => UnitText.Word(a.Happened.Act) == rung && a.State == UnitActState.Done);
            });
        });
    }

    private void Write(string ladder) => File.WriteAllText(ratewall.ConfigFile, $$"""
        defaults: { log: { file: {{ratewall.LogFile}} }, holders: { count: 1000, for: 1h } }
        services: { imap: { ports: [{{Imap}}], limit: off, capacity: off, prefix: off } }
        units:
          mail: { unit: mail.service, services: [imap], warn: 28, act: 30, normal: 25, after: 1s, ladder: {{ladder}} }
          dovecot: { enabled: false }
          imap_login: { enabled: false }
          pop3_login: { enabled: false }
        """);

    private Socket[] Hold(string from, int count) => [.. Enumerable.Range(0, count).Select(_ => Open(from).Served)];

    private (Socket Client, Socket Served) Open(string from)
    {
        (Socket client, Socket served) = hosts.Hold(from, Imap);
        sockets.Add(client);
        sockets.Add(served);
        return (client, served);
    }

    private (Socket Client, Socket Served)[] LogIn(string from, int count)
    {
        (Socket Client, Socket Served)[] open = [.. Enumerable.Range(0, count).Select(_ => Open(from))];
        foreach ((Socket client, Socket _) in open) WriteLogin(client, from, ratewall.LogFile);
        return open;
    }

    private static void WriteLogin(Socket client, string from, string log)
    {
        var end = (IPEndPoint)client.LocalEndPoint!;
        // dovecot's own: 48 bits of time, the port with the lower byte first, the address.
        string session = Convert.ToBase64String([1, 2, 3, 4, 5, 6, (byte)end.Port, (byte)(end.Port >> 8), .. end.Address.GetAddressBytes()]);
        File.AppendAllText(log, string.Create(
            CultureInfo.InvariantCulture,
            $"{DateTimeOffset.UtcNow:yyyy-MM-dd'T'HH:mm:ss.ffffff}+00:00 host dovecot: imap-login: Login: user=<bob>, method=PLAIN, rip={from}, lip=192.0.2.1, mpid=4711, TLS, session=<{session}>\n"));
    }

    private static SocketError EndOf(Socket served)
    {
        served.Blocking = true;
        served.ReceiveTimeout = 5000;
        return Assert.Throws<SocketException>(() => served.Receive(new byte[1])).SocketErrorCode;
    }

    private static bool IsOpen(Socket served) => !served.Poll(0, SelectMode.SelectRead);

    private sealed class StepClock : TimeProvider
    {
        public TimeSpan Step { get; set; }

        public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + Step;
    }

    // mail.service: a task for each established connection.
    private sealed class ConnectionUnits : IUnitManager
    {
        public UnitLook? Look(string unit, bool withProcesses, DateTimeOffset at)
        {
            using SocketDiagnostics diagnostics = SocketDiagnostics.Open(TimeProvider.System);
            int open = diagnostics.List(new([TcpState.Established], [Imap])).Count;
            return new(at, unit, "active", (ulong)open, null, "run", new Dictionary<string, long>(StringComparer.Ordinal));
        }

        public bool Holds(string timer) => false;

        public IReadOnlyList<string> StoppedWith(string unit) => [];

        public IReadOnlyList<string> TriggersOf(string unit) => [];

        public void StartTimer(ReturnTimer timer) => throw new NotSupportedException();

        public void EndTimer(string timer) => throw new NotSupportedException();

        public void RestartUnit(string unit) => throw new NotSupportedException();

        public void StartUnit(string unit) => throw new NotSupportedException();

        public void StopUnit(string unit) => throw new NotSupportedException();

        public bool Wait(TimeSpan longest) => false;

        public void Dispose()
        {
        }
    }
}
