using RateWall.IntegrationTests.Machine;
using RateWall.Netfilter;
using static RateWall.IntegrationTests.Netfilter.KernelTable;

namespace RateWall.IntegrationTests.Netfilter;

public sealed class ListingTests
{
    [LinuxFact]
    public void ListSets_NamedAndAnonymous_DescribesTheNamed()
    {
        using var table = new KernelTable("""
            set plain { type ipv4_addr; }
            set full { type ipv6_addr; flags interval,timeout; timeout 90s; size 77; elements = { 2001:db8::/64, 2001:db8:1::/64 } }
            set pair { type ipv4_addr . inet_service; flags interval; }
            map verdicts { type inet_service : verdict; elements = { 22 : accept } }
            chain c { type filter hook input priority 0; tcp dport { 22, 25 } accept; }
            """);
        table.Namespace.NftLoad("table ip other {\nset elsewhere { type ipv4_addr; }\n}\n");

        SetDescription[] sets = [.. table.Client.ListSets(Name).OrderBy(s => s.Name, StringComparer.Ordinal)];

        Assert.Equal("full pair plain verdicts", string.Join(' ', sets.Select(s => s.Name)));
        SetDescription full = sets[0];
        Assert.Equal((16u, 77u, TimeSpan.FromSeconds(90)), (full.KeyLength, full.Size, full.Timeout));
        Assert.Equal(0x14u, full.Flags & 0x14u); // NFT_SET_INTERVAL, NFT_SET_TIMEOUT
        Assert.Equal((8u, 4u), (sets[2].KeyType + 1, sets[2].KeyLength));
        Assert.Null(sets[2].Size);
        Assert.Null(sets[2].Timeout);
        Assert.Equal(8u, sets[1].KeyLength);
        if (Environment.OSVersion.Version >= new Version(6, 16)) Assert.Equal((2u, 0u, 1u), (full.Count, sets[2].Count, sets[3].Count));
    }

    [LinuxFact]
    public void ListChains_TwoTables_GivesOnlyTheAskedOnes()
    {
        using var table = new KernelTable("chain a { }\nchain b { type filter hook input priority 0; }");
        table.Namespace.NftLoad("table inet other {\nchain elsewhere { }\n}\n");

        Assert.Equal("a b", string.Join(' ', table.Client.ListChains(Name, []).Order(StringComparer.Ordinal)));
    }

    [LinuxFact]
    public void ListCounters_CountersAndOtherObjects_GivesTheCountersWithValues()
    {
        using var table = new KernelTable("counter a { packets 5 bytes 500 }\ncounter b { packets 18446744073709551615 bytes 1 }\nquota q { over 10 mbytes }");
        table.Namespace.NftLoad("table inet other {\ncounter elsewhere { }\n}\n");

        Assert.Equal(
            [new("a", 5, 500), new NamedCounter("b", ulong.MaxValue, 1)],
            table.Client.ListCounters(Name).OrderBy(c => c.Name, StringComparer.Ordinal));
    }

    [LinuxFact]
    public void ListElements_PacketsPassing_CountsThem()
    {
        using var table = new KernelTable("""
            set s { type ipv4_addr; flags timeout; counter; }
            chain c { type filter hook output priority 0; udp dport 9 ip daddr @s accept; }
            """);
        table.Commit(Add("s", Element("127.0.0.1", timeout: TimeSpan.FromMinutes(5))));

        table.Namespace.Run(() =>
        {
            using var socket = new System.Net.Sockets.UdpClient();
            for (int i = 0; i < 3; i++) socket.Send(new byte[72], 72, "127.0.0.1", 9);
        });

        SetElement element = Assert.Single(table.Client.ListElements(Name, "s"));
        Assert.Equal((3ul, 300ul), (element.Packets, element.Bytes));
    }

    [LinuxFact]
    public void Client_TableOfAWrongName_IsRefusedWithAClearText()
    {
        using var table = new KernelTable("");
        foreach (string name in new[] { "", "a\0b", new string('x', 256) })
        {
            NetfilterException refused = Assert.Throws<NetfilterException>(() => table.Client.TableExists(Name with { Name = name }));
            Assert.Contains("1 to 255 bytes", refused.Message, StringComparison.Ordinal);
        }
    }
}
