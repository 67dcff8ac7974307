using System.Globalization;
using RateWall.IntegrationTests.Machine;
using RateWall.Systemd;

namespace RateWall.IntegrationTests.Systemd;

/// <summary>A run goes on exactly where the last one ended, also when that entry is gone.</summary>
public sealed class JournalCursorTests : IDisposable
{
    private readonly TemporaryDirectory temporary = new();

    public void Dispose() => temporary.Dispose();

    [JournalFact]
    public void SeekAfter_AnEntryThatIsThere_GivesTheOneAfter()
    {
        new JournalExport().Numbered(0, 9).WriteTo(temporary["a"]);
        string[] cursors = Cursors(temporary["a"]);
        for (int i = 0; i < cursors.Length; i++)
        {
            using var journal = Journal.Open(temporary["a"]);

            Assert.True(journal.SeekAfter(cursors[i]));
            Assert.Equal(Numbers(i + 1, 9), JournalTests.Messages(journal));
        }
    }

    [JournalFact]
    public void SeekAfter_AVacuumedEntry_LosesAndDoublesNothing()
    {
        new JournalExport().Numbered(0, 9).WriteTo(temporary["whole"]);
        string[] cursors = Cursors(temporary["whole"]);
        for (int first = 1; first <= 9; first += 2)
        {
            string left = temporary[string.Create(CultureInfo.InvariantCulture, $"from{first}")];
            new JournalExport().Numbered(first, 9).WriteTo(left);
            for (int i = 0; i < cursors.Length; i++)
            {
                using var journal = Journal.Open(left);

                bool there = journal.SeekAfter(cursors[i]);

                // The same entry in another file is another cursor's, so an entry that was read may come once more only
                // where libsystemd itself cannot tell: never what lies before it.
                IReadOnlyList<string> rest = JournalTests.Messages(journal);
                int expected = Math.Max(first, there ? i + 1 : i);
                Assert.True(rest.SequenceEqual(Numbers(expected, 9), StringComparer.Ordinal), $"{first} {i} {there}: {string.Join(' ', rest)}");
            }
        }
    }

    [JournalFact]
    public void SeekAfter_TheLastEntry_GivesWhatIsWrittenLater()
    {
        new JournalExport().Numbered(0, 2).WriteTo(temporary["a"]);
        string last = Cursors(temporary["a"])[^1];
        using (var journal = Journal.Open(temporary["a"]))
        {
            Assert.True(journal.SeekAfter(last));
            Assert.False(journal.Next());
        }

        new JournalExport().Numbered(3, 4).WriteTo(temporary["a"]);
        using (var journal = Journal.Open(temporary["a"]))
        {
            Assert.True(journal.SeekAfter(last));
            Assert.Equal(["3", "4"], JournalTests.Messages(journal));
        }
    }

    [JournalFact]
    public void SeekAfter_WhereNothingNewerIsLeft_GivesNothing()
    {
        new JournalExport().Numbered(0, 9).WriteTo(temporary["whole"]);
        string cursor = Cursors(temporary["whole"])[8];
        new JournalExport().Numbered(0, 3).WriteTo(temporary["old"]);
        using var journal = Journal.Open(temporary["old"]);

        Assert.False(journal.SeekAfter(cursor));
        Assert.False(journal.Next());
    }

    [JournalFact]
    public void SeekAfter_WithMatches_SkipsWhatDoesNotMatch()
    {
        var export = new JournalExport();
        for (int i = 0; i < 10; i++)
            export.Entry(i, ("MESSAGE", i.ToString(CultureInfo.InvariantCulture)), ("_COMM", i % 2 == 0 ? "sshd" : "cron"));
        export.WriteTo(temporary["a"]);
        string[] cursors = Cursors(temporary["a"]);
        using var journal = Journal.Open(temporary["a"]);
        journal.AddMatch("_COMM", "sshd");

        Assert.True(journal.SeekAfter(cursors[4]));
        Assert.Equal(["6", "8"], JournalTests.Messages(journal));

        // An entry that no longer matches is as good as gone: nothing after it is lost.
        Assert.False(journal.SeekAfter(cursors[5]));
        Assert.Equal(["6", "8"], JournalTests.Messages(journal));
    }

    [JournalFact]
    public void SeekAfter_ThenSeekHead_ForgetsTheStepItMade()
    {
        new JournalExport().Numbered(0, 9).WriteTo(temporary["whole"]);
        string cursor = Cursors(temporary["whole"])[2];
        new JournalExport().Numbered(5, 9).WriteTo(temporary["left"]);
        using var journal = Journal.Open(temporary["left"]);

        Assert.False(journal.SeekAfter(cursor));
        journal.SeekHead();

        Assert.Equal(Numbers(5, 9), JournalTests.Messages(journal));
    }

    [JournalFact]
    public void SeekAfter_WhatIsNoCursor_IsRefused()
    {
        new JournalExport().Numbered(0, 1).WriteTo(temporary["a"]);
        using var journal = Journal.Open(temporary["a"]);
        foreach (string text in new[] { "", "x", "s=;i=;b=", "s=00;i=zz", new string('s', 100_000) })
            Assert.Throws<SystemdException>(() => journal.SeekAfter(text));
    }

    private static string[] Cursors(string directory)
    {
        using var journal = Journal.Open(directory);
        journal.SeekHead();
        var cursors = new List<string>();
        while (journal.Next()) cursors.Add(journal.Cursor);
        return [.. cursors];
    }

    private static IReadOnlyList<string> Numbers(int from, int to) =>
        [.. Enumerable.Range(from, Math.Max(0, to - from + 1)).Select(i => i.ToString(CultureInfo.InvariantCulture))];
}
