using System.Diagnostics;
using System.Globalization;
using System.Text;
using RateWall.IntegrationTests.Machine;
using RateWall.Netfilter;

namespace RateWall.IntegrationTests.Netfilter;

/// <summary>Transactions that libnftables writes and the client sends: to one table, in one generation, whole or not at all.</summary>
public sealed class RulesTransactionTests : IDisposable
{
    private const int ERESTART = 85; // asm-generic/errno.h
    private readonly KernelTable table = new("chain c { }\nset s { type ipv4_addr; flags timeout; }\nset r { type ipv4_addr; flags interval; auto-merge; }");

    public void Dispose() => table.Dispose();

    [LinuxTheory]
    [InlineData("table ip other {\n chain new { }\n}", "add table ip other")]
    [InlineData("delete table inet t2", "delete table inet t2")]
    [InlineData("table ip t {\n set s { type ipv4_addr; }\n}", "add table ip t")]
    public void Run_AnotherTable_IsRefusedWithItsLineBeforeAnythingIsSent(string other, string act)
    {
        table.Namespace.NftLoad("table ip other {\n chain c { tcp dport 22 accept; }\n}\ntable inet t2 {\n chain c { }\n}\n");
        string before = table.Namespace.Nft("-a", "list", "ruleset");
        NetfilterException refused = Assert.Throws<NetfilterException>(() => Run($"add rule inet t c tcp dport 1 drop\n{other}\nadd chain inet t late\n"));
        Assert.Contains($"only inet t may be changed here, and this would {act}", refused.Message, StringComparison.Ordinal);
        Assert.Contains("rules:2:", refused.Message, StringComparison.Ordinal);
        Assert.False(refused.IsNotPermitted || refused.IsNotFound);
        Assert.Equal(before, table.Namespace.Nft("-a", "list", "ruleset"));
    }

    [LinuxFact]
    public void Run_FlushRuleset_IsRefused()
    {
        table.Namespace.NftLoad("table ip other {\n chain c { }\n}\n");
        string before = table.Namespace.Nft("-a", "list", "ruleset");
        NetfilterException refused = Assert.Throws<NetfilterException>(() => Run("# all of it\nflush ruleset\ntable inet t {\n chain c { }\n}\n"));
        Assert.Contains("only inet t may be changed here, and this would delete tables of every name", refused.Message, StringComparison.Ordinal);
        Assert.Contains("rules:2:", refused.Message, StringComparison.Ordinal);
        Assert.Equal(before, table.Namespace.Nft("-a", "list", "ruleset"));
    }

    [LinuxFact]
    public void Run_RuleOfAnotherTable_IsRefusedWithItsLine()
    {
        table.Namespace.NftLoad("table ip other {\n chain c { }\n}\n");
        string before = table.Namespace.Nft("-a", "list", "ruleset");
        Assert.Contains("rules:2:", Assert.Throws<NetfilterException>(() => Run("add chain inet t d\nadd rule ip other c drop\n")).Message, StringComparison.Ordinal);
        Assert.Equal(before, table.Namespace.Nft("-a", "list", "ruleset"));
    }

    [LinuxFact]
    public void Run_KernelRefuses_TellsLineAndObjectAndKeepsAll()
    {
        string before = table.Namespace.Nft("-a", "list", "ruleset");
        NetfilterException refused = Assert.Throws<NetfilterException>(() => Run("add chain inet t d\nadd rule inet t d accept\ndelete element inet t s { 192.0.2.1 }\nadd chain inet t e\n"));
        Assert.Matches("rules:3:[0-9]+-[0-9]+: Error: Could not process rule: ", refused.Message);
        Assert.Contains("\ndelete elements of set s in inet t: ", refused.Message, StringComparison.Ordinal);
        Assert.Equal(before, table.Namespace.Nft("-a", "list", "ruleset"));

        // Many at once, in a dry run too: the library tells each, in the order of the lines.
        string missing = string.Concat(Enumerable.Range(1, 50).Select(i => string.Create(CultureInfo.InvariantCulture, $"delete element inet t s {{ 192.0.2.{i} }}\n")));
        refused = Assert.Throws<NetfilterException>(() => Run(missing, checkOnly: true));
        Assert.True(refused.IsNotFound, refused.Message);
        Assert.Contains("rules:1:", refused.Message, StringComparison.Ordinal);
        Assert.Contains("delete elements of set s in inet t: ", refused.Message, StringComparison.Ordinal);
        Run("add rule inet t c tcp dport 1 drop");
    }

    [LinuxFact]
    public void Run_KernelRefusesOnABusyMachine_StillTellsTheLine()
    {
        using var over = new CancellationTokenSource();
        Thread[] busy = [.. Enumerable.Range(0, Environment.ProcessorCount * 3).Select(_ => new Thread(() => SpinWait.SpinUntil(() => over.IsCancellationRequested)))];
        foreach (Thread thread in busy) thread.Start();
        try
        {
            for (int i = 0; i < 100; i++)
            {
                Assert.Contains("rules:1:", Assert.Throws<NetfilterException>(() => Run("delete element inet t s { 192.0.2.1 }\n")).Message, StringComparison.Ordinal);
                Assert.Contains("rules:1:", Assert.Throws<NetfilterException>(() => Run("add table inet other\n")).Message, StringComparison.Ordinal);
            }
        }
        finally
        {
            over.Cancel();
            foreach (Thread thread in busy) thread.Join();
        }
    }

    [LinuxFact]
    public void Send_GenerationOfBefore_IsErestartAndChangesNothing()
    {
        uint generation = table.Client.GetGeneration();
        RulesBatch batch = RulesBatch.Read(Written(), KernelTable.Name);
        table.Namespace.Nft("add table ip other");
        string before = table.Namespace.Nft("-a", "list", "ruleset");
        Assert.Equal(ERESTART, Assert.Throws<NetfilterException>(() => table.Client.Send("test", batch, generation)).Errno);
        Assert.Equal(before, table.Namespace.Nft("-a", "list", "ruleset"));
        Assert.Empty(table.Client.Send("test", batch, table.Client.GetGeneration()));
        Assert.Contains("chain new", table.Namespace.Nft("list", "ruleset"), StringComparison.Ordinal);
    }

    [LinuxFact]
    public void Run_WhileAnotherProgramCommits_EachIsWholeAndNoneIsTwice()
    {
        const int Rounds = 40;
        using Process writer = table.Namespace.Start(
            "bash", ["-c", "yes 'add table ip other; add chain ip other c; delete table ip other' | nft -i >/dev/null 2>&1"], new Dictionary<string, string?>(StringComparer.Ordinal));
        try
        {
            for (int i = 1; i <= Rounds; i++)
            {
                Run(string.Create(CultureInfo.InvariantCulture, $"add rule inet t c tcp dport {i} drop\nadd element inet t s {{ 192.0.2.{i} timeout 1h }}\n"));
                Assert.Contains("chain c", Run("list table inet t", NftListing.Terse), StringComparison.Ordinal);
            }

            Assert.False(writer.HasExited);
        }
        finally
        {
            writer.Kill(entireProcessTree: true);
        }

        string listed = table.Namespace.Nft("list", "chain", "inet", "t", "c");
        Assert.Equal(Enumerable.Range(1, Rounds).Select(i => string.Create(CultureInfo.InvariantCulture, $"tcp dport {i} drop")), listed.Split('\n').Select(l => l.Trim()).Where(l => l.StartsWith("tcp", StringComparison.Ordinal)), StringComparer.Ordinal);
        Assert.Equal(Rounds, table.Client.ListElements(KernelTable.Name, "s").Count);
    }

    [LinuxFact]
    public void Run_ElementsThatTouchThoseOfASet_AreMergedWithThem()
    {
        Run("add element inet t r { 198.51.100.0/25 }");
        Run("add element inet t r { 198.51.100.128/25 }");
        Assert.Contains("198.51.100.0/24", table.Listed("r"), StringComparison.Ordinal);
        Assert.Contains("198.51.100.0/24", Run("list table inet t"), StringComparison.Ordinal);
        Assert.DoesNotContain("198.51.100.0", Run("list table inet t", NftListing.Terse), StringComparison.Ordinal);
    }

    [LinuxFact]
    public void Run_LongTransaction_IsTakenWholeAndOneThatIsTooLongLeavesAllAsItWas()
    {
        Run(Elements(70_000));
        Assert.Equal(70_000, table.Client.ListSets(KernelTable.Name).Single(s => s.Name == "s").Count is { } count ? (int)count : table.Client.ListElements(KernelTable.Name, "s").Count);
        Run("flush set inet t s");
        string before = table.Namespace.Nft("-a", "list", "ruleset");
        NetfilterException refused = Assert.Throws<NetfilterException>(() => Run(Elements(400_000)));
        Assert.Contains("longer than 4 MB", refused.Message, StringComparison.Ordinal);
        Assert.Equal(before, table.Namespace.Nft("-a", "list", "ruleset"));
        Run("add rule inet t c tcp dport 1 drop");
    }

    private static string Elements(int count)
    {
        var text = new StringBuilder("add element inet t s { ");
        for (int i = 0; i < count; i++) text.Append(CultureInfo.InvariantCulture, $"10.{i >> 16}.{(i >> 8) & 255}.{i & 255},\n");
        return text.Append("}\n").ToString();
    }

    // A chain, as libnftables writes one.
    private static byte[] Written()
    {
        byte[] buffer = new byte[512];
        var writer = new MessageWriter(buffer);
        writer.EndMessage(writer.BeginMessage(KernelHeaders.NFNL_MSG_BATCH_BEGIN, KernelHeaders.NLM_F_REQUEST, 0, NetfilterFamily.Unspecified, KernelHeaders.NFNL_SUBSYS_NFTABLES));
        int chain = writer.BeginMessage(KernelHeaders.NfTables(KernelHeaders.NFT_MSG_NEWCHAIN), (ushort)(KernelHeaders.NLM_F_REQUEST | KernelHeaders.NLM_F_CREATE), 1, NetfilterFamily.Inet);
        writer.Text(KernelHeaders.NFTA_TABLE_NAME, "t");
        writer.Text(KernelHeaders.NFTA_CHAIN_NAME, "new");
        writer.EndMessage(chain);
        writer.EndMessage(writer.BeginMessage(KernelHeaders.NFNL_MSG_BATCH_END, KernelHeaders.NLM_F_REQUEST, 2, NetfilterFamily.Unspecified, KernelHeaders.NFNL_SUBSYS_NFTABLES));
        return buffer[..writer.Length];
    }

    private string Run(string commands, NftListing listing = NftListing.Plain, bool checkOnly = false) =>
        table.Namespace.Run(() => new LibNftables(table.Client, KernelTable.Name).Run(commands, listing, checkOnly));
}
