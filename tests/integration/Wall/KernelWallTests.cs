using RateWall.Detection;
using RateWall.IntegrationTests.Machine;
using RateWall.Netfilter;
using RateWall.Policy;
using RateWall.Wall;

namespace RateWall.IntegrationTests.Wall;

public sealed class KernelWallTests : IDisposable
{
    private readonly NetworkNamespace space = new();
    private readonly string state = Directory.CreateTempSubdirectory("ratewall-wall").FullName;

    [LinuxFact]
    public void Apply_EmptyKernel_CreatesTheWall()
    {
        ApplyOutcome outcome = Apply(SamplePolicy.EveryMode.Allowing("192.0.2.0/24", "2001:db8::/32"));
        Assert.Equal(new ApplyOutcome(Changed: true, Created: true), outcome);
        Assert.Contains("192.0.2.0/24", space.Nft("list", "set", "inet", "ratewall", "allow4"), StringComparison.Ordinal);
        Assert.Contains("2001:db8::/32", space.Nft("list", "set", "inet", "ratewall", "allow6"), StringComparison.Ordinal);
        Assert.Contains("fe80::/10", space.Nft("list", "set", "inet", "ratewall", "byhost6"), StringComparison.Ordinal);
    }

    [LinuxFact]
    public void Apply_Twice_SendsNothing()
    {
        Apply(SamplePolicy.EveryMode);
        string before = space.Nft("-a", "list", "ruleset");
        Assert.Equal(new ApplyOutcome(Changed: false, Created: false), Apply(SamplePolicy.EveryMode));
        Assert.Equal(before, space.Nft("-a", "list", "ruleset"));
    }

    [LinuxFact]
    public void Apply_OtherPolicy_KeepsBansCountersAndDeadlines()
    {
        Apply(SamplePolicy.EveryMode);
        space.Nft("add element inet ratewall ban4 { 192.0.2.7 counter packets 5 bytes 300 timeout 1h expires 30m }");
        space.Nft("add element inet ratewall bannet4 { 198.51.100.0/25 timeout 2h expires 90m }");
        space.Nft("add element inet ratewall trusted4_ssh { 192.0.2.8 timeout 1h }");
        EffectivePolicy other = SamplePolicy.Of(
            SamplePolicy.Service("ssh", LimitMode.Window, 3, 60, 22, 2222),
            SamplePolicy.Service("ftp", LimitMode.Quiet, 5, 60, 21));
        Assert.True(Apply(other).Changed);

        string bans = space.Nft("list", "set", "inet", "ratewall", "ban4");
        Assert.Matches(@"192\.0\.2\.7 counter packets 5 bytes 300 timeout 1h expires 29m\d", bans);
        Assert.Matches(@"198\.51\.100\.0/25 .*timeout 2h expires 1h29m\d", space.Nft("list", "set", "inet", "ratewall", "bannet4"));
        Assert.Contains("192.0.2.8", space.Nft("list", "set", "inet", "ratewall", "trusted4_ssh"), StringComparison.Ordinal);
        string table = space.Nft("list", "table", "inet", "ratewall");
        Assert.DoesNotContain("imap", table, StringComparison.Ordinal);
        Assert.DoesNotContain("ssh_v4_h4", table, StringComparison.Ordinal);
        Assert.Contains("ftp_v4_over", table, StringComparison.Ordinal);
    }

    [LinuxFact]
    public void Apply_OtherRate_HoldsForKnownSourcesToo()
    {
        Apply(SamplePolicy.EveryMode);
        foreach (string set in (string[])["imap_v4_bucket", "imap_v4_known", "smtp_v4_bucket", "ssh_v4_h1"])
            space.Nft($"add element inet ratewall {set} {{ 192.0.2.9 timeout 1h }}");
        Apply(SamplePolicy.EveryMode with
        {
            Services = [.. SamplePolicy.EveryMode.Services.Select(s => s.Name == "imap" ? SamplePolicy.Service("imap", LimitMode.Bucket, 3, 90, 143, 993) : s)],
        });
        // Those of the changed rate begin anew under it, the others go on.
        string Listing(string set) => space.Nft("list", "set", "inet", "ratewall", set);
        foreach (string changed in (string[])["imap_v4_bucket", "imap_v4_known"]) Assert.DoesNotContain("192.0.2.9", Listing(changed), StringComparison.Ordinal);
        foreach (string kept in (string[])["smtp_v4_bucket", "ssh_v4_h1"]) Assert.Contains("192.0.2.9", Listing(kept), StringComparison.Ordinal);
    }

    [LinuxTheory]
    [InlineData(LimitMode.Window, 1)]
    [InlineData(LimitMode.Quiet, 2)]
    public void Apply_ShorterTime_LetsInWhomTheLongerOneKeptOut(LimitMode mode, int connections)
    {
        Apply(SamplePolicy.Of(SamplePolicy.Service("ssh", mode, connections, 86400, 22)));
        string[] sets = [.. Enumerable.Range(1, connections).Select(i => $"ssh_v4_h{i}"), .. mode == LimitMode.Quiet ? ["ssh_v4_over"] : Array.Empty<string>()];
        foreach (string set in sets) space.Nft($"add element inet ratewall {set} {{ 192.0.2.9 }}");
        space.Nft("add element inet ratewall ban4 { 192.0.2.7 timeout 2d }");

        Apply(SamplePolicy.Of(SamplePolicy.Service("ssh", mode, connections, 5400, 22)));

        string table = space.Nft("list", "table", "inet", "ratewall");
        Assert.DoesNotContain("192.0.2.9", table, StringComparison.Ordinal);
        Assert.Contains("192.0.2.7", table, StringComparison.Ordinal);
        Assert.Contains("timeout 1h30m", table, StringComparison.Ordinal);

        // The same time is no shorter one: another policy keeps its stamps.
        foreach (string set in sets) space.Nft($"add element inet ratewall {set} {{ 192.0.2.9 }}");
        Apply(SamplePolicy.Of(SamplePolicy.Service("ssh", mode, connections, 5400, 22, 2222)));
        foreach (string set in sets) Assert.Contains("192.0.2.9", space.Nft("list", "set", "inet", "ratewall", set), StringComparison.Ordinal);
    }

    [LinuxFact]
    public void Apply_OtherSizesAndTimeouts_KeepsElementsCountersAndDeadlines()
    {
        EffectivePolicy policy = SamplePolicy.Of(SamplePolicy.Service("ssh", LimitMode.Window, 2, 60, 22));
        Apply(policy with { Bans = policy.Bans with { Size = 1000 } });
        space.Nft("add element inet ratewall ban4 { 192.0.2.7 counter packets 5 bytes 300 timeout 1h expires 30m }");
        space.Nft("add element inet ratewall ssh_v4_h1 { 192.0.2.9 timeout 60s expires 50s }");
        EffectivePolicy other = SamplePolicy.Of(SamplePolicy.Service("ssh", LimitMode.Window, 2, 300, 22));
        Assert.True(Apply(other with { Bans = other.Bans with { Size = 2000 } }).Changed);
        string bans = space.Nft("list", "set", "inet", "ratewall", "ban4");
        Assert.Contains("size 2000", bans, StringComparison.Ordinal);
        Assert.Matches(@"192\.0\.2\.7 counter packets 5 bytes 300 timeout 1h expires 29m\d", bans);
        string hits = space.Nft("list", "set", "inet", "ratewall", "ssh_v4_h1");
        Assert.Contains("timeout 5m", hits, StringComparison.Ordinal);
        Assert.Matches(@"192\.0\.2\.9 timeout 1m expires [34]\d", hits);
    }

    [LinuxFact]
    public void Apply_SizeBelowWhatASetHolds_IsRefusedWithTheRemedyAndChangesNothing()
    {
        EffectivePolicy policy = SamplePolicy.EveryMode;
        Apply(policy);
        space.Nft("add element inet ratewall ban4 { 192.0.2.7 timeout 1h, 192.0.2.8 timeout 1h, 192.0.2.9 timeout 1h }");
        string before = space.Nft("-s", "list", "ruleset");
        NetfilterException refused = Assert.Throws<NetfilterException>(() => Apply(policy with { Bans = policy.Bans with { Size = 2 } }));
        Assert.Contains("ban4 holds 3 elements and cannot shrink to 2; wait", refused.Message, StringComparison.Ordinal);
        Assert.Equal(before, space.Nft("-s", "list", "ruleset"));
        Assert.False(Compare(policy).Any);
    }

    [LinuxFact]
    public void Apply_SetsOfAnotherShape_CarriesTheirElementsOver()
    {
        (string Built, string Other)[] shapes =
        [
            ("set ban4 { type ipv4_addr; size ${ban_size}; flags timeout; counter; }", "set ban4 { type ipv4_addr; flags interval,timeout; }"),
            ("set bannet6 { type ipv6_addr; flags interval,timeout; counter; }", "set bannet6 { type ipv6_addr; flags interval,timeout; }"),
            ("set banport4 { type ipv4_addr . inet_service; size ${ban_size}; flags timeout; counter; }", "set banport4 { type ipv4_addr . inet_service; flags interval,timeout; }"),
            ("set siege { type inet_service; flags timeout; }", "set siege { type inet_service; flags timeout; counter; }"),
            ("set ban6 { type ipv6_addr; size ${ban_size}; flags timeout; counter; }", "set ban6 { type ipv6_addr . inet_service; flags timeout; counter; }"),
        ];
        RulesetRenderer older = new(name => new NftTemplate(name, shapes.Aggregate(BuiltInText(name), (text, s) => text.Replace(s.Built, s.Other, StringComparison.Ordinal))
            .Replace("ip6 saddr & ffff:ffff:ffff:ffff:: @ban6", "ip6 saddr & ffff:ffff:ffff:ffff:: . tcp dport @ban6", StringComparison.Ordinal)
            .Replace("ip6 saddr @ban6", "ip6 saddr . tcp dport @ban6", StringComparison.Ordinal)));
        EffectivePolicy policy = SamplePolicy.EveryMode;
        space.Run(() =>
        {
            using KernelWall wall = KernelWall.Open(state, TimeProvider.System);
            wall.Apply(policy, older.Render(policy), SourceKeys.Default);
        });
        space.Nft("add element inet ratewall ban4 { 192.0.2.7 timeout 1h expires 30m, 198.51.100.0/24 timeout 1h }");
        space.Nft("add element inet ratewall bannet6 { 2001:db8:7::/48 timeout 9d expires 8d }");
        space.Nft("add element inet ratewall banport4 { 192.0.2.9 . 143 timeout 2h expires 90m }");
        space.Nft("add element inet ratewall siege { 25 counter packets 3 bytes 9 timeout 10m expires 5m }");
        space.Nft("add element inet ratewall ban6 { 2001:db8:1:: . 22 timeout 1h }");

        Apply(policy);

        Assert.Matches(@"elements = \{ 192\.0\.2\.7 counter packets 0 bytes 0 timeout 1h expires 29m\d[^,]*\}", space.Nft("list", "set", "inet", "ratewall", "ban4"));
        Assert.Matches(@"2001:db8:7::/48 counter packets 0 bytes 0 timeout 9d expires 7d23h59m\d", space.Nft("list", "set", "inet", "ratewall", "bannet6"));
        Assert.Matches(@"192\.0\.2\.9 \. 143 counter packets 0 bytes 0 timeout 2h expires 1h29m\d", space.Nft("list", "set", "inet", "ratewall", "banport4"));
        Assert.Matches(@"\{ 25 timeout 10m expires 4m\d", space.Nft("list", "set", "inet", "ratewall", "siege").Replace("smtp", "25", StringComparison.Ordinal));
        Assert.DoesNotContain("elements", space.Nft("list", "set", "inet", "ratewall", "ban6"), StringComparison.Ordinal);
        Assert.False(Compare(policy).Any);
    }

    [LinuxFact]
    public void Apply_ManySetsOfAnotherShape_MovesAsManyElementsAsOneTransactionHolds()
    {
        RulesetRenderer older = new(name => new NftTemplate(name, BuiltInText(name).Replace("timeout; counter; }", "timeout; }", StringComparison.Ordinal)));
        EffectivePolicy policy = SamplePolicy.EveryMode;
        string[] sets = ["ban4", "ban6", "bannet4", "bannet6"];
        space.Run(() =>
        {
            using KernelWall wall = KernelWall.Open(state, TimeProvider.System);
            wall.Apply(policy, older.Render(policy), SourceKeys.Default);
            using NftablesClient kernel = NftablesClient.Open();
            foreach (string set in sets)
            {
                kernel.Commit(WallTable.Name, [.. Enumerable.Range(0, CarriedElements.Most).Select(i => new ElementChange(ElementOperation.Add, set, new()
                {
                    // Every second address, or network of one.
                    Key = set.EndsWith('4') ? new byte[] { 10, 0, (byte)(i >> 7), (byte)(i << 1) } : [0x20, 1, 0xd, 0xb8, 0, 0, (byte)(i >> 7), (byte)(i << 1), 0, 0, 0, 0, 0, 0, 0, 0],
                    Timeout = TimeSpan.FromHours(1),
                }))]);
            }

            wall.Apply(policy, RulesetRenderer.BuiltIn.Render(policy), SourceKeys.Default);

            Assert.Single(wall.Emptied);
            Assert.Equal(sets.Except(wall.Emptied, StringComparer.Ordinal), sets.Where(s => kernel.ListElements(WallTable.Name, s).Count == CarriedElements.Most), StringComparer.Ordinal);
        });
    }

    [LinuxFact]
    public void Apply_PolicyTheKernelRefuses_LeavesTheWallAsItWas()
    {
        Apply(SamplePolicy.EveryMode);
        string before = space.Nft("-a", "list", "ruleset");
        var broken = new RulesetRenderer(name => new NftTemplate(name, name == "table.nft" ? "table inet ratewall {\n    chain early { jump nowhere; }\n}" : ""));
        Ruleset ruleset = broken.Render(SamplePolicy.EveryMode);
        space.Run(() =>
        {
            using KernelWall wall = KernelWall.Open(state, TimeProvider.System);
            Assert.Throws<NetfilterException>(() => wall.Check(ruleset));
            Assert.Throws<NetfilterException>(() => wall.Apply(SamplePolicy.EveryMode, ruleset, SourceKeys.Default));
        });
        Assert.Equal(before, space.Nft("-a", "list", "ruleset"));
    }

    [LinuxFact]
    public void Apply_OtherTables_AreNeitherReadNorChanged()
    {
        space.NftLoad("table ip mine {\n chain input { type filter hook input priority 0; policy accept; tcp dport 22 drop; }\n}\n");
        string before = space.Nft("-a", "list", "table", "ip", "mine");
        Apply(SamplePolicy.EveryMode);
        space.Run(() =>
        {
            using KernelWall wall = KernelWall.Open(state, TimeProvider.System);
            Assert.True(wall.Remove());
            Assert.False(wall.Remove());
        });
        Assert.Equal(before, space.Nft("-a", "list", "table", "ip", "mine"));
        Assert.DoesNotContain("ratewall", space.Nft("list", "ruleset"), StringComparison.Ordinal);
    }

    [LinuxTheory]
    [InlineData("delete element inet ratewall allow4 { 192.0.2.0/24 }", "+allow4 192.0.2.0/24")]
    [InlineData("add element inet ratewall allow4 { 198.51.100.0/24 }", "-allow4 198.51.100.0/24")]
    [InlineData("flush chain inet ratewall early", "ip saddr @ban4 goto banned")]
    [InlineData("add rule inet ratewall early tcp dport 1 drop", "tcp dport 1 drop")]
    public void Compare_ForeignChange_IsShownAndMended(string change, string shown)
    {
        EffectivePolicy policy = SamplePolicy.EveryMode.Allowing("192.0.2.0/24");
        Apply(policy);
        Assert.False(Compare(policy).Any);
        space.Nft(change);
        WallDifference difference = Compare(policy);
        Assert.Contains(difference.Lines, l => l.Contains(shown, StringComparison.Ordinal));
        Assert.True(Apply(policy).Changed);
        Assert.False(Compare(policy).Any);
    }

    [LinuxFact]
    public void Compare_NoWall_IsEverything()
    {
        WallDifference difference = Compare(SamplePolicy.EveryMode);
        Assert.False(difference.Present);
        Assert.Contains(difference.Lines, l => l.Contains("chain early", StringComparison.Ordinal));
    }

    [LinuxFact]
    public void Compare_LiveBansAndTraffic_AreNoDifference()
    {
        Apply(SamplePolicy.EveryMode);
        space.Nft("add element inet ratewall ban4 { 192.0.2.7 timeout 1h }");
        space.Nft("add element inet ratewall ssh_v4_h1 { 192.0.2.9 timeout 60s }");
        Assert.False(Compare(SamplePolicy.EveryMode).Any);
    }

    public void Dispose()
    {
        space.Dispose();
        Directory.Delete(state, recursive: true);
    }

    private static string BuiltInText(string name) => File.ReadAllText(Checkout.Path("native-rules", name));

    private ApplyOutcome Apply(EffectivePolicy policy) => space.Run(() =>
    {
        using KernelWall wall = KernelWall.Open(state, TimeProvider.System);
        return wall.Apply(policy, RulesetRenderer.BuiltIn.Render(policy), SourceKeys.Default);
    });

    private WallDifference Compare(EffectivePolicy policy) => space.Run(() =>
    {
        using KernelWall wall = KernelWall.Open(state, TimeProvider.System);
        return wall.Compare(policy, RulesetRenderer.BuiltIn.Render(policy));
    });
}
