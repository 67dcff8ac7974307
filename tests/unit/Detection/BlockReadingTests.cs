using System.Runtime.InteropServices;
using System.Text;
using RateWall.Detection;
using RateWall.Detection.Logs;

namespace RateWall.UnitTests.Detection;

/// <summary>Lines that are read many at once give what they give when each is read for itself.</summary>
public sealed partial class BlockReadingTests
{
    private static readonly DateTimeOffset Now = new(2026, 11, 21, 12, 0, 0, TimeSpan.Zero);

    private static readonly string[] Messages =
    [
        "sshd[P]: Invalid user U from A port 4022", "sshd[P]: Failed password for invalid user U from A port 4022 ssh2",
        "sshd[P]: pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=A  user=U",
        "sshd[P]: Connection closed by authenticating user U A port 4022 [preauth] \t", "sshd[P]: Accepted publickey for U from A port 4022 ssh2",
        "sshd[P]: pam_unix(sshd:auth): check pass; user unknown", "sshd: Unable to negotiate with A port 4022: no matching [preauth]\r",
        "dovecot: imap-login: Disconnected (auth failed, 3 attempts in 4 secs): user=<U>, method=PLAIN, rip=A, lip=192.0.2.10",
        "dovecot: imap-login: Login: user=<U>, method=PLAIN, rip=A, lip=192.0.2.10, mpid=16385, TLS, session=<+fa09Ei/IWUCq8mG>",
        "postfix/smtpd[P]: warning: unknown[A]: SASL LOGIN authentication failed: UGFzc3dvcmQ6", "postfix/smtpd[P]: connect from unknown[A]",
        "smtpd[P]: S connected address=A host=x", "smtpd[P]: S authentication user=U result=permfail", "exim[P]: LOGIN authenticator failed for (x) [A]: 535 (set_id=U)",
        "CRON[P]: (root) CMD (   cd / && run-parts --report /etc/cron.hourly)", "a-program-with-a-long-name[P]: x", "sshd[P]: ", "", "/usr/sbin/sshd[P]: Invalid user U from A port 1",
    ];

    private static readonly string[] Headers =
    [
        "Nov 21 04:00:SS mx01 ", "Nov 21 04:00:SS mx01 ", "Nov 21 04:00:SS mx01 ", "Nov 21 04:00:SS mx01 ", "Nov 21 04:00:SS relay.example.org ", "Nov 21 04:00:SS ",
        "2026-11-21T04:00:SS+00:00 mx01 ", "Nov 21 04:61:SS mx01 ", "",
    ];

    [Theory]
    [InlineData("")]
    [InlineData("sshd")]
    [InlineData("web")]
    public void Lines_OfOneBlock_GiveWhatTheyGiveOneByOne(string program)
    {
        int tries = 0;
        for (int seed = 0; seed < 40; seed++)
        {
            byte[][] lines = [.. Lines(new Random(seed))];
            List<string> single = Read(lines, program), together = Read([[.. lines.SelectMany(l => l)]], program);
            Assert.Equal(single, together);
            tries += single.Count;
        }

        Assert.True(tries > 1000, $"only {tries} tries");
    }

    [Fact]
    public void Block_ThatEndsWhereMemoryEnds_IsNotReadBehindItsEnd()
    {
        const int PROT_NONE = 0, PROT_BOTH = 3, MAP_PRIVATE_ANONYMOUS = 0x22; // sys/mman.h; linux/mman.h
        const int Room = 1 << 16;
        nint memory = mmap(0, 2 * Room, PROT_BOTH, MAP_PRIVATE_ANONYMOUS, -1, 0);
        Assert.NotEqual(-1, memory);
        Assert.Equal(0, mprotect(memory + Room, Room, PROT_NONE));
        byte[] log = [.. Lines(new Random(1)).SelectMany(l => l).Take(4000)];
        var parser = new LogParser(RuleSet.BuiltIn, Now, TimeZoneInfo.Utc);
        for (int length = 0; length < log.Length; length++)
        {
            int taken = parser.Read(Ending(memory + Room, log.AsSpan(0, length)), [], static (in Attempt _) => { });
            Assert.Equal(log.AsSpan(0, length).LastIndexOf((byte)'\n') + 1, taken);
        }

        Assert.Equal(0, munmap(memory, 2 * Room));
    }

    private static unsafe ReadOnlySpan<byte> Ending(nint end, ReadOnlySpan<byte> bytes)
    {
        var block = new Span<byte>((byte*)end - bytes.Length, bytes.Length);
        bytes.CopyTo(block);
        return block;
    }

    private static IEnumerable<byte[]> Lines(Random random)
    {
        for (int i = random.Next(2000); i >= 0; i--)
        {
            string line = Headers[random.Next(Headers.Length)].Replace("SS", $"{i / 100 % 60:D2}", StringComparison.Ordinal) + Messages[random.Next(Messages.Length)]
                .Replace("P", $"{random.Next(1, 60)}", StringComparison.Ordinal).Replace("U", random.Next(2) == 0 ? "root" : "bob", StringComparison.Ordinal)
                .Replace("A", random.Next(9) == 0 ? "2001:db8::7" : $"192.0.2.{random.Next(20)}", StringComparison.Ordinal);
            if (random.Next(20) == 0) line = line.Insert(random.Next(line.Length + 1), "\0: [\u00e9](\r"[random.Next(7)].ToString());
            if (random.Next(200) == 0) line += new string('y', random.Next(8000, 8400));
            yield return Encoding.UTF8.GetBytes(line + "\n");
        }
    }

    private static List<string> Read(byte[][] blocks, string program)
    {
        List<string> seen = [];
        var parser = new LogParser(RuleSet.BuiltIn, Now, TimeZoneInfo.Utc);
        void Add(in Attempt a) => seen.Add(
            $"{a.UnixMilliseconds} {a.Service} {a.Kind} {a.HasSource} {a.Source} {a.Port} {Encoding.Latin1.GetString(a.User)} {a.Count} {a.IsNote} {a.Rule} {Encoding.Latin1.GetString(a.Line)}");
        foreach (byte[] block in blocks) Assert.Equal(block.Length, parser.Read(block, Encoding.UTF8.GetBytes(program), Add));
        seen.AddRange(parser.Pending.Select(p => $"{p with { Line = [] }} {Encoding.Latin1.GetString(p.Line)}"));
        seen.Add($"{parser.Lines} {parser.Oversized} {parser.UnfinishedBytes}");
        parser.Settle(long.MaxValue / 2, Add);
        return seen;
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint mmap(nint address, nint length, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int mprotect(nint address, nint length, int protection);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int munmap(nint address, nint length);
}
