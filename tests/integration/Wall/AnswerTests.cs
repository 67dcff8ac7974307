using System.Net.Sockets;
using RateWall.IntegrationTests.Machine;
using RateWall.Policy;
using RateWall.Wall;

namespace RateWall.IntegrationTests.Wall;

/// <summary>What a refused connection gets: nothing, or a TCP reset.</summary>
public sealed class AnswerTests
{
    [LinuxTheory]
    [InlineData(LimitMode.Window, LimitAnswer.Reset, SocketError.ConnectionRefused)]
    [InlineData(LimitMode.Quiet, LimitAnswer.Reset, SocketError.ConnectionRefused)]
    [InlineData(LimitMode.Bucket, LimitAnswer.Reset, SocketError.ConnectionRefused)]
    [InlineData(LimitMode.Bucket, LimitAnswer.Drop, SocketError.TimedOut)]
    public void Answer_OverTheLimit_IsWhatPolicySays(LimitMode mode, LimitAnswer answer, SocketError expected)
    {
        using TwoHosts hosts = Standing(mode, 2, l => l with { Answer = answer });
        foreach (string client in (string[])[TwoHosts.Client4, TwoHosts.Client6])
        {
            SocketError[] outcomes = [.. Enumerable.Range(0, 4).Select(_ => hosts.Outcome(client, 22))];
            Assert.Equal([SocketError.Success, SocketError.Success, expected, expected], outcomes);
        }
    }

    [LinuxFact]
    public void Answer_OverASharedLimit_IsAReset()
    {
        using TwoHosts hosts = Standing(LimitMode.Bucket, 50, l => l with
        {
            Answer = LimitAnswer.Reset,
            Prefix = new PrefixLimit(1, TimeSpan.FromHours(1)),
        });
        Assert.Equal(SocketError.Success, hosts.Outcome(TwoHosts.Client4, 22));
        Assert.Equal(SocketError.ConnectionRefused, hosts.Outcome(TwoHosts.Client4, 22));
    }

    [LinuxFact]
    public void Answer_TooManyHeldOpen_IsAReset()
    {
        using TwoHosts hosts = Standing(LimitMode.Bucket, 50, l => l with { Answer = LimitAnswer.Reset, Concurrent = 1 });
        using Socket? held = hosts.Connect(TwoHosts.Client4, 22);
        Assert.NotNull(held);
        Assert.Equal(SocketError.ConnectionRefused, hosts.Outcome(TwoHosts.Client4, 22));
    }

    private static TwoHosts Standing(LimitMode mode, int connections, Func<LimitPolicy, LimitPolicy> change)
    {
        ServicePolicy service = SamplePolicy.Service("ssh", mode, connections, 3600, 22);
        var hosts = new TwoHosts(22);
        hosts.Server.NftLoad(RulesetRenderer.BuiltIn.Render(SamplePolicy.Of(service with { Limit = change(service.Limit) })).Text);
        return hosts;
    }
}
