using System.Buffers;
using System.Buffers.Binary;
using System.Buffers.Text;
using System.Text;
using RateWall.Detection;
using RateWall.Detection.Logs;

namespace RateWall.UnitTests.Detection;

/// <summary>Which connection a login is about, as the daemons' lines say it.</summary>
public sealed class LoginPortTests
{
    [Theory]
    [InlineData("sshd[7]: Accepted password for bob from 192.0.2.7 port 4022 ssh2", 4022)]
    [InlineData("sshd[7]: Accepted publickey for bob from 2001:db8::7 port 65535 ssh2: ED25519 SHA256:x", 65_535)]
    [InlineData("dropbear[7]: Password auth succeeded for 'bob' from 192.0.2.7:4022", 4022)]
    [InlineData("dropbear[7]: PAM password auth succeeded for 'bob' from [2001:db8::7]:4023", 4023)]
    [InlineData("postfix/submission/smtpd[7]: 9F2C31A0B5: client=unknown[192.0.2.7]:40222, sasl_method=LOGIN, sasl_username=bob", 40_222)]
    [InlineData("imapd: LOGIN, user=bob, ip=[::ffff:192.0.2.7], port=[40222], protocol=IMAP", 40_222)]
    // What stands behind is not this connection's, or there is none.
    [InlineData("vsftpd[7]: [bob] OK LOGIN: Client \"192.0.2.7\"", 0)]
    // dovecot: 6 bytes of time, the port (0x8087), the address 198.51.100.9.
    [InlineData("dovecot: imap-login: Login: user=<bob>, method=PLAIN, rip=198.51.100.9, lip=192.0.2.10, mpid=4711, TLS, session=<P7pPPctgh4DGM2QJ>", 0x8087)]
    [InlineData("dovecot: imap-login: Login: user=<session=<P7pPPctgAAHGM2QJ>>, method=PLAIN, rip=198.51.100.9, lip=192.0.2.10, mpid=4711, TLS, session=<P7pPPctgh4DGM2QJ>", 0x8087)]
    // The id of somebody else's connection, of a proxy's making, and of a version that lost half of the port.
    [InlineData("dovecot: imap-login: Login: user=<bob>, method=PLAIN, rip=192.0.2.7, lip=192.0.2.10, mpid=4711, TLS, session=<P7pPPctgh4DGM2QJ>", 0)]
    [InlineData("dovecot: imap-login: Login: user=<bob>, method=PLAIN, rip=192.0.2.7, lip=192.0.2.10, mpid=4711, TLS, session=<c29tZXNlc3Npb24>", 0)]
    [InlineData("dovecot: imap-login: Login: user=<bob>, method=PLAIN, rip=198.51.100.9, lip=192.0.2.10, mpid=4711, TLS, session=<P7pPPctghwDGM2QJ>", 0)]
    [InlineData("dovecot: imap-login: Login: user=<bob>, method=PLAIN, rip=198.51.100.9, lip=192.0.2.10, mpid=4711, TLS, session=<P7pPPctgh4DGM2Q>", 0)]
    public void Port_OfALogin_IsTheOneItsLineNames(string line, int port)
    {
        Assert.True(new LogParser(RuleSet.BuiltIn, DateTimeOffset.UnixEpoch, TimeZoneInfo.Utc).TryExplain(Encoding.UTF8.GetBytes("Nov 21 04:00:00 host " + line), [], out Attempt attempt));
        Assert.Equal((AttemptKind.Success, port), (attempt.Kind, attempt.Port));
    }

    [Fact]
    public void Port_OfAnIPv6SessionOfDovecot_IsItsPort()
    {
        byte[] id = [1, 2, 3, 4, 5, 6, 0x39, 0x30, 0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7];
        string line = $"Nov 21 04:00:00 host dovecot: pop3-login: Login: user=<bob>, method=PLAIN, rip=2001:db8::7, lip=2001:db8::1, mpid=4711, TLS, session=<{Convert.ToBase64String(id)}>";
        Assert.True(new LogParser(RuleSet.BuiltIn, DateTimeOffset.UnixEpoch, TimeZoneInfo.Utc).TryExplain(Encoding.UTF8.GetBytes(line), [], out Attempt attempt));
        Assert.Equal(12_345, attempt.Port);
    }

    [Fact]
    public void TryDecode_OfAnySixteenBytes_IsWhatTheBaseLibraryReads()
    {
        var random = new Random(7);
        Span<byte> text = stackalloc byte[16], id = stackalloc byte[12];
        for (int i = 0; i < 20_000; i++)
        {
            random.NextBytes(id);
            Base64.EncodeToUtf8(id, text, out _, out _);
            // Each byte that there is, at each place.
            if (i % 2 == 1) text[i / 2 % 16] = (byte)(i / 32);
            bool read = Base64.DecodeFromUtf8(text, id, out _, out int length) == OperationStatus.Done && length == 12;
            Assert.Equal(read, LoginPort.TryDecode(text, out ulong last));
            if (read) Assert.Equal((BinaryPrimitives.ReadUInt16BigEndian(id[6..]), BinaryPrimitives.ReadUInt32BigEndian(id[8..])), ((ushort)(last >> 32), (uint)last));
        }
    }
}
