using System.Text;
using RateWall.Detection;
using RateWall.Detection.Correlation;
using RateWall.Policy;

namespace RateWall.UnitTests.Policy;

public sealed class PolicyReaderTests : IDisposable
{
    private static readonly LogFacts Journal = new(HasJournal: true, _ => false);
    private readonly DirectoryInfo directory = Directory.CreateTempSubdirectory("ratewall-policy-");

    private string Main => Path.Combine(directory.FullName, "ratewall.yaml");

    public void Dispose() => directory.Delete(recursive: true);

    // The starting numbers of the design: service, family, ports, limit in 60 s, failures in 10 min.
    [Theory]
    [InlineData("ssh", "ssh", "22", LimitMode.Window, 6, 6)]
    [InlineData("smtp", "mail", "25", LimitMode.Bucket, 60, 10)]
    [InlineData("submission", "mail", "587,465", LimitMode.Bucket, 20, 10)]
    [InlineData("imap", "mail", "143,993", LimitMode.Bucket, 60, 10)]
    [InlineData("pop3", "mail", "110,995", LimitMode.Bucket, 20, 10)]
    [InlineData("sieve", "mail", "4190", LimitMode.Window, 6, 6)]
    [InlineData("ftp", "ftp", "21,990", LimitMode.Window, 10, 10)]
    public void Default_Service_HasTheStartingNumbers(string name, string family, string ports, LimitMode mode, int connections, int failures)
    {
        ServicePolicy service = Lay("").Services.Single(s => s.Name == name);
        Assert.Equal(family, service.Family);
        Assert.True(service.Enabled);
        Assert.Equal(ports, string.Join(',', service.Ports));
        Assert.Equal(new LimitPolicy(mode, connections, TimeSpan.FromSeconds(60), 65_535, 20), service.Limit);
        Assert.Equal(new Threshold(failures, TimeSpan.FromMinutes(10)), service.Detections.Failures);
        Assert.Equal(new Threshold(20, TimeSpan.FromMinutes(10)), service.Detections.Probes);
        Assert.Null(service.Log.File);
        Assert.Empty(service.Units);
    }

    [Fact]
    public void Default_Detections_HaveTheStartingNumbers()
    {
        TimeSpan minute = TimeSpan.FromMinutes(1), hour = TimeSpan.FromHours(1);
        Assert.All(Lay("").Services, s => Assert.Equal(
            new DetectionSet
            {
                Failures = new(s.Name is "ssh" or "sieve" ? 6 : 10, 10 * minute),
                Slow = new(30, 24 * hour),
                Users = new(new(5, 10 * minute), new(30, hour)),
                Probes = s.Name == "web" ? null : new(20, 10 * minute),
                DaemonLimit = s.Name == "smtp" ? null : new(20, 10 * minute),
                Prefix = new(new(5, hour), hour, 24 * hour),
                Account = new(new(10, hour), 10 * minute),
                Pressure = s.Name == "smtp" ? null : new(new(200, 5 * minute), 10 * minute),
                Holders = s.Name is "smtp" or "web" ? null : new(5, minute),
                Capacity = s.Name is "ssh" or "submission" or "imap" or "pop3" ? 100 : null,
            },
            s.Detections));
    }

    [Theory]
    [InlineData("failures")]
    [InlineData("slow")]
    [InlineData("users")]
    [InlineData("probes")]
    [InlineData("daemon_limit")]
    [InlineData("prefix")]
    [InlineData("account")]
    [InlineData("pressure")]
    [InlineData("holders")]
    public void Detection_SwitchedOff_IsOffAtThatServiceAlone(string key)
    {
        EffectivePolicy policy = Lay($"services: {{ imap: {{ {key}: off }} }}");
        Assert.All(
            policy.Services.Where(s => s.Name is not ("smtp" or "web")),
            s => Assert.All(s.Detections.All, d => Assert.Equal(s.Name == "imap" && d.Name == key, d.Threshold is null)));
    }

    [Fact]
    public void Capacity_Given_HoldsForThatService()
    {
        EffectivePolicy policy = Lay("services: { imap: { capacity: off }, ftp: { capacity: 2000, holders: { count: 7, for: 2m } } }");
        Assert.Null(policy.Services.Single(s => s.Name == "imap").Detections.Capacity);
        DetectionSet ftp = policy.Services.Single(s => s.Name == "ftp").Detections;
        Assert.Equal((2000, new HoldersThreshold(7, TimeSpan.FromMinutes(2))), (ftp.Capacity!.Value, ftp.Holders!));
    }

    [Fact]
    public void Users_OfTrustedSourcesOff_LeavesThoseOfStrangers()
    {
        UsersThreshold users = Lay("services: { imap: { users: { trusted: off } } }").Services.Single(s => s.Name == "imap").Detections.Users!;
        Assert.Null(users.Trusted);
        Assert.Equal(5, users.Stranger.Count);
    }

    [Fact]
    public void Default_Rest_HasTheStartingNumbers()
    {
        EffectivePolicy policy = Lay("");
        Assert.Equal(8, policy.Services.Count);
        Assert.Empty(policy.Allow);
        Assert.Equal(new BanPolicy(TimeSpan.FromMinutes(10), 6, TimeSpan.FromDays(7), TimeSpan.FromDays(30), 1_000_000), policy.Bans);
        Assert.Equal(new TrustPolicy(TimeSpan.FromDays(30), 10), policy.Trust);
        Assert.All(policy.Values, v => Assert.Equal("built-in", v.Origin.ToString()));
    }

    [Theory]
    [InlineData("")]
    [InlineData("# only a comment\n")]
    [InlineData("---\n")]
    [InlineData("services:\n  ssh:\nbans:\n")]
    [InlineData("\uFEFFbans: {}\r\n")]
    [InlineData("services: { ssh: { limit: } }")]
    public void Lay_NothingSaid_ChangesNothing(string yaml) =>
        Assert.Equal(Texts(Lay("")), Texts(Lay(yaml)));

    [Fact]
    public void Lay_OneKey_LeavesTheOthers()
    {
        ServicePolicy ssh = Lay("services: { ssh: { limit: { connections: 4 } } }").Services[0];
        Assert.Equal(new LimitPolicy(LimitMode.Window, 4, TimeSpan.FromSeconds(60), 65_535, 20), ssh.Limit);
        Assert.Equal([22], ssh.Ports);
    }

    [Fact]
    public void Lay_DefaultsKey_ReachesServicesThatDoNotSayOtherwise()
    {
        EffectivePolicy policy = Lay("defaults: { failures: { count: 3, within: 1h30m } }");
        Assert.Equal(new Threshold(6, TimeSpan.FromMinutes(90)), policy.Services.Single(s => s.Name == "ssh").Detections.Failures);
        Assert.Equal(new Threshold(3, TimeSpan.FromMinutes(90)), policy.Services.Single(s => s.Name == "imap").Detections.Failures);
    }

    [Fact]
    public void Lay_Off_SwitchesOff()
    {
        ServicePolicy ssh = Lay("services: { ssh: { limit: off, failures: off, probes: false } }").Services[0];
        Assert.Equal(LimitMode.Off, ssh.Limit.Mode);
        Assert.Null(ssh.Detections.Failures);
        Assert.Null(ssh.Detections.Probes);
    }

    [Fact]
    public void Lay_OffThenOneKeyInALaterFile_SwitchesOnAgain()
    {
        EffectivePolicy policy = Lay("services: { ssh: { failures: off } }", "services: { ssh: { failures: { count: 3 } } }");
        Assert.Equal(new Threshold(3, TimeSpan.FromMinutes(10)), policy.Services[0].Detections.Failures);
    }

    [Fact]
    public void Lay_NewService_TakesTheDefaults()
    {
        ServicePolicy added = Lay("services: { ssh_alt: { family: ssh, ports: 2222, units: [sshd@alt.service], log: { file: /var/log/alt.log, program: sshd } } }").Services[^1];
        Assert.Equal("ssh_alt", added.Name);
        Assert.Equal([2222], added.Ports);
        Assert.Equal(LimitMode.Bucket, added.Limit.Mode);
        Assert.Equal(new Threshold(10, TimeSpan.FromMinutes(10)), added.Detections.Failures);
        Assert.Equal(["sshd@alt.service"], added.Units);
        Assert.Equal(new LogSource("/var/log/alt.log", "sshd"), added.Log);
    }

    [Fact]
    public void Lay_SeveralLogs_HaveTheOneForAllFirst()
    {
        EffectivePolicy policy = Lay("services: { web: { enabled: true, log: [{ file: /var/log/n.log, program: nginx }, journal, { file: /var/log/r.log, program: roundcube }] } }");
        ServicePolicy web = policy.Services.Single(s => s.Name == "web");
        Assert.Equal([LogSource.Journal, new("/var/log/n.log", "nginx"), new("/var/log/r.log", "roundcube")], web.Logs);
        Assert.Equal("nginx", policy.Values.Single(v => v.Path == "services.web.log[0].program").Text);
    }

    [Fact]
    public void BuiltIn_Web_IsOffAndHasNoLimit()
    {
        ServicePolicy web = PolicyReader.Parse([], new LogFacts(HasJournal: false, _ => false)).Services.Single(s => s.Name == "web");
        Assert.False(web.Enabled);
        Assert.Equal(LimitMode.Off, web.Limit.Mode);
        Assert.Null(web.Detections.Probes);
        Assert.NotNull(web.Detections.Failures);
    }

    [Fact]
    public void Lay_PortOfADisabledService_MayBeTaken()
    {
        EffectivePolicy policy = Lay("services: { ftp: { enabled: false }, ssh: { ports: [22, 21] } }");
        Assert.DoesNotContain(policy.Enabled, s => s.Name == "ftp");
        Assert.Equal([22, 21], policy.Services[0].Ports);
    }

    [Fact]
    public void Lay_Allow_KeepsCanonicalNetworksWithTheirOrigin()
    {
        EffectivePolicy policy = Lay("allow:\n  - 192.0.2.77/24\n  - 2001:DB8::/32\n");
        Assert.Equal([AddressPrefix.Parse("192.0.2.0/24"), AddressPrefix.Parse("2001:db8::/32")], policy.Allow);
        PolicyValue second = policy.Values.Single(v => v.Path == "allow[1]");
        Assert.Equal("2001:db8::/32", second.Text);
        Assert.Equal("0.yaml:3:5", second.Origin.ToString());
    }

    [Theory]
    [InlineData("ssh", "/var/log/secure", "/var/log/secure")]
    [InlineData("ssh", "/nowhere", "/var/log/auth.log")]
    [InlineData("imap", "/var/log/maillog", "/var/log/maillog")]
    [InlineData("imap", "/var/log/mail.log", "/var/log/mail.log")]
    [InlineData("ftp", "/var/log/secure", "/var/log/secure")]
    public void LogAuto_NoJournal_IsTheFamilysFile(string service, string existing, string expected)
    {
        EffectivePolicy policy = PolicyReader.Parse([], new LogFacts(HasJournal: false, f => f == existing));
        Assert.Equal(expected, policy.Services.Single(s => s.Name == service).Log.File);
    }

    [Fact]
    public void Load_MainAndConfD_LaysThemInOrdinalOrder()
    {
        File.WriteAllText(Main, "bans: { first: 1m }\n");
        DirectoryInfo more = directory.CreateSubdirectory("conf.d");
        File.WriteAllText(Path.Combine(more.FullName, "20-b.yaml"), "bans: { factor: 3 }\n");
        File.WriteAllText(Path.Combine(more.FullName, "10-a.yaml"), "bans: { first: 2m, factor: 2 }\n");
        File.WriteAllText(Path.Combine(more.FullName, ".hidden.yaml"), "not: read\n");
        File.WriteAllText(Path.Combine(more.FullName, "30-c.yaml~"), "not: read\n");
        EffectivePolicy policy = PolicyReader.Load(Main, mustExist: true, Journal);
        Assert.Equal(TimeSpan.FromMinutes(2), policy.Bans.First);
        Assert.Equal(3, policy.Bans.Factor);
        Assert.Equal("ratewall.yaml 10-a.yaml 20-b.yaml", string.Join(' ', policy.Files.Select(Path.GetFileName)));
        Assert.Equal($"{Path.Combine(more.FullName, "10-a.yaml")}:1:16", policy.Values.Single(v => v.Path == "bans.first").Origin.ToString());
    }

    [Fact]
    public void Load_SeveralWrongFiles_TellsThemInOrder()
    {
        File.WriteAllText(Main, "bans: { factor: 0 }\nx: 1\n");
        DirectoryInfo more = directory.CreateSubdirectory("conf.d");
        File.WriteAllText(Path.Combine(more.FullName, "a.yaml"), "y: 1\n");
        PolicyException wrong = Assert.Throws<PolicyException>(() => PolicyReader.Load(Main, mustExist: true, Journal));
        Assert.Equal(
            "ratewall.yaml:1 ratewall.yaml:2 a.yaml:1",
            string.Join(' ', wrong.Details.Select(d => $"{Path.GetFileName(d.Origin.File)}:{d.Origin.Line}")));
    }

    [Fact]
    public void Load_MissingFile_IsAnErrorOnlyWhenNamed()
    {
        Assert.Empty(PolicyReader.Load(Main, mustExist: false, Journal).Files);
        PolicyException wrong = Assert.Throws<PolicyException>(() => PolicyReader.Load(Main, mustExist: true, Journal));
        Assert.Equal([$"{Main}: there is no such file; check --config or RATEWALL_CONFIG"], wrong.Problems);
    }

    [Fact]
    public void Load_FileNameThatATerminalObeys_IsEscaped()
    {
        string path = Path.Combine(directory.FullName, "\u001b[2J.yaml");
        PolicyException wrong = Assert.Throws<PolicyException>(() => PolicyReader.Load(path, mustExist: true, Journal));
        Assert.Contains("/\\x1b[2J.yaml: there is no such file", wrong.Problems[0], StringComparison.Ordinal);
    }

    [Fact]
    public void Load_Directory_SaysSo()
    {
        PolicyException wrong = Assert.Throws<PolicyException>(() => PolicyReader.Load(directory.FullName, mustExist: true, Journal));
        Assert.Equal([$"{directory.FullName}: this is a directory; name a file in it"], wrong.Problems);
    }

    [Fact]
    public void Load_EndlessFile_IsRefused() =>
        Assert.Throws<PolicyException>(() => PolicyReader.Load("/dev/zero", mustExist: true, Journal));

    private static string Texts(EffectivePolicy policy) => string.Join('\n', policy.Values.Select(v => $"{v.Path} {v.Text}"));

    private static EffectivePolicy Lay(params string[] texts) =>
        PolicyReader.Parse([.. texts.Select((t, i) => new PolicyFile($"{i}.yaml", Encoding.UTF8.GetBytes(t)))], Journal);
}
