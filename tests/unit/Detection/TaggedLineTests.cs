using System.Text;
using FsCheck;
using FsCheck.Fluent;
using RateWall.Detection.Logs;

namespace RateWall.UnitTests.Detection;

public sealed class TaggedLineTests
{
    private static readonly string[] Tags =
    [
        "sshd[123]", "sshd", "postfix/smtpd[1]", "/usr/sbin/sshd[9]", "sshd(pam_unix)[4]", "a[b][7]", "[5]", "]", "a]", "x[", "", "sshd[12x]",
        "a-rather-long-program-name-that-goes-on-and-on-until-it-leaves-the-window[77]", "a(b", "(a)", "\u00e9[3]",
    ];

    private static readonly string[] Stamps = ["Nov 21 04:00:00 ", "Nov  1 04:00:00 ", "Nov 21 04:00:00", "<38>Nov 21 04:00:00 ", "<1> 21 04:00:00 ", "No\n 21 04:00:00 ", "Nov\n21 04:00:00 ", "Nov 21 04:00:\n0 ", "2026-11-21T04:00:00Z ", ""];

    private static readonly string[] Hosts = ["mx01 ", "mx01 ", "mx01 ", "mx01 ", "mx01 ", "mx01 ", "", " ", "mx01: ", "a b ", "a\n", ": ", new string('h', 70) + " ", new string('h', 56) + " ", "imap(x ", "a@b ", "mail.example.com:1 ", "mx01 auth.info ", "[192.0.2.5] ", "[2001:db8::5] ", " mx01 "];

    [Fact]
    public void Line_OfTheCommonForm_IsTaken()
    {
        var known = new KnownHeader();
        // The second time its header is known.
        for (int i = 0; i < 2; i++)
        {
            Assert.True(TryRead("Nov 21 04:00:00 mx01 sshd[123]: Failed\n", known, out TaggedLine line));
            Assert.Equal((21, 4, 32), (line.ProgramStart, line.ProgramLength, line.MessageStart));
            Assert.Equal(1, known.Number);
        }
    }

    [Theory]
    [InlineData("Nov 21 04:00:00 mx01 ", 1)]
    [InlineData("Nov 21 04:00:01 mx01 ", 2)]
    [InlineData("Nov 21 04:00:00 mx02 ", 2)]
    [InlineData("Nov 21 04:00:00 mx ", 2)]
    [InlineData("Nov 21 04:00:00 mx01.example.org ", 2)]
    [InlineData("Nov 21 04:00:00 ", 2)]
    public void Header_ThatDiffersFromTheKnownOne_IsToldFromIt(string header, int number)
    {
        var known = new KnownHeader();
        Assert.True(TryRead("Nov 21 04:00:00 mx01 sshd[123]: Failed\n", known, out _));
        Assert.True(TryRead(header + "sshd[123]: Failed\n", known, out TaggedLine line));
        Assert.Equal(number, known.Number);
        Assert.Equal(header.Length, line.ProgramStart);
        Assert.True(TryRead("Nov 21 04:00:00 mx01 sshd[123]: Failed\n", known, out line));
        Assert.Equal(21, line.ProgramStart);
    }

    [Fact]
    public void Line_ThatIsTaken_IsReadAsLineHeaderReadsIt()
    {
        var known = new KnownHeader();
        int taken = 0;
        Gen<string> texts =
            from stamp in Gen.Elements(Stamps)
            from host in Gen.Elements(Hosts)
            from tag in Gen.Elements(Tags)
            from end in Gen.Elements(": ", ": ", ":", " ", ": \n", ": [ID 8 auth.info] ", ": [", ":  ", ":   ")
            from length in Gen.Elements(0, 3, 30, 63, 64, 65, 127, 128, 129, 300, 8000, 8192, 9000)
            from more in Gen.Elements(0, 1, 40, 200)
            from newline in Gen.Elements("\n", "\r\n", "")
            select stamp + host + tag + end + new string('m', length) + newline + new string('n', more);
        Prop.ForAll(texts.ToArbitrary(), text =>
        {
            byte[] bytes = Encoding.UTF8.GetBytes(text);
            int newline = Array.IndexOf(bytes, (byte)'\n');
            if (newline < 0 || bytes.Length < TaggedLine.Readable || !TaggedLine.TryRead(ref bytes[0], newline, known, out TaggedLine line)) return true;
            taken++;
            ReadOnlySpan<byte> whole = bytes.AsSpan(0, newline);
            LineHeader header = LineHeader.Read(whole);
            return line.ProgramStart + RecentPrograms.Readable <= bytes.Length
                && header.Program.SequenceEqual(whole.Slice(line.ProgramStart, line.ProgramLength))
                && header.Message.SequenceEqual(whole[line.MessageStart..])
                && header.Stamp.SequenceEqual(whole[..TaggedLine.Stamp])
                && header.ProcessId == TaggedLine.ProcessIdBefore(ref bytes[line.MessageStart]);
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(5000));
        Assert.True(taken > 50, $"only {taken} lines were taken");
    }

    private static bool TryRead(string text, KnownHeader known, out TaggedLine line)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text + new string('x', TaggedLine.Readable));
        return TaggedLine.TryRead(ref bytes[0], Array.IndexOf(bytes, (byte)'\n'), known, out line);
    }
}
