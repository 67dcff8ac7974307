using System.Text;
using RateWall.Detection;
using RateWall.Detection.Logs;

namespace RateWall.UnitTests.Detection;

/// <content>What stands in front of a message: stamps, hosts, programs, and what wraps a line.</content>
public sealed partial class LogParserTests
{
    [Theory]
    [InlineData("Nov 21 04:00:00 mx01 sshd[123]: ")]
    [InlineData("Nov 21 04:00:00 sshd[123]: ")]
    [InlineData("Nov 21 04:00:00 mx01 /usr/sbin/sshd[123]: ")]
    [InlineData("<38>Nov 21 04:00:00 mx01 sshd[123]: ")]
    [InlineData("<38>1 2026-11-21T04:00:00.000Z mx01 sshd 123 - - ")]
    [InlineData("<38>1 2026-11-21T05:00:00+01:00 mx01 sshd 123 ID47 [x@1 a=\"b\\\"]\"][y@2] \uFEFF")]
    [InlineData("2026-11-21T04:00:00.000123+00:00 mx01 sshd-session[123]: ")]
    [InlineData("2026-11-21T01:00:00-0300 mx01 sshd-session[123]: ")]
    [InlineData("2026-11-21 04:00:00 mx01 sshd[123]: ")]
    [InlineData("2026 Nov 21 04:00:00 mx01 sshd[123]: ")]
    [InlineData("Nov 21 04:00:00 [sshd] ")]
    [InlineData("@400000006921e40a00000000 sshd[123]: ")]
    [InlineData("1 2026-11-21T04:00:00.000Z mx01 sshd 123 - - ")]
    [InlineData("Nov 21 04:00:00.123456 mx01 sshd[123]: ")]
    [InlineData("Nov 21 04:00:00 mx01 auth.info sshd[123]: ")]
    [InlineData("Nov 21 04:00:00 mx01 user.notice sshd[123]: ")]
    [InlineData("Nov 21 04:00:00 mx01 local7.warn sshd[123]: ")]
    [InlineData("Nov 21 04:00:00 mx01 auth|security:info sshd[123]: ")]
    [InlineData("Nov 21 04:00:00 mx01 sshd-session.pam[123]: ")]
    [InlineData("Nov 21 04:00:00 mx01 Message forwarded from mx02: sshd[123]: ")]
    [InlineData("Nov 21 04:00:00 mx01 auth|security:info Message forwarded from mx02: sshd[123]: ")]
    [InlineData("Nov 21 04:00:00 <auth.info> mx01 sshd[123]: ")]
    [InlineData("Nov 21 04:00:00 <4.6> mx01 sshd[123]: ")]
    [InlineData("Nov 21 2026 04:00:00 mx01 sshd[123]: ")]
    [InlineData("2026-11-21 04:00:00,000 sshd[123] ")]
    [InlineData("1795233600.000000 mx01 sshd[123]: ")]
    [InlineData("[123] Nov 21 04:00:00 ")]
    [InlineData("Nov 21 04:00:00 mx01 sshd[123]: [ID 800047 auth.info] ")]
    [InlineData("Nov 21 04:00:00 2001:db8::1 sshd[123]: ")]
    [InlineData("2026-11-21T04:00:00.000000000Z stderr F ")]
    [InlineData("Sat 2026-11-21 04:00:00 UTC mx01 sshd[123]: ")]
    [InlineData("2026/11/21 04:00:00 mx01 sshd[123]: ")]
    [InlineData("2026-11-21 04:00:00,000 mx01 sshd[123] ")]
    [InlineData("Nov 21 04:00:00 sshd [123]: ")]
    [InlineData("[2026-11-21 04:00:00.000] sshd[123]: ")]
    [InlineData("Sat Nov 21 04:00:00 2026 sshd[123]: ")]
    [InlineData("Nov 21 04:00:00 s_local@mx01/relay.example.com sshd[123]: ")]
    [InlineData("2026-11-21T03:59:59.123456789Z stdout F Nov 21 04:00:00 mx01 sshd[123]: ")]
    [InlineData("2026-11-21T03:59:59.123456789Z Nov 21 04:00:00 sshd[123]: ")]
    [InlineData("mail-1  | Nov 21 04:00:00 mx01 sshd[123]: ")]
    [InlineData("mail | Nov 21 04:00:00 mx01 sshd[123]: ")]
    [InlineData("mail_mx.1.0a1b2c@node1    | Nov 21 04:00:00 mx01 sshd[123]: ")]
    [InlineData("[pod/mail-0/mx] Nov 21 04:00:00 mx01 sshd[123]: ")]
    [InlineData("[pod/mail-0/mx] 2026-11-21T03:59:59.123456789Z Nov 21 04:00:00 mx01 sshd[123]: ")]
    [InlineData("sshd: Nov 21 04:00:00 ")]
    [InlineData("2026-11-21T03:59:59.12345 auth.info: Nov 21 04:00:00 sshd[123]: ")]
    [InlineData("@400000006921e40a00000000 authpriv.notice: Nov 21 04:00:00 sshd[123]: ")]
    [InlineData("2026-11-21_04:00:00.00012 ")]
    [InlineData("2026-11-21_04:00:00.00012 sshd[123]: ")]
    [InlineData("2026-11-21_03:59:59.12345 auth.info: Nov 21 04:00:00 sshd[123]: ")]
    [InlineData("Nov 21 04:00:00 mx01 sshd[123]:  ")]
    [InlineData("2026-11-21T04:00:00.000123+00:00 mx01 sshd[123]:  ")]
    [InlineData("Nov 21 04:00:00 [192.0.2.5] sshd[123]: ")]
    [InlineData("Nov 21 04:00:00 [2001:db8::5] sshd[123]: ")]
    [InlineData("2026-11-21T04:00:00+00:00 [192.0.2.5] sshd[123]: ")]
    [InlineData("2026-11-21 04:00:00.000000+0000  localhost sshd[123]: ")]
    public void Header_OfEachForm_GivesProgramAndTime(string header)
    {
        List<Seen> seen = Read(header.Replace("6921e40a", $"{(Four / 1000) + 10:x8}", StringComparison.Ordinal) + Failed + "\n");
        Assert.Equal([new("ssh", AttemptKind.Failure, "192.0.2.7", "root", 1, Four)], seen);
    }

    [Theory]
    [InlineData("Nov 1 04:00:00 mx01 sshd[123]: ")]
    [InlineData("<38>Nov 1 04:00:00 mx01 sshd[123]: ")]
    [InlineData("Nov  1 04:00:00 mx01 sshd[123]: ")]
    [InlineData("Nov 01 04:00:00 mx01 sshd[123]: ")]
    public void Header_WithADayOfOneDigit_GivesProgramAndTime(string header)
    {
        Seen seen = Assert.Single(Read(header + "Failed password for root from 192.0.2.7 port 4022 ssh2\n"));
        Assert.Equal(new("ssh", AttemptKind.Failure, "192.0.2.7", "root", 1, new DateTimeOffset(2026, 11, 1, 4, 0, 0, TimeSpan.Zero).ToUnixTimeMilliseconds()), seen);
    }

    [Theory]
    [InlineData("Failed password for root from 192.0.2.7 port 4022 ssh2")]
    [InlineData("Nov 20 01:00:00 mx01 sshd[123]: Failed password for root from 192.0.2.7 port 4022 ssh2")]
    [InlineData("sshd[123]: Failed password for root from 192.0.2.7 port 4022 ssh2")]
    public void Line_OfDocker_IsTheOneInsideAtTheEnginesTime(string text)
    {
        List<Seen> seen = Read($"{{\"log\":\"{text}\\n\",\"stream\":\"stderr\",\"attrs\":{{\"tag\":\"x\"}},\"time\":\"2026-11-21T04:00:00.000000001Z\"}}\n");
        Assert.Equal([new("ssh", AttemptKind.Failure, "192.0.2.7", "root", 1, Four)], seen);
    }

    [Theory]
    [InlineData(@"a\"",\""time\"":\""b", "a\",\"time\":\"b")]
    [InlineData(@"\u003ca\/\\\tb\u00e9", "<a/\\\tb\u00e9")]
    public void Line_OfDocker_IsUnescaped(string written, string user)
    {
        string line = $"{{\"log\":\"Failed password for {written} from 192.0.2.7 port 4022 ssh2\\n\",\"stream\":\"stderr\",\"time\":\"2026-11-21T04:00:00Z\"}}\n";
        Assert.Equal([new("ssh", AttemptKind.Failure, "192.0.2.7", user, 1, Four)], Read(line));
    }

    [Theory]
    [InlineData("{\"log\":\"")]
    [InlineData("{\"log\":\"x\\")]
    [InlineData("{\"log\":\"x\\\"")]
    [InlineData("{\"log\":\"x\"")]
    [InlineData("{\"log\":\"x\",\"time\":\"")]
    [InlineData("{\"log\":\"\\ud800\",\"time\":\"2026-11-21T04:00:00Z\"}")]
    [InlineData("{\"log\":\"\\u00\",\"time\":\"2026-11-21T04:00:00Z\"}")]
    [InlineData("{\"log\":\"\\x\",\"time\":\"2026-11-21T04:00:00Z\"}")]
    [InlineData("{\"log\":\"\",\"time\":\"\"}")]
    public void Line_OfDockerThatIsBroken_IsNoTry(string line) => Assert.Empty(Read(line + "\n"));

    [Theory]
    [InlineData("Nov 21 04:00:00 imap-login: Info: ", "imap")]
    [InlineData("Nov 21 04:00:00 mx01 dovecot: pop3-login: ", "pop3")]
    [InlineData("Nov 21 04:00:00 mx01 dovecot[77]: managesieve-login: ", "sieve")]
    [InlineData("Nov 21 04:00:00 mx01 mail.info dovecot: imap-login: ", "imap")]
    [InlineData("Nov 21 04:00:00 submission-login: Info: ", "submission")]
    [InlineData("dovecot: Nov 21 04:00:00 Info: imap-login: ", "imap")]
    [InlineData("dovecot: 2026-11-21 04:00:00 Info: pop3-login: ", "pop3")]
    [InlineData("mail-1  | Nov 21 04:00:00 imap-login: Info: ", "imap")]
    public void Header_OfDovecot_GivesTheService(string header, string service)
    {
        Seen seen = Assert.Single(Read(header + "Disconnected (auth failed, 2 attempts in 4 secs): user=<bob>, method=PLAIN, rip=192.0.2.7, lip=192.0.2.10\n"));
        Assert.Equal(new(service, AttemptKind.Failure, "192.0.2.7", "bob", 2, Four), seen);
    }

    [Theory]
    [InlineData("dovecot: message repeated 3 times: [ imap-login: {0}]")]
    [InlineData("dovecot[77]: imap-login: message repeated 3 times: [ {0}]")]
    public void Repeated_OfAPart_CountsEachTime(string form)
    {
        string message = string.Format(null, form, "Disconnected (auth failed, 2 attempts in 4 secs): user=<bob>, method=PLAIN, rip=192.0.2.7, lip=192.0.2.10");
        Assert.Equal([new("imap", AttemptKind.Failure, "192.0.2.7", "bob", 6, Four)], Read($"Nov 21 04:00:00 mx01 {message}\n"));
    }

    [Theory]
    [InlineData("dovecot: message repeated 3 times: [ {0}]")]
    [InlineData("dovecot: message repeated 3 times: [ lmtp: {0}]")]
    public void Repeated_OfNoPart_IsNothing(string form)
    {
        string message = string.Format(null, form, "Disconnected (auth failed, 2 attempts in 4 secs): user=<bob>, method=PLAIN, rip=192.0.2.7, lip=192.0.2.10");
        Assert.Empty(Read($"Nov 21 04:00:00 mx01 {message}\n"));
    }

    [Theory]
    [InlineData("Sat Nov 21 04:00:00 2026 [pid 7] [bob] FAIL LOGIN: Client \"192.0.2.7\"", "ftp")]
    [InlineData("2026-11-21 04:00:00,000 host proftpd[7] host (192.0.2.7[192.0.2.7]): USER bob (Login failed): Incorrect password", "ftp")]
    [InlineData("Nov 21 04:00:00 host proftpd[7]: host (192.0.2.7[192.0.2.7]) - USER bob (Login failed): Incorrect password", "ftp")]
    [InlineData("[21-Nov-2026 04:00:00 +0000]: <abc> Failed login for bob from 192.0.2.7 in session abc (error: 0)", "web")]
    [InlineData("[21-Nov-2026 04:00:00.250 +0000]: IMAP Error: Login failed for bob from 192.0.2.7. LOGIN: Authentication failed. in /x on line 1 (POST /)", "web", 250)]
    [InlineData("2026-11-21T04:00:00.000000000Z stdout F errors: <abc> IMAP Error: Login failed for bob against imap from 192.0.2.7. LOGIN: Authentication failed. in /x on line 1 (POST /)", "web")]
    [InlineData("[21-Nov-2026 04:00:00 UTC] userlogins: <abc> Failed login for bob from 192.0.2.7 in session abc (error: 0)", "web")]
    [InlineData("[Sat Nov 21 04:00:00 2026] [error] [client 192.0.2.7] user bob: authentication failure for \"/\": Password Mismatch", "web")]
    [InlineData("Nov 21 04:00:00 sogod [7]: SOGoRootPage Login from '192.0.2.7' for user 'bob' might not have worked - x", "web")]
    [InlineData("2026-11-21T04:00:00+00:00 NOTICE: HORDE [imp] FAILED LOGIN for bob (192.0.2.7) to {imap://localhost/}", "web")]
    [InlineData("Nov 21 04:00:00 HORDE [error] [imp] FAILED LOGIN for bob [192.0.2.7] to {localhost:143 [imap]}", "web")]
    [InlineData("11/21/2026 04:00:00 [LOGIN_ERROR] bob (example.com) from 192.0.2.7: Unknown user or password incorrect.", "web")]
    [InlineData("192.0.2.7 - bob [21/Nov/2026:04:00:00 +0000] \"GET / HTTP/1.1\" 401 381", "web")]
    [InlineData("[Sat Nov 21 04:00:00.000000 2026] [auth_basic:error] [pid 7:tid 140212345678901] [client 192.0.2.7:50022] AH01617: user bob: authentication failure for \"/\": Password Mismatch", "web")]
    [InlineData("Nov 21 04:00:00 host dropbear[7]: Bad password attempt for 'bob' from 192.0.2.7:4022", "ssh")]
    public void Line_AsItsDaemonWritesItIntoItsLog_IsReadWithoutNamingTheProgram(string line, string service, int milliseconds = 0) =>
        Assert.Equal([new(service, AttemptKind.Failure, "192.0.2.7", "bob", 1, Four + milliseconds)], Read(line + "\n"));

    [Theory]
    [InlineData("Sat Nov 21 04:00:00 2026 ")]
    [InlineData("[Sat Nov 21 04:00:00.000000 2026] ")]
    [InlineData("[Sat Nov 21 04:00:00 2026] ")]
    [InlineData("[21-Nov-2026 05:00:00 +0100]: ")]
    [InlineData("[21-Nov-2026 04:00:00]: ")]
    [InlineData("[21-Nov-2026 04:00:00 UTC] ")]
    [InlineData("11/21/2026 04:00:00 ")]
    [InlineData("2026/11/21 04:00:00 ")]
    [InlineData("2026-11-21 04:00:00: ")]
    public void Stamp_OfADaemonsOwnLog_IsRead(string stamp) =>
        Assert.Equal([new("ssh", AttemptKind.Failure, "192.0.2.7", "root", 1, Four)], Read(stamp + Failed + "\n", "sshd"));

    [Theory]
    [InlineData("[21/Nov/2026:04:00:00 +0000]", "2026-11-21T04:00:00Z")]
    [InlineData("[21/Nov/2026:04:00:00 -0130]", "2026-11-21T05:30:00Z")]
    [InlineData("[2026-11-21T04:00:00+01:00]", "2026-11-21T03:00:00Z")]
    [InlineData("[2026-11-21T04:00:00Z]", "2026-11-21T04:00:00Z")]
    [InlineData("[21/Nov/2026:04:00:61 +0000]", "2026-11-21T05:00:00Z")]
    [InlineData("[31/Feb/2026:04:00:00 +0000]", "2026-11-21T05:00:00Z")]
    public void Stamp_InsideALine_IsItsTime(string stamp, string expected)
    {
        RuleSet rules = RuleSet.Only(("web.rules", "programs web\nservice web\nheader none\nfailure {address} - {user} [{stamp}{? {word}}] \"{text}\" 401"));
        var parser = new LogParser(rules, Now, TimeZoneInfo.Utc);
        List<Seen> seen = [];
        parser.Read(Encoding.UTF8.GetBytes($"192.0.2.7 - bob {stamp} \"GET / HTTP/1.1\" 401\n"), "web"u8, Into(seen));
        Assert.Equal([new("web", AttemptKind.Failure, "192.0.2.7", "bob", 1, DateTimeOffset.Parse(expected).ToUnixTimeMilliseconds())], seen);
    }

    [Theory]
    [InlineData("Nov 21 04:00:00 mx01 sshd[1]: Failed password for root from 192.0.2.1 port 1 ssh2 refused", null)]
    [InlineData("sshd: Failed password for root from 192.0.2.1 port 1 ssh2", null)]
    [InlineData("Nov 21 04:00:00 x y: refused 192.0.2.7", "192.0.2.7")]
    [InlineData("Nov 21 04:00:00 mx01 own[3]: z: refused 192.0.2.7", "192.0.2.7")]
    public void Line_OfAnOwnLog_IsNeverReadByTheRulesOfAProgramItSpellsOut(string line, string? source)
    {
        (string, string)[] files =
        [
            ("own.rules", "programs own\nservice own\nheader none\nfailure {text}: refused {address}"),
            ("sshd.rules", "programs sshd\nservice ssh\nfailure Failed password for {user} from {address} port {port} ssh2{? refused}"),
        ];
        var parser = new LogParser(RuleSet.Only(files), Now, TimeZoneInfo.Utc);
        List<Seen> seen = [];
        parser.Read(Encoding.UTF8.GetBytes(line + "\n" + line.PadRight(120) + "\n"), "own"u8, Into(seen));
        Assert.All(seen, s => Assert.Equal("own", s.Service));
        Assert.Equal(source is null ? [] : [source, source], seen.Select(s => s.Source!), StringComparer.Ordinal);
    }

    [Theory]
    [InlineData(Failed + "\r", "")]
    [InlineData(Failed, "sshd")]
    [InlineData("sshd[9]: " + Failed, "")]
    [InlineData("[ 4711.123456] mx01 sshd[9]: " + Failed, "")]
    [InlineData("[123456.123456] mx01 sshd[9]: " + Failed, "")]
    [InlineData("[1234567890.123456] sshd[9]: " + Failed, "")]
    public void Line_WithoutAStamp_HappenedNow(string line, string program) =>
        Assert.Equal([new("ssh", AttemptKind.Failure, "192.0.2.7", "root", 1, Now.ToUnixTimeMilliseconds())], Read(line + "\n", program));

    [Theory]
    [InlineData("Nov 21 04:00:00 mx01 kernel: " + Failed)]
    [InlineData("Nov 21 04:00:00 mx01 evil[1]: sshd[2]: " + Failed)]
    [InlineData("Nov 21 04:00:00 imap(x sshd: " + Failed + ": )<1><c2Vz>: Info: Logged out")]
    [InlineData("Nov 21 04:00:00 auth(x sshd: " + Failed + ": ,198.51.100.9,sasl:plain)<c2Vz>: Info: sql: unknown user")]
    [InlineData("Nov 21 04:00:00 lmtp(1, x, sshd: " + Failed + ": ): Info: x")]
    [InlineData("Nov 21 04:00:00 mx01 doveadm(192.0.2.7): imap-login: Disconnected (auth failed, 1 attempts in 2 secs): user=<bob>, rip=192.0.2.7")]
    [InlineData("")]
    [InlineData("\0\0\0")]
    public void Line_OfAnotherProgram_IsNothing(string line) => Assert.Empty(Read(line + "\n"));

    [Theory]
    [InlineData("Dec 31 23:59:59", "2026-01-01T00:00:10Z", "2025-12-31T23:59:59Z")]
    [InlineData("Jan  1 00:00:01", "2025-12-31T23:59:59Z", "2026-01-01T00:00:01Z")]
    [InlineData("Feb 29 12:00:00", "2026-11-21T00:00:00Z", "2024-02-29T12:00:00Z")]
    [InlineData("Nov 23 00:00:00", "2026-11-21T00:00:00Z", "2025-11-23T00:00:00Z")]
    public void Stamp_WithoutAYear_IsTheLastOneThatFits(string stamp, string now, string expected)
    {
        var reader = new StampReader(DateTimeOffset.Parse(now), TimeZoneInfo.Utc);
        Assert.Equal(DateTimeOffset.Parse(expected).ToUnixTimeMilliseconds(), reader.Read(Encoding.UTF8.GetBytes(stamp)));
    }

    [Theory]
    [InlineData("Oct 25 01:59:59", "2026-10-24T23:59:59Z")]
    [InlineData("Oct 25 03:00:00", "2026-10-25T02:00:00Z")]
    [InlineData("Oct 25 02:30:00", "2026-10-25T01:30:00Z")]
    [InlineData("Mar 29 03:00:00", "2026-03-29T01:00:00Z")]
    public void Stamp_WhereClocksChange_IsReadInItsZone(string stamp, string expected)
    {
        TimeZoneInfo zone = ZoneWithSummer();
        var reader = new StampReader(Now, zone);
        Assert.Equal(DateTimeOffset.Parse(expected), DateTimeOffset.FromUnixTimeMilliseconds(reader.Read(Encoding.UTF8.GetBytes(stamp))));
    }

    [Theory]
    [InlineData("2026-11-21T12:00:30Z")]
    [InlineData("2026-10-25T00:29:40Z")]
    [InlineData("2026-10-25T01:29:10Z")]
    [InlineData("2026-01-01T00:00:10Z")]
    public void Stamps_OfAMinute_AreReadAsEachForItself(string now)
    {
        DateTimeOffset time = DateTimeOffset.Parse(now);
        TimeZoneInfo zone = ZoneWithSummer();
        var reader = new StampReader(time, zone);
        string[] minutes = ["Nov 21 12:59", "Nov 22 13:00", "Nov 22 13:01", "Oct 25 01:59", "Oct 25 02:00", "Oct 25 02:30", "Oct 25 02:31", "Oct 25 02:59", "Oct 25 03:00", "Mar 29 01:59", "Mar 29 02:00", "Feb 29 12:00", "Jan  1 01:00", "Jan  2 01:00", "Nov 31 10:00", "Nov 21 24:00"];
        foreach (string minute in minutes.Concat(minutes))
        {
            foreach (string second in Enumerable.Range(0, 62).Select(s => $"{s:D2}").Concat(["05", "6x", "x6", "5x", "30"]))
            {
                byte[] stamp = Encoding.UTF8.GetBytes($"{minute}:{second}");
                Assert.Equal(new StampReader(time, zone).Read(stamp), reader.Read(stamp));
            }
        }
    }
}
