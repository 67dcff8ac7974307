using System.Net.Sockets;
using RateWall.Detection;
using RateWall.IntegrationTests.Machine;
using RateWall.Policy;
using RateWall.Wall;

namespace RateWall.IntegrationTests.Wall;

public sealed class KernelBansTests
{
    private static readonly EffectivePolicy Policy = SamplePolicy.Of(SamplePolicy.Service("ssh", LimitMode.Bucket, 1000, 60, 22));

    [LinuxTheory]
    [InlineData(TwoHosts.Client4, TwoHosts.Client4)]
    [InlineData(TwoHosts.Client4, "192.0.2.2/31")]
    [InlineData(TwoHosts.Client6, TwoHosts.Client6)]
    [InlineData("2001:db8:2:1::a", "2001:db8:2:1::/64")]
    [InlineData("2001:db8:2:1::a", "2001:db8:2::/48")]
    public void Put_BannedSource_IsDroppedAndOthersAreNot(string source, string target)
    {
        using TwoHosts hosts = Standing();
        if (source.StartsWith("2001:db8:2", StringComparison.Ordinal)) hosts.AddClientAddress(source + "/128");
        Assert.Equal("+", hosts.Tries(source, 22, 1));
        Put(hosts, (target, 3600));
        Assert.Equal("-", hosts.Tries(source, 22, 1));
        Assert.Equal("+", hosts.Tries(source == TwoHosts.Client4 ? TwoHosts.Client6 : TwoHosts.Client4, 22, 1));
        Assert.Equal(1, hosts.Server.Run(() =>
        {
            using KernelBans bans = KernelBans.Open(TimeProvider.System);
            return bans.Remove([AddressPrefix.Parse(target), AddressPrefix.Parse("203.0.113.9")]);
        }));
        Assert.Equal("+", hosts.Tries(source, 22, 1));
    }

    [LinuxFact]
    public void Put_EstablishedConnection_FallsSilent()
    {
        using TwoHosts hosts = Standing();
        using Socket socket = hosts.Connect(TwoHosts.Client4, 22)!;
        Put(hosts, (TwoHosts.Client4, 3600));
        socket.Blocking = false;
        socket.Send("hello"u8);
        // The packets of the connection are counted at the ban, and none of them arrives.
        string set = "";
        for (int i = 0; i < 50 && !set.Contains("packets 1", StringComparison.Ordinal); i++)
            set = hosts.Server.Nft("list", "set", "inet", "ratewall", "ban4");
        Assert.DoesNotContain("packets 0 ", set, StringComparison.Ordinal);
        Assert.Contains("packets", hosts.Server.Nft("list", "counter", "inet", "ratewall", "ssh_banned"), StringComparison.Ordinal);
    }

    [LinuxFact]
    public void Put_NeighboursInABannedSixtyFour_AreStillFound()
    {
        using TwoHosts hosts = Standing();
        // Another host on the link, which is the router too, and one behind it.
        const string neighbour = "2001:db8:1::7";
        hosts.Client.AddAddress($"{neighbour}/64", "eth0");
        hosts.AddClientAddress("2001:db8:2:1::a/128");
        Put(hosts, ("2001:db8:1::/64", 3600));
        foreach (NetworkNamespace host in (NetworkNamespace[])[hosts.Server, hosts.Client]) host.Ip("-6", "neigh", "flush", "dev", "eth0");
        Assert.Equal("-", hosts.Tries(TwoHosts.Client6, 22, 1));
        // Who is banned is refused, and finds this host's address all the same; this host finds a neighbour that is banned.
        Assert.Contains("lladdr", Neighbour(hosts.Client, TwoHosts.Server6), StringComparison.Ordinal);
        hosts.Server.Run(() =>
        {
            using var any = new UdpClient(AddressFamily.InterNetworkV6);
            any.Send([0], neighbour, 9);
        });
        Eventually.True(
            "the banned neighbour is found", TimeSpan.FromMinutes(2),
            () => Neighbour(hosts.Server, neighbour).Contains("lladdr", StringComparison.Ordinal), () => Neighbour(hosts.Server, neighbour));
        // And the router: answers to those behind it go through it.
        Assert.Equal("+", hosts.Tries("2001:db8:2:1::a", 22, 1));
        Assert.Contains("lladdr", Neighbour(hosts.Server, TwoHosts.Client6), StringComparison.Ordinal);

        static string Neighbour(NetworkNamespace host, string address) =>
            Shell.Run("ip", "-n", host.Name, "-6", "neigh", "show", address, "dev", "eth0").Out;
    }

    [LinuxFact]
    public void Put_AllowedSource_IsNotDropped()
    {
        using TwoHosts hosts = Standing();
        hosts.Server.Nft("add element inet ratewall allow4 { 192.0.2.2/32 }");
        Put(hosts, ("192.0.2.0/24", 3600));
        Assert.Equal("+", hosts.Tries(TwoHosts.Client4, 22, 1));
    }

    [LinuxFact]
    public void Put_ShortBan_RunsOutByItself()
    {
        using TwoHosts hosts = Standing();
        Put(hosts, (TwoHosts.Client4, 5));
        string tries = "";
        for (int i = 0; i < 40 && !tries.Contains('+', StringComparison.Ordinal); i++) tries += hosts.Tries(TwoHosts.Client4, 22, 1);
        Assert.StartsWith("-", tries, StringComparison.Ordinal);
        Assert.EndsWith("+", tries, StringComparison.Ordinal);
    }

    [LinuxTheory]
    [InlineData("192.0.2.7")]
    [InlineData("192.0.2.0/24")]
    [InlineData("2001:db8::/64")]
    [InlineData("2001:db8::/48")]
    public void Put_Again_MovesTheDeadlineOutwardsAndOnlyInwardsWhenAsked(string target)
    {
        using var space = new NetworkNamespace();
        space.NftLoad(RulesetRenderer.BuiltIn.Render(Policy).Text);
        space.Run(() =>
        {
            using KernelBans bans = KernelBans.Open(TimeProvider.System);
            AddressPrefix prefix = AddressPrefix.Parse(target);
            DateTimeOffset now = DateTimeOffset.UtcNow;
            void Expect(int seconds) => Assert.InRange((bans.Find(prefix)!.Until!.Value - now).TotalSeconds, seconds - 10, seconds + 10);

            bans.Put([new(prefix, now.AddSeconds(600))]);
            Expect(600);
            bans.Put([new(prefix, now.AddSeconds(900))]);
            Expect(900);
            bans.Put([new(prefix, now.AddSeconds(300))]);
            Expect(900);
            bans.Put([new(prefix, now.AddSeconds(300))], shorten: true);
            Expect(300);
            Assert.Null(Assert.Single(bans.Put([new(AddressPrefix.Parse("203.0.113.1"), now.AddSeconds(-1))])));
            bans.Put([new(prefix, null)]);
            Assert.Null(bans.Find(prefix)!.Until);
        });
    }

    [LinuxTheory]
    [InlineData(TwoHosts.Client4, TwoHosts.Client4, "ban4")]
    [InlineData(TwoHosts.Client4, "192.0.2.0/30", "bannet4")]
    [InlineData(TwoHosts.Client6, TwoHosts.Client6, "ban6")]
    [InlineData("2001:db8:2:1::a", "2001:db8:2::/48", "bannet6")]
    public void Put_Again_KeepsWhatTheBanHasCounted(string source, string target, string set)
    {
        using TwoHosts hosts = Standing();
        if (source.StartsWith("2001:db8:2", StringComparison.Ordinal)) hosts.AddClientAddress(source + "/128");
        Put(hosts, (target, 3600));
        Assert.Equal("---", hosts.Tries(source, 22, 3));
        int counted = Counted();
        Assert.True(counted >= 3, $"{counted} packets");
        Put(hosts, (target, 7200));
        Assert.True(Counted() >= counted, $"{Counted()} packets, {counted} before");

        int Counted()
        {
            string listing = hosts.Server.Nft("list", "set", "inet", "ratewall", set);
            return int.Parse(listing.Split("counter packets ")[1].Split(' ')[0], System.Globalization.CultureInfo.InvariantCulture);
        }
    }

    [LinuxFact]
    public void Put_OverlappingNetworksInAnyOrder_StandDisjoint()
    {
        using var space = new NetworkNamespace();
        space.NftLoad(RulesetRenderer.BuiltIn.Render(Policy).Text);
        var random = new Random(11);
        space.Run(() =>
        {
            using KernelBans bans = KernelBans.Open(TimeProvider.System);
            DateTimeOffset now = DateTimeOffset.UtcNow;
            var model = new Dictionary<AddressPrefix, DateTimeOffset?>();
            for (int step = 0; step < 200; step++)
            {
                var ban = new BanElement(
                    AddressPrefix.Of(SourceAddress.FromIPv4(0xC6336400u | (uint)random.Next(256)), random.Next(22, 32)),
                    now.AddMinutes(random.Next(10, 10000)));
                model = DisjointPrefixes.Add(model, [ban], exact: false, out BanElement[] covering);
                BanElement? stands = Assert.Single(bans.Put([ban]));
                Assert.Equal(covering[0].Target, stands!.Target);
            }

            foreach ((AddressPrefix prefix, DateTimeOffset? until) in model)
                Assert.InRange((bans.Find(prefix)!.Until!.Value - until!.Value).TotalSeconds, -10, 10);
            Assert.Equal(model.Keys.Order(), bans.Networks("bannet4").Order());
        });
    }

    [LinuxFact]
    public void FindCovering_AddressInsideANetwork_IsTheNetwork()
    {
        using var space = new NetworkNamespace();
        space.NftLoad(RulesetRenderer.BuiltIn.Render(Policy).Text);
        space.Run(() =>
        {
            using KernelBans bans = KernelBans.Open(TimeProvider.System);
            bans.Put([.. ((string[])["198.51.100.0/24", "2001:db8:2::/48", "2001:db8:3:4::/64"]).Select(t =>
                new BanElement(AddressPrefix.Parse(t), DateTimeOffset.UtcNow.AddHours(1)))]);
            Assert.Equal("198.51.100.0/24", bans.FindCovering(AddressPrefix.Parse("198.51.100.77"))?.Target.ToString());
            Assert.Equal("2001:db8:2::/48", bans.FindCovering(AddressPrefix.Parse("2001:db8:2:9::1"))?.Target.ToString());
            Assert.Equal("2001:db8:3:4::/64", bans.FindCovering(AddressPrefix.Parse("2001:db8:3:4::1"))?.Target.ToString());
            Assert.Null(bans.FindCovering(AddressPrefix.Parse("203.0.113.1")));
            Assert.Null(bans.Find(AddressPrefix.Parse("198.51.100.77")));
        });
    }

    private static TwoHosts Standing()
    {
        var hosts = new TwoHosts(22);
        hosts.Server.NftLoad(RulesetRenderer.BuiltIn.Render(Policy).Text);
        return hosts;
    }

    private static void Put(TwoHosts hosts, params (string Target, int Seconds)[] asked) => hosts.Server.Run(() =>
    {
        using KernelBans bans = KernelBans.Open(TimeProvider.System);
        DateTimeOffset now = DateTimeOffset.UtcNow;
        IReadOnlyList<BanElement?> stands = bans.Put([.. asked.Select(a => new BanElement(AddressPrefix.Parse(a.Target), now.AddSeconds(a.Seconds)))]);
        Assert.All(stands, Assert.NotNull);
    });
}
