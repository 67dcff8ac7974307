using RateWall.Policy;
using RateWall.Wall;

namespace RateWall.IntegrationTests.Wall;

/// <summary>The rules alone, loaded by the real nft: what they let through.</summary>
public sealed class LimitTests
{
    [Machine.LinuxFact]
    public void Window_ManyConnections_LetsExactlyNThrough()
    {
        using TwoHosts hosts = Standing(SamplePolicy.Service("ssh", LimitMode.Window, 6, 60, 22), 22);
        Assert.Equal("++++++---", hosts.Tries(TwoHosts.Client4, 22, 9));
        Assert.Equal("++++++-", hosts.Tries(TwoHosts.Client6, 22, 7));
        Assert.Equal((12, 4, 0), Counters(hosts, "ssh"));
    }

    [Machine.LinuxFact]
    public void Window_AfterItsSeconds_LetsThroughAgain()
    {
        using TwoHosts hosts = Standing(SamplePolicy.Service("ssh", LimitMode.Window, 2, 6, 22), 22);
        Assert.Equal("++-", hosts.Tries(TwoHosts.Client4, 22, 3));
        string later = "";
        // Each refused try takes 400 ms by itself; the window never takes longer than its six seconds.
        for (int i = 0; i < 40 && !later.Contains('+', StringComparison.Ordinal); i++) later += hosts.Tries(TwoHosts.Client4, 22, 1);
        Assert.EndsWith("+", later, StringComparison.Ordinal);
    }

    [Machine.LinuxFact]
    public void Quiet_SourceThatKeepsTrying_StaysOut()
    {
        // A refused try takes 0.4 s, at most three where the machine is busy; 25 take longer than what has to be silence.
        using TwoHosts hosts = Standing(SamplePolicy.Service("ssh", LimitMode.Quiet, 3, 8, 22), 22);
        Assert.Equal("+++" + new string('-', 25), hosts.Tries(TwoHosts.Client4, 22, 28));
    }

    [Machine.LinuxFact]
    public void Bucket_Burst_LetsNThrough()
    {
        using TwoHosts hosts = Standing(SamplePolicy.Service("imap", LimitMode.Bucket, 12, 3600, 143), 143);
        Assert.Equal(new string('+', 12) + "--", hosts.Tries(TwoHosts.Client4, 143, 14));
    }

    [Machine.LinuxFact]
    public void Limit_OtherPort_IsNotTouched()
    {
        using TwoHosts hosts = Standing(SamplePolicy.Service("ssh", LimitMode.Window, 2, 60, 22), 22, 8080);
        Assert.Equal("++--", hosts.Tries(TwoHosts.Client4, 22, 4));
        Assert.Equal("++++++++", hosts.Tries(TwoHosts.Client4, 8080, 8));
    }

    [Machine.LinuxFact]
    public void Limit_AllowedAndLoopback_AreNotLimited()
    {
        using TwoHosts hosts = Standing(SamplePolicy.Service("ssh", LimitMode.Window, 2, 60, 22), 22);
        hosts.Server.Nft("add element inet ratewall allow4 { 192.0.2.2/32 }");
        Assert.Equal("++++++", hosts.Tries(TwoHosts.Client4, 22, 6));
        Assert.Equal("++-", hosts.Tries(TwoHosts.Client6, 22, 3));
    }

    [Machine.LinuxFact]
    public void Limit_Ipv6BehindRouter_CountsBySixtyFour()
    {
        using TwoHosts hosts = Standing(SamplePolicy.Service("ssh", LimitMode.Window, 3, 60, 22), 22);
        hosts.AddClientAddress("2001:db8:2:1::a/128");
        hosts.AddClientAddress("2001:db8:2:1::b/128");
        hosts.AddClientAddress("2001:db8:2:2::a/128");
        Assert.Equal("++", hosts.Tries("2001:db8:2:1::a", 22, 2));
        Assert.Equal("+-", hosts.Tries("2001:db8:2:1::b", 22, 2));
        Assert.Equal("+", hosts.Tries("2001:db8:2:2::a", 22, 1));
    }

    [Machine.LinuxFact]
    public void Limit_Ipv6OnTheLink_CountsByHost()
    {
        using TwoHosts hosts = Standing(SamplePolicy.Service("ssh", LimitMode.Window, 2, 60, 22), 22);
        hosts.Server.Nft("add element inet ratewall byhost6 { 2001:db8:1::/64 }");
        hosts.AddClientAddress("2001:db8:1::7/128");
        hosts.Server.Ip("-6", "route", "add", "2001:db8:1::7/128", "via", TwoHosts.Client6);
        Assert.Equal("++-", hosts.Tries(TwoHosts.Client6, 22, 3));
        Assert.Equal("++-", hosts.Tries("2001:db8:1::7", 22, 3));
    }

    [Machine.LinuxTheory]
    [InlineData(LimitMode.Window)]
    [InlineData(LimitMode.Quiet)]
    [InlineData(LimitMode.Bucket)]
    public void Limit_SetIsFull_StillLimitsNewSources(LimitMode mode)
    {
        ServicePolicy service = SamplePolicy.Service("ssh", mode, 3, 3600, 22);
        using TwoHosts hosts = Standing(service with { Limit = service.Limit with { Size = 2, OverflowPerSecond = 1 } }, 22);
        for (int i = 1; i <= 3; i++) hosts.AddClientAddress($"198.51.100.{i}/32");
        Assert.Equal("+++-", hosts.Tries("198.51.100.1", 22, 4));
        Assert.Equal("+++-", hosts.Tries("198.51.100.2", 22, 4));
        // The set holds two sources. The third meets the limit of its /16: one a second, and a refusal takes 0.4 s.
        string third = hosts.Tries("198.51.100.3", 22, 6);
        Assert.StartsWith("+", third, StringComparison.Ordinal);
        Assert.Contains("+-", third, StringComparison.Ordinal);
        Assert.Equal("-", hosts.Tries("198.51.100.1", 22, 1));
        Assert.True(Counters(hosts, "ssh").Overflow >= 1);
    }

    [Machine.LinuxFact]
    public void Limit_TrustedSource_HasTenTimesTheLimit()
    {
        using TwoHosts hosts = Standing(SamplePolicy.Service("ssh", LimitMode.Window, 2, 3600, 22), 22);
        hosts.Server.Nft("add element inet ratewall trusted4_ssh { 192.0.2.2 timeout 1h }");
        Assert.Equal(new string('+', 20) + "-", hosts.Tries(TwoHosts.Client4, 22, 21));
    }

    private static TwoHosts Standing(ServicePolicy service, params int[] ports)
    {
        var hosts = new TwoHosts(ports);
        hosts.Server.NftLoad(RulesetRenderer.BuiltIn.Render(SamplePolicy.Of(service)).Text);
        return hosts;
    }

    private static (long Passed, long Limited, long Overflow) Counters(TwoHosts hosts, string service)
    {
        long Read(string name)
        {
            string text = hosts.Server.Nft("list", "counter", "inet", "ratewall", $"{service}_{name}");
            return long.Parse(text.Split("packets ")[1].Split(' ')[0], System.Globalization.CultureInfo.InvariantCulture);
        }

        return (Read("passed"), Read("limited"), Read("overflow"));
    }
}
