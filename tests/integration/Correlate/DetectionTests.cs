using System.Globalization;
using System.Text.Json;
using RateWall.IntegrationTests.Machine;

namespace RateWall.IntegrationTests.Correlate;

/// <summary>
/// One log in which everything happens, one run over it by the real program, and for each detection what then stands in the
/// kernel's sets.
/// </summary>
public sealed class DetectionTests(DetectionTests.Attacked host) : IClassFixture<DetectionTests.Attacked>
{
    [LinuxFact]
    public void Failures_OfOneSource_AreABan() => Assert.Equal("6 failures at ssh in 10m", Reason("192.0.2.1", "ban4"));

    [LinuxFact]
    public void Slow_OfOneSource_IsABan() => Assert.Equal("8 failures at ssh in 1d", Reason("198.51.100.8", "ban4"));

    [LinuxFact]
    public void Users_OfOneSource_AreABan() => Assert.Equal("5 names tried at ssh in 10m", Reason("198.51.100.9", "ban4"));

    [LinuxFact]
    public void Users_OfATrustedSource_AreABanOfThatServiceAlone()
    {
        Assert.Contains("198.51.100.30 . 22", host.Set("banport4"), StringComparison.Ordinal);
        Assert.DoesNotContain("198.51.100.30", host.Set("ban4"), StringComparison.Ordinal);
        JsonElement ban = host.Ban("198.51.100.30");
        Assert.Equal(("ssh", "10 names tried at ssh in 1h"), (ban.GetProperty("scope").GetString(), ban.GetProperty("reason").GetString()));
        Assert.InRange(ban.GetProperty("remaining_s").GetInt64(), 1, 300);
    }

    [LinuxFact]
    public void Failures_OfATrustedSource_AreABanAtTenTimesAsMany()
    {
        foreach (string set in (string[])["ban4", "banport4"]) Assert.DoesNotContain("198.51.100.31", host.Set(set), StringComparison.Ordinal);
        Assert.Contains("198.51.100.32 . 22", host.Set("banport4"), StringComparison.Ordinal);
        Assert.Equal("60 failures at ssh in 10m", host.Ban("198.51.100.32").GetProperty("reason").GetString());
    }

    [LinuxFact]
    public void Failures_OfAUserWhoLoggedInFromThere_CountOnceAnHour()
    {
        foreach (string set in (string[])["ban4", "banport4"]) Assert.DoesNotContain("198.51.100.33", host.Set(set), StringComparison.Ordinal);
    }

    [LinuxFact]
    public void Failures_BeforeALoginOfTheSameName_AreSettled()
    {
        foreach (string set in (string[])["ban4", "banport4"]) Assert.DoesNotContain("198.51.100.35", host.Set(set), StringComparison.Ordinal);
    }

    [LinuxFact]
    public void Failures_OfARepeater_AreALongerBan()
    {
        Assert.Contains("198.51.100.34 ", host.Set("ban4"), StringComparison.Ordinal);
        // An hour from the second offence, 2295 seconds ago; ten minutes would long be over.
        Assert.InRange(host.Ban("198.51.100.34").GetProperty("remaining_s").GetInt64(), 1, 1305);
    }

    [LinuxFact]
    public void Probes_OfOneSource_AreABan() => Assert.Equal("20 probes at ssh in 10m", Reason("198.51.100.10", "ban4"));

    [LinuxFact]
    public void DaemonLimit_OfOneSource_IsABan() => Assert.Equal("20 limits hit at ssh in 10m", Reason("198.51.100.11", "ban4"));

    [LinuxFact]
    public void ProbesAndDaemonLimits_OfATrustedSource_AreNotCounted()
    {
        foreach (string set in (string[])["ban4", "banport4"]) Assert.DoesNotContain("198.51.100.36", host.Set(set), StringComparison.Ordinal);
    }

    [LinuxTheory]
    [InlineData("203.0.113.0/24", "bannet4")]
    [InlineData("2001:db8:5::/48", "bannet6")]
    public void Prefix_FullOfOffenders_IsBannedAsAWholeWithTheirLines(string network, string set)
    {
        Assert.Equal("5 offending addresses at ssh in 1h", Reason(network, set));
        JsonElement traced = host.Program.Json("trace", network).GetProperty("bans").EnumerateArray()
            .Single(b => b.GetProperty("target").GetString() == network);
        Assert.Equal(20, traced.GetProperty("lines").GetArrayLength());
        Assert.InRange(traced.GetProperty("remaining_s").GetInt64(), 3000, 3600);
    }

    [LinuxFact]
    public void Prefix_WithATrustedSourceOrAnExemptOneInside_IsNotBanned()
    {
        Assert.DoesNotContain("198.51.100.0/24", host.Set("bannet4"), StringComparison.Ordinal);
        Assert.DoesNotContain("192.0.2.0/24", host.Set("bannet4"), StringComparison.Ordinal);
        Assert.Contains("not banned, although it offended: 192.0.2.200 is on the allow list", host.Answer.Out, StringComparison.Ordinal);
    }

    [LinuxFact]
    public void Account_TriedFromManySources_BansEachAndRaisesSiege()
    {
        for (int i = 101; i <= 110; i++)
            Assert.Equal("one of 10 addresses that tried one account at imap in 1h", Reason($"198.51.100.{i}", "ban4"));
        // A source that logged in once is no stranger, whatever it does since.
        Assert.DoesNotContain("198.51.100.111", host.Set("ban4"), StringComparison.Ordinal);
        Assert.Contains("143 ", host.Set("siege"), StringComparison.Ordinal);
        Assert.Contains("993 ", host.Set("siege"), StringComparison.Ordinal);
        Assert.Contains("imap is under siege for", host.Answer.Out, StringComparison.Ordinal);
    }

    [LinuxFact]
    public void Pressure_OfManyFailingSources_RaisesSiege()
    {
        Assert.Contains("110 ", host.Set("siege"), StringComparison.Ordinal);
        Assert.Contains("995 ", host.Set("siege"), StringComparison.Ordinal);
        Assert.DoesNotContain("22 ", host.Set("siege"), StringComparison.Ordinal);
        JsonElement pop3 = host.Program.Json("status").GetProperty("services").EnumerateArray().Single(s => s.GetProperty("name").GetString() == "pop3");
        Assert.InRange(pop3.GetProperty("siege").GetProperty("remaining_s").GetInt64(), 1, 600);
    }

    [LinuxFact]
    public void DaemonLimit_OfNobody_RaisesSiege() => Assert.Contains("4190 ", host.Set("siege"), StringComparison.Ordinal);

    private string? Reason(string target, string set)
    {
        Assert.Contains(target + " ", host.Set(set), StringComparison.Ordinal);
        return host.Ban(target).GetProperty("reason").GetString();
    }

    /// <summary>A host on which everything has happened.</summary>
    public sealed class Attacked : IDisposable
    {
        private readonly NetworkNamespace network = new();
        private readonly Dictionary<string, string> sets = new(StringComparer.Ordinal);
        private readonly List<(DateTimeOffset At, string Text)> lines = [];
        private readonly DateTimeOffset now = DateTimeOffset.FromUnixTimeSeconds(DateTimeOffset.UtcNow.ToUnixTimeSeconds());
        private readonly JsonElement[] bans;
        private int process = 1000;

        public Attacked()
        {
            Program = new(network);
            File.WriteAllText(Program.ConfigFile, $$"""
                allow: [192.0.2.200]
                defaults: { log: { file: {{Program.LogFile}} } }
                services:
                  ssh: { slow: { count: 8 }, users: { trusted: { count: 10 } } }
                  pop3: { pressure: { count: 20 } }
                """);
            Program.Run("apply").MustSucceed("apply");
            WriteLog();
            File.WriteAllText(Program.LogFile, string.Concat(lines.OrderBy(l => l.At).Select(l => l.Text)));
            Answer = Program.Run("correlate").MustSucceed("correlate");
            bans = [.. Program.Json("list").GetProperty("bans").EnumerateArray()];
        }

        public RateWallProgram Program { get; }

        public Answer Answer { get; }

        public JsonElement Ban(string target) => Assert.Single(bans, b => b.GetProperty("target").GetString() == target);

        public string Set(string name)
        {
            if (!sets.TryGetValue(name, out string? listing)) sets.Add(name, listing = network.Nft("list", "set", "inet", "ratewall", name));
            return listing;
        }

        public void Dispose()
        {
            Program.Dispose();
            network.Dispose();
        }

        private void WriteLog()
        {
            // Offenders of three networks; of the second the allow list has an address.
            foreach (string member in Enumerable.Range(1, 5).SelectMany(i => new[] { $"203.0.113.{i}", $"192.0.2.{i}", $"2001:db8:5:{i}::7" }))
                for (int i = 0; i < 6; i++) Ssh(-120 + i, $"Failed password for member-of-{process / 6} from {member} port 40022 ssh2");
            for (int i = 0; i < 8; i++) Ssh(-60 - (i * 240), "Failed password for patient from 198.51.100.8 port 40022 ssh2");
            for (int i = 0; i < 5; i++) Ssh(-60 - (i * 60), $"Failed password for name{i} from 198.51.100.9 port 40022 ssh2");
            Ssh(-3000, "Accepted password for alice from 198.51.100.30 port 40022 ssh2");
            for (int i = 0; i < 10; i++) Ssh(-60 - (i * 180), $"Failed password for other{i} from 198.51.100.30 port 40022 ssh2");
            foreach (int trusted in (int[])[31, 32, 33, 36]) Ssh(-3000, $"Accepted password for alice from 198.51.100.{trusted} port 40022 ssh2");
            for (int i = 0; i < 12; i++) Ssh(-60 - (i * 5), "Failed password for bert from 198.51.100.31 port 40022 ssh2");
            for (int i = 0; i < 60; i++) Ssh(-60 - (i * 5), "Failed password for emil from 198.51.100.32 port 40022 ssh2");
            for (int i = 0; i < 90; i++) Ssh(-60 - (i * 5), "Failed password for alice from 198.51.100.33 port 40022 ssh2");
            for (int i = 0; i < 12; i++) Ssh((i < 6 ? -3000 : -2300) + (i % 6), "Failed password for again from 198.51.100.34 port 40022 ssh2");
            // 57 of one name are below the trusted source's 60; with the 5 of another, who then got in, they would not be.
            for (int i = 0; i < 5; i++) Ssh(-500 + i, "Failed password for dora from 198.51.100.35 port 40022 ssh2");
            Ssh(-490, "Accepted password for dora from 198.51.100.35 port 40022 ssh2");
            for (int i = 0; i < 57; i++) Ssh(-60 - (i * 5), "Failed password for fritz from 198.51.100.35 port 40022 ssh2");
            Write(-120, "dovecot: master: Warning: service(managesieve-login): process_limit (100) reached, client connections are being dropped");
            for (int i = 0; i < 20; i++)
            {
                Ssh(-60 - i, "Connection closed by 198.51.100.10 port 40022 [preauth]");
                Ssh(-60 - i, $"drop connection #12 from [198.51.100.11]:{40000 + i} on [203.0.113.200]:22 past MaxStartups");
                Ssh(-60 - i, "Connection closed by 198.51.100.36 port 40022 [preauth]");
                Ssh(-60 - i, $"drop connection #12 from [198.51.100.36]:{40000 + i} on [203.0.113.200]:22 past MaxStartups");
                Dovecot(-120 + i, "pop3-login", "Disconnected: Connection closed (auth failed, 1 attempts in 2 secs)", $"user{i}", $"2001:db8:{i + 100:x}::1");
            }

            for (int i = 101; i <= 111; i++)
                Dovecot(-120 + i, "imap-login", "Disconnected: Connection closed (auth failed, 1 attempts in 2 secs)", "boss", $"198.51.100.{i}");
            Dovecot(-3000, "imap-login", "Login", "carol", "198.51.100.111");
        }

        private void Ssh(int second, string message) => Write(second, $"sshd[{process++}]: {message}");

        private void Dovecot(int second, string login, string what, string user, string source) => Write(
            second, $"dovecot: {login}: {what}: user=<{user}>, method=PLAIN, rip={source}, lip=203.0.113.200, {(what == "Login" ? "mpid=4711, " : "")}TLS, session=<c29tZXNlc3Npb24>");

        private void Write(int second, string text)
        {
            DateTimeOffset at = now.AddSeconds(second);
            lines.Add((at, string.Create(CultureInfo.InvariantCulture, $"{at:yyyy-MM-dd'T'HH:mm:ss.ffffff}+00:00 host {text}\n")));
        }
    }
}
