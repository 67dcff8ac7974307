using RateWall.IntegrationTests.Machine;
using RateWall.Systemd;

namespace RateWall.IntegrationTests.Containers;

/// <summary>A journal that journald itself wrote, rotated and vacuumed, read before and after.</summary>
[Collection(ContainerCollection.Name)]
public sealed class VacuumedJournalTests(ContainerEngine engine)
{
    [ContainerFact]
    public void SeekAfter_ACursorThatJournaldVacuumed_LosesAndDoublesNothing()
    {
        using var temporary = new TemporaryDirectory();
        using ContainerNetwork network = engine.CreateNetwork();
        using Container host = engine.BootHost(network, 2);
        Log(host, "old 1", "old 2", "old 3");
        string before = Copy(host, temporary["before"]);
        host.Exec("journalctl", "--rotate").MustSucceed("journalctl --rotate");
        Log(host, "new 1", "new 2");
        string both = Copy(host, temporary["both"]);
        host.Exec("journalctl", "--vacuum-files=1").MustSucceed("journalctl --vacuum-files");
        Log(host, "new 3");
        string after = Copy(host, temporary["after"]);

        string[] cursors = Cursors(before);
        Assert.Equal(3, cursors.Length);

        // Across a rotation nothing is gone.
        Assert.Equal(["old 3", "new 1", "new 2"], After(both, cursors[1], there: true));

        // What was vacuumed is gone, what is left is given once, from whichever entry one had come to.
        foreach (string cursor in cursors) Assert.Equal(["new 1", "new 2", "new 3"], After(after, cursor, there: false));
        string[] left = Cursors(after);
        Assert.Equal(["new 2", "new 3"], After(after, left[0], there: true));
        Assert.Empty(After(after, left[2], there: true));
    }

    private static void Log(Container host, params string[] messages)
    {
        foreach (string message in messages) host.Exec("logger", "-t", "probe", message).MustSucceed("logger");
        host.Exec("journalctl", "--sync").MustSucceed("journalctl --sync");
    }

    private static string Copy(Container host, string to)
    {
        string id = host.Exec("cat", "/etc/machine-id").Out.Trim();
        host.CopyOut($"/var/log/journal/{id}", to);
        return to;
    }

    private static Journal Open(string directory)
    {
        var journal = Journal.Open(directory);
        journal.AddMatch("SYSLOG_IDENTIFIER", "probe");
        return journal;
    }

    private static string[] Cursors(string directory)
    {
        using Journal journal = Open(directory);
        journal.SeekHead();
        var cursors = new List<string>();
        while (journal.Next()) cursors.Add(journal.Cursor);
        return [.. cursors];
    }

    private static IReadOnlyList<string> After(string directory, string cursor, bool there)
    {
        using Journal journal = Open(directory);
        Assert.Equal(there, journal.SeekAfter(cursor));
        return Systemd.JournalTests.Messages(journal);
    }
}
