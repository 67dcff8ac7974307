using RateWall.Systemd;

namespace RateWall.UnitTests.Systemd;

public sealed class UnitProcessTests
{
    [Theory]
    [InlineData("dovecot/imap-login", "imap-login")]
    [InlineData("dovecot/imap-login -D x", "imap-login")]
    [InlineData("\"dovecot/imap-login [192.0.2.1 TLS]\"", "imap-login")]
    [InlineData("$'dovecot/imap-login\\n'", "imap-login\\n")]
    [InlineData("/usr/sbin/dovecot -F", "dovecot")]
    [InlineData("smtpd -n smtp -t inet -u", "smtpd")]
    [InlineData("\"sshd: bob [priv]\"", "sshd")]
    [InlineData("sshd: /usr/sbin/sshd -D", "sshd")]
    [InlineData("[imap]", "imap")]
    [InlineData("[kworker/0:1-events]", "kworker/0:1-events")]
    [InlineData("[", "")]
    [InlineData("", "")]
    [InlineData("   ", "")]
    [InlineData("\"", "")]
    [InlineData("/", "")]
    [InlineData("a/", "")]
    [InlineData("x\u001b[31m y", "x\u001b[31m")]
    public void Name_OfACommandLine_IsTheLastPartOfItsFirstWord(string commandLine, string expected) =>
        Assert.Equal(expected, new UnitProcess("/system.slice/dovecot.service", 7, commandLine).Name);
}
