using RateWall.IntegrationTests.Machine;
using RateWall.Netfilter;

namespace RateWall.IntegrationTests.Netfilter;

public sealed class LibNftablesTests
{
    private const string Ruleset = """
        table inet t {
            counter hits { packets 3 bytes 300 }
            set s {
                type ipv4_addr; flags timeout
                elements = { 192.0.2.1 timeout 1h }
            }
        }

        """;

    [LinuxFact]
    public void Run_RulesetThenListings_PrintsLikeNft()
    {
        using var space = new NetworkNamespace();
        space.Run(() =>
        {
            using NftablesClient client = NftablesClient.Open();
            var nftables = new LibNftables(client, KernelTable.Name);
            Assert.Equal("", nftables.Run(Ruleset));

            string plain = nftables.Run("list table inet t");
            Assert.Contains("packets 3", plain, StringComparison.Ordinal);
            Assert.Contains("192.0.2.1 timeout 1h expires", plain, StringComparison.Ordinal);
            string stateless = nftables.Run("list table inet t", NftListing.Stateless);
            Assert.DoesNotContain("packets 3", stateless, StringComparison.Ordinal);
            Assert.DoesNotContain("expires", stateless, StringComparison.Ordinal);
            string terse = nftables.Run("list table inet t", NftListing.Terse);
            Assert.DoesNotContain("192.0.2.1", terse, StringComparison.Ordinal);
            Assert.Equal(space.Nft("-s", "-t", "list", "table", "inet", "t"), nftables.Run("list table inet t", NftListing.Stateless | NftListing.Terse));
        });
    }

    [LinuxFact]
    public void Run_CheckOnly_ChangesNothing()
    {
        using var space = new NetworkNamespace();
        space.Run(() =>
        {
            using NftablesClient client = NftablesClient.Open();
            var nftables = new LibNftables(client, KernelTable.Name);
            nftables.Run(Ruleset, checkOnly: true);
            Assert.Equal("", nftables.Run("list ruleset"));
            nftables.Run(Ruleset);
            Assert.Contains("192.0.2.1", nftables.Run("list ruleset"), StringComparison.Ordinal);
        });
    }

    [LinuxFact]
    public void Run_WrongText_TellsLineAndColumnAndGoesOn()
    {
        using var space = new NetworkNamespace();
        space.Run(() =>
        {
            using NftablesClient client = NftablesClient.Open();
            var nftables = new LibNftables(client, KernelTable.Name);
            NetfilterException syntax = Assert.Throws<NetfilterException>(() => nftables.Run("add table inet t\nadd chian inet t c\n"));
            Assert.Contains("rules:2:11-14: Error: syntax error", syntax.Message, StringComparison.Ordinal);
            Assert.Contains("add chian inet t c\n          ^^^^", syntax.Message, StringComparison.Ordinal);
            Assert.False(syntax.IsNotPermitted);

            NetfilterException missing = Assert.Throws<NetfilterException>(() => nftables.Run("list table inet nothere"));
            Assert.True(missing.IsNotFound);
            Assert.Throws<NetfilterException>(() => nftables.Run("add table inet t\0; flush ruleset"));
            Assert.Equal("", nftables.Run("list ruleset"));
        });
    }

    [LinuxFact]
    public void Run_OneWrongCommand_NothingOfTheTransactionStays()
    {
        using var space = new NetworkNamespace();
        space.Run(() =>
        {
            using NftablesClient client = NftablesClient.Open();
            var nftables = new LibNftables(client, KernelTable.Name);
            nftables.Run(Ruleset);
            Assert.Throws<NetfilterException>(() => nftables.Run("add chain inet t u\ndelete element inet t s { 192.0.2.99 }"));
            Assert.DoesNotContain("chain u", nftables.Run("list ruleset"), StringComparison.Ordinal);
        });
    }
}
