using RateWall.Policy;

namespace RateWall.UnitTests.Policy;

public sealed class WorstCaseTests
{
    [Theory]
    [InlineData(LimitMode.Window, 6, 60, 6L)]
    [InlineData(LimitMode.Window, 6, 45, 12L)]
    [InlineData(LimitMode.Quiet, 3, 3_600, 3L)]
    [InlineData(LimitMode.Bucket, 60, 60, 120L)]
    [InlineData(LimitMode.Bucket, 20, 600, 22L)]
    [InlineData(LimitMode.Off, 0, 60, null)]
    public void ConnectionsPerMinute_Limit_IsTheMostOfAnyMinute(LimitMode mode, int connections, int seconds, long? expected) =>
        Assert.Equal(expected, WorstCase.ConnectionsPerMinute(new LimitPolicy(mode, connections, TimeSpan.FromSeconds(seconds), 65_535, 20)));

    [Fact]
    public void KernelMemory_Window_GrowsWithEachStampSet()
    {
        // 65,000 stamps were measured at 8.4 MB for IPv6 and 6.4 MB for IPv4.
        var limit = new LimitPolicy(LimitMode.Window, 1, TimeSpan.FromSeconds(60), 65_000, 20);
        long one = WorstCase.KernelMemory(limit), two = WorstCase.KernelMemory(limit with { Connections = 2 });
        Assert.InRange(two - one, 14_800_000, 15_000_000);
    }

    [Fact]
    public void ConnectionsPerMinute_NetworkAllowsLess_IsWhatTheNetworkAllows()
    {
        LimitPolicy limit = new LimitPolicy(LimitMode.Bucket, 60, TimeSpan.FromSeconds(60), 65_535, 20)
        {
            Prefix = new PrefixLimit(30, TimeSpan.FromSeconds(60)),
        };
        Assert.Equal(60, WorstCase.ConnectionsPerMinute(limit));
        Assert.Equal(60, WorstCase.NetworkConnectionsPerMinute(limit));
        Assert.Equal(1200, WorstCase.TrustedConnectionsPerMinute(limit, 10));
        Assert.Null(WorstCase.NetworkConnectionsPerMinute(limit with { Prefix = null }));
    }

    [Fact]
    public void KernelMemory_SharedLimits_TakeMore()
    {
        var limit = new LimitPolicy(LimitMode.Bucket, 60, TimeSpan.FromSeconds(60), 65_000, 20);
        long plain = WorstCase.KernelMemory(limit);
        Assert.InRange(WorstCase.KernelMemory(limit with { Prefix = new PrefixLimit(30, TimeSpan.FromSeconds(60)) }) - plain, 62_000_000, 64_000_000);
        Assert.InRange(WorstCase.KernelMemory(limit with { Concurrent = 10 }) - plain, 77_000_000, 78_000_000);
    }
}
