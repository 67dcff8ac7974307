using System.Text;
using RateWall.IntegrationTests.Machine;
using RateWall.Systemd;

namespace RateWall.IntegrationTests.Systemd;

/// <summary>The journal reader against journal files made by systemd.</summary>
public sealed class JournalTests : IDisposable
{
    private readonly TemporaryDirectory temporary = new();

    public void Dispose() => temporary.Dispose();

    [JournalFact]
    public void Field_OfAnEntry_IsWhatWasWritten()
    {
        new JournalExport()
            .Entry(0, ("MESSAGE", "Failed password for root from 192.0.2.1 port 4711 ssh2"), ("_UID", "0"), ("_COMM", "sshd"), ("_SYSTEMD_UNIT", "ssh.service"))
            .WriteTo(temporary["a"]);
        using var journal = Journal.Open(temporary["a"]);
        journal.SeekHead();

        Assert.True(journal.Next());
        Assert.Equal("Failed password for root from 192.0.2.1 port 4711 ssh2", Text(journal, "MESSAGE"));
        Assert.Equal("0", Text(journal, "_UID"));
        Assert.Equal("sshd", Text(journal, "_COMM"));
        Assert.Equal("ssh.service", Text(journal, "_SYSTEMD_UNIT"));
        Assert.Equal("", Text(journal, "SYSLOG_IDENTIFIER"));
        Assert.Equal(JournalExport.Start.ToUnixTimeMilliseconds(), journal.UnixMilliseconds);
        Assert.False(journal.Next());
        Assert.Equal(0, journal.UnreadableFields);
    }

    [JournalFact]
    public void Field_WithNulNewlineAndBrokenUtf8_IsGivenByteForByte()
    {
        byte[] hostile = [.. "a\0b\nMESSAGE=c\r\n"u8, 0xff, 0xfe, 0xc0, 0x80];
        new JournalExport().Entry(0, ("MESSAGE", hostile), ("EMPTY", [])).WriteTo(temporary["a"]);
        using var journal = Journal.Open(temporary["a"]);
        journal.SeekHead();

        Assert.True(journal.Next());
        Assert.Equal(hostile, journal.Field("MESSAGE").ToArray());
        Assert.True(journal.Field("EMPTY").IsEmpty);
    }

    [JournalFact]
    public void Field_LongerThan64KiB_IsCutThere()
    {
        byte[] exact = [.. Enumerable.Range(0, Journal.MaxFieldLength).Select(i => (byte)('a' + (i % 26)))];
        byte[] random = new byte[700_000];
        new Random(1).NextBytes(random); // does not compress: the other way a value is stored
        new JournalExport()
            .Entry(0, ("MESSAGE", exact))
            .Entry(1, ("MESSAGE", [.. exact, (byte)'!']))
            .Entry(2, ("MESSAGE", random))
            .WriteTo(temporary["a"]);
        using var journal = Journal.Open(temporary["a"]);
        journal.SeekHead();

        Assert.True(journal.Next());
        Assert.Equal(exact, journal.Field("MESSAGE").ToArray());
        Assert.True(journal.Next());
        Assert.Equal(exact, journal.Field("MESSAGE").ToArray());
        Assert.True(journal.Next());
        Assert.Equal(random[..Journal.MaxFieldLength], journal.Field("MESSAGE").ToArray());
    }

    [JournalFact]
    public void AddMatch_OnOneFieldAndTwo_IsAnyAndAll()
    {
        Mixed();
        using var journal = Journal.Open(temporary["a"]);
        journal.AddMatch("_COMM", "sshd");
        journal.AddMatch("_COMM", "dovecot");
        journal.AddMatch("_UID", "0");
        journal.SeekHead();

        Assert.Equal(["root sshd", "root dovecot"], Messages(journal));
    }

    [JournalFact]
    public void AddDisjunction_BetweenMatches_IsEither()
    {
        Mixed();
        using var journal = Journal.Open(temporary["a"]);
        journal.AddMatch("_SYSTEMD_UNIT", "ssh.service");
        journal.AddDisjunction();
        journal.AddMatch("_COMM", "dovecot");
        journal.AddMatch("_UID", "0");
        journal.SeekHead();

        Assert.Equal(["root sshd", "root dovecot"], Messages(journal));
    }

    [JournalFact]
    public void AddMatch_OnWhatIsNoFieldName_IsRefused()
    {
        using var journal = Journal.Open(temporary.Root);

        Assert.Throws<SystemdException>(() => journal.AddMatch("no name", "x"));
    }

    [JournalFact]
    public void SeekTail_ThenWritten_GivesOnlyWhatIsNew()
    {
        new JournalExport().Numbered(0, 4).WriteTo(temporary["a"]);
        using var journal = Journal.Open(temporary["a"]);
        journal.SeekTail();
        Assert.False(journal.Next());

        new JournalExport().Numbered(5, 6).WriteTo(temporary["a"]);
        journal.Wait(TimeSpan.FromSeconds(10));

        Assert.Equal(["5", "6"], Messages(journal));
    }

    [JournalFact]
    public void SeekTime_BetweenTwoEntries_GivesTheLater()
    {
        new JournalExport().Numbered(0, 4).WriteTo(temporary["a"]);
        using var journal = Journal.Open(temporary["a"]);

        journal.SeekTime(JournalExport.Start.AddSeconds(2.5));
        Assert.Equal(["3", "4"], Messages(journal));
        journal.SeekTime(JournalExport.Start.AddSeconds(3));
        Assert.Equal(["3", "4"], Messages(journal));
        journal.SeekTime(DateTimeOffset.MinValue);
        Assert.Equal(5, Messages(journal).Count);
    }

    [JournalFact]
    public void Open_OfAnEmptyDirectory_HasNoEntries()
    {
        using var journal = Journal.Open(temporary.Root);
        journal.SeekHead();
        Assert.False(journal.Next());
        journal.SeekTail();
        Assert.False(journal.Next());
        Assert.Throws<SystemdException>(() => journal.Cursor);
        Assert.Throws<SystemdException>(() => journal.UnixMilliseconds);
        Assert.Throws<SystemdException>(() => journal.Field("MESSAGE").Length);
    }

    [JournalFact]
    public void Open_OfNoDirectory_SaysWhich()
    {
        var e = Assert.Throws<SystemdException>(() => Journal.Open(temporary["absent"]));

        Assert.Equal(2, e.Errno); // ENOENT
        Assert.Contains(temporary["absent"], e.Message, StringComparison.Ordinal);
    }

    [JournalFact]
    public void Open_WithATruncatedFileBesideAWholeOne_ReadsTheWholeOne()
    {
        new JournalExport().Numbered(0, 4).WriteTo(temporary["a"]);
        new JournalExport().Numbered(5, 9).WriteTo(temporary["a"], "cut.journal");
        using (FileStream cut = File.OpenWrite(Path.Combine(temporary["a"], "cut.journal"))) cut.SetLength(300);
        File.WriteAllText(Path.Combine(temporary["a"], "text.journal"), "no journal at all");
        using var journal = Journal.Open(temporary["a"]);
        journal.SeekHead();

        Assert.Equal(["0", "1", "2", "3", "4"], Messages(journal));
    }

    internal static IReadOnlyList<string> Messages(Journal journal)
    {
        var messages = new List<string>();
        while (journal.Next()) messages.Add(Text(journal, "MESSAGE"));
        return messages;
    }

    private static string Text(Journal journal, string field) => Encoding.UTF8.GetString(journal.Field(field));

    private void Mixed() => new JournalExport()
        .Entry(0, ("MESSAGE", "root sshd"), ("_COMM", "sshd"), ("_UID", "0"), ("_SYSTEMD_UNIT", "ssh.service"))
        .Entry(1, ("MESSAGE", "forged sshd"), ("_COMM", "sshd"), ("_UID", "1000"), ("SYSLOG_IDENTIFIER", "sshd"))
        .Entry(2, ("MESSAGE", "root dovecot"), ("_COMM", "dovecot"), ("_UID", "0"), ("_SYSTEMD_UNIT", "dovecot.service"))
        .Entry(3, ("MESSAGE", "root cron"), ("_COMM", "cron"), ("_UID", "0"), ("_SYSTEMD_UNIT", "cron.service"))
        .WriteTo(temporary["a"]);
}
