using RateWall.Detection.Correlation;
using RateWall.Detection.Logs;
using RateWall.Policy;
using RateWall.Storage;

namespace RateWall.UnitTests.Storage;

public sealed class JournalTrustTests
{
    private readonly JournalTrust trust = new(
        [
            new("sshd", ["sshd", "sshd-session"], ["ssh.service", "sshd@.service"], ["ssh"], []),
            new("postfix", ["postfix/smtpd", "*/smtpd"], ["postfix.service"], ["smtp"], []),
            new("proftpd", ["proftpd"], ["proftpd.service"], ["ssh"], []) { SessionUnits = ["proftpd.service"] },
            new("vsftpd", ["vsftpd"], ["vsftpd.service"], ["ftp"], []),
        ],
        [Service("ssh", "my-ssh"), Service("smtp")]);

    [Theory]
    [InlineData("sshd", "ssh.service", "0", "sshd", true)]
    [InlineData("sshd", "ssh.service", "106", "anything", true)]
    [InlineData("sshd-session", "session-3.scope", "0", "sshd-session", true)]
    [InlineData("sshd", "sshd@7-192.0.2.1.service", "106", "x", true)]
    [InlineData("sshd", "my-ssh.service", "106", "x", true)]
    [InlineData("sshd", "user@1000.service", "1000", "logger", false)]
    [InlineData("sshd", "user@1000.service", "1000", "sshd", false)]
    // A person's process that was left in a daemon's unit, whatever it is called.
    [InlineData("sshd", "ssh.service", "1000", "logger", false)]
    [InlineData("sshd", "ssh.service", "1000", "sshd", false)]
    [InlineData("sshd", "my-ssh.service", "4294967294", "sshd", false)]
    [InlineData("sshd", "ssh.service", "999", "sshd", true)]
    [InlineData("sshd", "ssh.service", "", "sshd", false)]
    [InlineData("sshd", "ssh.service", "-1", "sshd", false)]
    [InlineData("postfix/smtpd", "postfix.service", "1000", "smtpd", false)]
    [InlineData("proftpd", "proftpd.service", "1000", "proftpd", true)]
    [InlineData("proftpd", "ssh.service", "1000", "proftpd", false)]
    [InlineData("sshd", "cron.service", "0", "logger", false)]
    [InlineData("sshd", "postfix.service", "106", "smtpd", false)]
    [InlineData("postfix/smtpd", "x.service", "0", "smtpd", true)]
    [InlineData("postfix/smtpd", "ssh.service", "0", "sshd", false)]
    [InlineData("mx1/smtpd", "postfix.service", "106", "smtpd", true)]
    [InlineData("mx1/smtpd", "cron.service", "106", "smtpd", false)]
    [InlineData("mx1/cleanup", "postfix.service", "106", "cleanup", false)]
    [InlineData("vsftpd", "vsftpd.service", "0", "vsftpd", false)]
    [InlineData("other", "ssh.service", "0", "sshd", false)]
    [InlineData("sshd", "", "", "", false)]
    [InlineData("sshd", "", "0", "", true)]
    [InlineData("sshd", "", "0", "logger", false)]
    [InlineData("sshd", "", "106", "", false)]
    public void Permits_ByTrustedFieldsOnly(string program, string unit, string uid, string command, bool expected) =>
        Assert.Equal(expected, trust.Permits(program, unit, uid, command));

    [Fact]
    public void Permits_OfAnEndedProcess_TheAccountThatTheUnitHasShown()
    {
        Assert.True(trust.Permits("sshd", "ssh.service", "106", "sshd"));

        Assert.True(trust.Permits("sshd", "", "106", ""));
        Assert.True(trust.Permits("sshd", "", "106", "sshd-session"));
        Assert.False(trust.Permits("sshd", "", "107", ""));
        Assert.False(trust.Permits("sshd", "", "1000", ""));
        Assert.False(trust.Permits("sshd", "", "106", "logger"));
        Assert.False(trust.Permits("sshd", "cron.service", "106", ""));
        Assert.False(trust.Permits("postfix/smtpd", "", "106", ""));
    }

    [Fact]
    public void Units_WithoutTemplatesAndOtherServices()
    {
        Assert.Equal("ssh.service my-ssh.service postfix.service proftpd.service", string.Join(' ', trust.Units));
        Assert.Equal("proftpd smtpd sshd sshd-session", string.Join(' ', trust.Commands.Order(StringComparer.Ordinal)));
    }

    private static ServicePolicy Service(string name, params string[] units) => new(
        name, name, Enabled: true, [1], new LimitPolicy(LimitMode.Off, 0, TimeSpan.FromMinutes(1), 2, 1), new DetectionSet(),
        LogSource.Journal, units);
}
