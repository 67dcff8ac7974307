using RateWall.Netfilter;
using static RateWall.Netfilter.KernelHeaders;

namespace RateWall.UnitTests.Netfilter;

public sealed class KernelRetryTests
{
    [Theory]
    [InlineData(ERESTART)]
    [InlineData(EAGAIN)]
    [InlineData(EINTR)]
    [InlineData(ENOBUFS)]
    public void Execute_WhatPassesByItself_IsAskedAgainWithABound(int errno)
    {
        var retry = new KernelRetry(new Hasty());
        int calls = 0;
        Assert.Equal(3, retry.Execute(() => ++calls < 3 ? throw KernelError.Refused("ask", errno) : calls));

        calls = 0;
        NetfilterException last = Assert.Throws<NetfilterException>(() => retry.Execute(() =>
        {
            calls++;
            throw KernelError.Refused("ask", errno);
        }));
        Assert.Equal(errno, last.Errno);
        Assert.Equal(1 + KernelRetry.MostRetries, calls);
    }

    [Theory]
    [InlineData(EPERM)]
    [InlineData(ENOENT)]
    [InlineData(EBADMSG)]
    [InlineData(EIO)]
    public void Execute_AFinalAnswer_IsTakenAtOnce(int errno)
    {
        int calls = 0;
        Assert.Throws<NetfilterException>(() => new KernelRetry(new Hasty()).Execute(() =>
        {
            calls++;
            throw KernelError.Refused("ask", errno);
        }));
        Assert.Equal(1, calls);
    }

    /// <summary>A clock whose every wait is over at once.</summary>
    private sealed class Hasty : TimeProvider
    {
        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
            base.CreateTimer(callback, state, dueTime > TimeSpan.Zero ? TimeSpan.Zero : dueTime, period);
    }
}
