using RateWall.IntegrationTests.Machine;
using RateWall.Netfilter;
using static RateWall.IntegrationTests.Netfilter.KernelTable;

namespace RateWall.IntegrationTests.Netfilter;

public sealed class CommitTests
{
    private const string Sets = "set s { type ipv4_addr; flags timeout; }\nset small { type ipv4_addr; size 2; }\nset n { type ipv4_addr; flags interval; }";

    [LinuxFact]
    public void Delete_Missing_NamesTheChangeAndChangesNothing()
    {
        using var table = new KernelTable(Sets);

        NetfilterException refused = Assert.Throws<NetfilterException>(() => table.Commit(
            Add("s", Element("192.0.2.1")), Delete("s", Element("192.0.2.1")), Delete("s", Element("192.0.2.2")), Add("s", Element("192.0.2.3"))));

        Assert.True(refused.IsNotFound);
        Assert.Equal(2, refused.ChangeIndex);
        Assert.Contains("delete 192.0.2.2 from s in inet t", refused.Message, StringComparison.Ordinal);
        Assert.Empty(table.Client.ListElements(Name, "s"));
    }

    [LinuxFact]
    public void Commit_OneBadAmongThousands_NamesItAndAddsNone()
    {
        using var table = new KernelTable(Sets);
        ElementChange[] changes =
            [.. Enumerable.Range(0, 9_000).Select(i => Add("s", new() { Key = (byte[])[192, 0, (byte)(i >> 8), (byte)i], Timeout = TimeSpan.FromHours(1) }))];
        SetElement bad = changes[7_777].Element with { Expires = TimeSpan.FromHours(2) }; // more remains than there ever was
        changes[7_777] = changes[7_777] with { Element = bad };

        NetfilterException refused = Assert.Throws<NetfilterException>(() => table.Client.Commit(Name, changes));

        Assert.Equal(7_777, refused.ChangeIndex);
        Assert.Equal(34, refused.Errno); // ERANGE
        Assert.Empty(table.Client.ListElements(Name, "s"));
    }

    [LinuxFact]
    public void Commit_ManyRefusals_ReportsTheFirstAndTheClientGoesOn()
    {
        using var table = new KernelTable(Sets);
        ElementChange[] changes = new ElementChange[20_000];
        for (int i = 0; i < changes.Length; i++)
        {
            SetElement element = new() { Key = (byte[])[192, 1, (byte)(i >> 8), (byte)i] };
            changes[i] = i % 2 == 0 ? Add("s", element) : Delete("s", element with { Key = (byte[])[203, 0, 113, 1] });
        }

        NetfilterException refused = Assert.Throws<NetfilterException>(() => table.Client.Commit(Name, changes));

        Assert.Equal(1, refused.ChangeIndex);
        Assert.Empty(table.Client.ListElements(Name, "s"));
        table.Commit(Add("s", Element("192.0.2.1")));
        Assert.NotNull(table.Get("s", "192.0.2.1"));
    }

    [LinuxFact]
    public void Commit_FullSet_SaysSo()
    {
        using var table = new KernelTable(Sets);

        NetfilterException refused = Assert.Throws<NetfilterException>(() => table.Commit(
            Add("small", Element("192.0.2.1")), Add("small", Element("192.0.2.2")), Add("small", Element("192.0.2.3"))));

        Assert.Equal(2, refused.ChangeIndex);
        Assert.Contains("The set is full", refused.Message, StringComparison.Ordinal);
        Assert.Empty(table.Client.ListElements(Name, "small"));
    }

    [LinuxFact]
    public void Commit_OverlappingInterval_SaysSo()
    {
        using var table = new KernelTable(Sets);
        table.Commit(Add("n", Element("198.51.100.0", "198.51.100.255")));

        NetfilterException refused = Assert.Throws<NetfilterException>(() => table.Commit(
            Add("n", Element("192.0.2.1")), Add("n", Element("198.51.100.16", "198.51.100.31"))));

        Assert.Equal(1, refused.ChangeIndex);
        Assert.Contains("add 198.51.100.16-198.51.100.31 to n", refused.Message, StringComparison.Ordinal);
        Assert.Single(table.Client.ListElements(Name, "n"));
    }

    [LinuxFact]
    public void Commit_TimeoutInASetWithout_IsRefusedWithItsIndex()
    {
        using var table = new KernelTable(Sets);

        NetfilterException refused = Assert.Throws<NetfilterException>(() => table.Commit(
            Add("small", Element("192.0.2.1")), Add("small", Element("192.0.2.2", timeout: TimeSpan.FromHours(1)))));

        Assert.Equal(1, refused.ChangeIndex);
        Assert.Equal(22, refused.Errno);
    }

    [LinuxFact]
    public void Commit_KeyOfWrongLengthOrInterval_IsRefusedBeforeTheKernel()
    {
        using var table = new KernelTable(Sets);

        foreach (SetElement bad in new[] { Element("2001:db8::1"), Element("192.0.2.1", "192.0.2.9"), new() { Key = default }, new() { Key = new byte[3000] } })
        {
            NetfilterException refused = Assert.Throws<NetfilterException>(() => table.Commit(Add("s", Element("192.0.2.1")), Add("s", bad)));
            Assert.Equal(1, refused.ChangeIndex);
        }

        Assert.Throws<NetfilterException>(() => table.Commit(Add("n", Element("192.0.2.9", "192.0.2.1"))));
        Assert.Empty(table.Client.ListElements(Name, "s"));
    }

    [LinuxFact]
    public void Commit_MissingTableOrSet_IsNotFound()
    {
        using var table = new KernelTable(Sets);
        var missing = new TableName(NetfilterFamily.Inet, "nothere");

        Assert.True(Assert.Throws<NetfilterException>(() => table.Client.Commit(missing, [Add("s", Element("192.0.2.1"))])).IsNotFound);
        NetfilterException noSet = Assert.Throws<NetfilterException>(() => table.Commit(Add("s", Element("192.0.2.1")), Add("nothere", Element("192.0.2.1"))));
        Assert.True(noSet.IsNotFound);
        Assert.Equal(1, noSet.ChangeIndex);
        Assert.True(Assert.Throws<NetfilterException>(() => table.Client.ListElements(Name, "nothere")).IsNotFound);
        Assert.True(Assert.Throws<NetfilterException>(() => table.Client.GetElement(missing, "s", Key("192.0.2.1"))).IsNotFound);
        Assert.True(Assert.Throws<NetfilterException>(() => table.Client.ListSets(missing)).IsNotFound);
        Assert.True(Assert.Throws<NetfilterException>(() => table.Client.ListChains(missing, [])).IsNotFound);
        Assert.True(Assert.Throws<NetfilterException>(() => table.Client.ListCounters(missing)).IsNotFound);
        Assert.False(table.Client.TableExists(missing));
        Assert.True(table.Client.TableExists(Name));
        Assert.False(table.Client.TableExists(Name with { Family = NetfilterFamily.IPv4 }));
    }

    [LinuxFact]
    public void Commit_SetDeclaredAnewAsIntervals_IsWrittenInTheNewForm()
    {
        using var table = new KernelTable("set s { type ipv4_addr; flags timeout; }");
        table.Commit(Add("s", Element("192.0.2.1")), Delete("s", Element("192.0.2.1")), Add("s", Element("192.0.2.1")));
        table.Namespace.Nft("delete set inet t s; add set inet t s { type ipv4_addr; flags interval; }");

        table.Commit(Add("s", Element("192.0.2.1")));

        Assert.Contains("elements = { 192.0.2.1 }", table.Listed("s"), StringComparison.Ordinal);
        Assert.Null(table.Get("s", "192.0.2.2"));
    }

    [LinuxFact]
    public void Commit_SetDeletedMeanwhile_IsNotFoundAndTheClientGoesOn()
    {
        using var table = new KernelTable(Sets);
        table.Commit(Add("s", Element("192.0.2.1")), Delete("s", Element("192.0.2.1")));
        table.Namespace.Nft("delete set inet t s");

        Assert.True(Assert.Throws<NetfilterException>(() => table.Commit(Add("s", Element("192.0.2.1")))).IsNotFound);
        table.Commit(Add("small", Element("192.0.2.1")));
        Assert.NotNull(table.Get("small", "192.0.2.1"));
    }

    [LinuxFact]
    public void Commit_OthersCommitAllTheTime_EveryBatchGetsThrough()
    {
        using var table = new KernelTable("set s { type ipv4_addr; }\nset o { type ipv4_addr; }");
        using NftablesClient other = table.Namespace.Run(NftablesClient.Open);
        int rounds = 0;
        bool done = false;
        var neighbour = new Thread(() =>
        {
            while (!Volatile.Read(ref done))
            {
                SetElement element = Element("198.51.100.1");
                other.Commit(Name, [Add("o", element), Delete("o", element)]);
                Interlocked.Increment(ref rounds);
            }
        });
        neighbour.Start();
        try
        {
            for (int i = 0; i < 2_000; i++) table.Commit(Add("s", new() { Key = (byte[])[192, 0, (byte)(i >> 8), (byte)i] }));
            for (byte b = 0; b < 5; b++)
                table.Commit([.. Enumerable.Range(0, 2_000).Select(i => Add("s", new() { Key = (byte[])[203, b, (byte)(i >> 8), (byte)i] }))]);
        }
        finally
        {
            Volatile.Write(ref done, true);
            neighbour.Join();
        }

        Assert.True(rounds > 0);
        Assert.Equal(12_000, table.Client.ListElements(Name, "s").Count);
    }

    [LinuxFact]
    public void Commit_Empty_DoesNothing()
    {
        using var table = new KernelTable(Sets);
        uint before = table.Client.GetGeneration();

        table.Commit();

        Assert.Equal(before, table.Client.GetGeneration());
        table.Commit(Add("s", Element("192.0.2.1")));
        Assert.NotEqual(before, table.Client.GetGeneration());
    }
}
