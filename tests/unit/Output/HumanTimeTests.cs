using RateWall.Output;

namespace RateWall.UnitTests.Output;

public sealed class HumanTimeTests
{
    private static readonly DateTimeOffset Now = new(2026, 1, 31, 17, 5, 9, TimeSpan.FromHours(1));

    [Theory]
    [InlineData(0, "0s")]
    [InlineData(-5, "0s")]
    [InlineData(45, "45s")]
    [InlineData(60, "1m")]
    [InlineData(581, "9m 41s")]
    [InlineData(3_605, "1h")]
    [InlineData(273_600, "3d 4h")]
    [InlineData(604_800, "7d")]
    public void Duration_Seconds_ShowsTwoLargestUnits(int seconds, string expected) =>
        Assert.Equal(expected, HumanTime.Duration(TimeSpan.FromSeconds(seconds)));

    [Fact]
    public void Remaining_Deadline_IsTold()
    {
        Assert.Equal("for ever", HumanTime.Remaining(null, Now));
        Assert.Equal("over", HumanTime.Remaining(Now, Now));
        Assert.Equal("10m", HumanTime.Remaining(Now.AddMinutes(10), Now));
    }

    [Fact]
    public void RemainingSeconds_LessThanASecond_IsNotZero()
    {
        Assert.Equal(1, HumanTime.RemainingSeconds(Now.AddMilliseconds(1), Now));
        Assert.Equal(0, HumanTime.RemainingSeconds(Now.AddSeconds(-9), Now));
        Assert.Null(HumanTime.RemainingSeconds(null, Now));
    }

    [Fact]
    public void Rfc3339_AnyOffset_IsUtc() => Assert.Equal("2026-01-31T16:05:09Z", HumanTime.Rfc3339(Now));

    [Fact]
    public void Time_Zone_IsApplied() => Assert.Equal("2026-01-31 16:05:09", HumanTime.Time(Now, TimeZoneInfo.Utc));
}
