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

    private static readonly string[] Stamps = ["Nov 21 04:00:00 ", "Nov  1 04:00:00 ", "Nov 21 04:00:00", "<38>Nov 21 04:00:00 ", "<1> 21 04:00:00 ", "2026-11-21T04:00:00Z ", ""];

    private static readonly string[] Hosts = ["mx01 ", "mx01 ", "mx01 ", "mx01 ", "mx01 ", "mx01 ", "", " ", "mx01: ", "a b ", "a\n", ": ", new string('h', 70) + " ", new string('h', 56) + " ", "imap(x ", "a@b ", "mail.example.com:1 ", "mx01 auth.info "];

    [Fact]
    public void Line_OfTheCommonForm_IsTaken()
    {
        byte[] text = Encoding.UTF8.GetBytes("Nov 21 04:00:00 mx01 sshd[123]: Failed\n" + new string('x', 100));
        Assert.True(TaggedLine.TryRead(text, out TaggedLine line));
        Assert.Equal((21, 4, 32, 38), (line.ProgramStart, line.ProgramLength, line.MessageStart, line.End));
    }

    [Fact]
    public void Line_ThatIsTaken_IsReadAsLineHeaderReadsIt()
    {
        int taken = 0;
        Gen<string> texts =
            from stamp in Gen.Elements(Stamps)
            from host in Gen.Elements(Hosts)
            from tag in Gen.Elements(Tags)
            from end in Gen.Elements(": ", ": ", ":", " ", ": \n", ": [ID 8 auth.info] ", ": [")
            from length in Gen.Elements(0, 3, 30, 63, 64, 65, 127, 128, 129, 300, 8000, 8192, 9000)
            from more in Gen.Elements(0, 1, 40, 200)
            from newline in Gen.Elements("\n", "\r\n", "")
            select stamp + host + tag + end + new string('m', length) + newline + new string('n', more);
        Prop.ForAll(texts.ToArbitrary(), text =>
        {
            byte[] bytes = Encoding.UTF8.GetBytes(text);
            if (!TaggedLine.TryRead(bytes, out TaggedLine line)) return true;
            taken++;
            int newline = Array.IndexOf(bytes, (byte)'\n');
            ReadOnlySpan<byte> whole = bytes.AsSpan(0, newline);
            LineHeader header = LineHeader.Read(whole);
            ReadOnlySpan<byte> behind = whole[(line.ProgramStart + line.ProgramLength)..(line.MessageStart - 2)];
            return line.ProgramStart + RecentPrograms.Readable <= bytes.Length && line.End == newline && newline <= LogLines.MaxLine
                && header.Program.SequenceEqual(whole.Slice(line.ProgramStart, line.ProgramLength))
                && header.Message.SequenceEqual(whole[line.MessageStart..])
                && header.Stamp.SequenceEqual(whole[..TaggedLine.Stamp])
                && header.ProcessId == (behind.IsEmpty ? 0 : LineHeader.ProcessIdOf(behind[1..^1]));
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(5000));
        Assert.True(taken > 50, $"only {taken} lines were taken");
    }
}
