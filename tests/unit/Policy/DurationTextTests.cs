using FsCheck;
using FsCheck.Fluent;
using RateWall.Policy;

namespace RateWall.UnitTests.Policy;

public sealed class DurationTextTests
{
    [Theory]
    [InlineData("90s", 90)]
    [InlineData("10m", 600)]
    [InlineData("2h", 7_200)]
    [InlineData("7d", 604_800)]
    [InlineData("1h30m", 5_400)]
    [InlineData("1d1h1m1s", 90_061)]
    [InlineData("0s", 0)]
    public void Duration_Good_IsRead(string text, int seconds)
    {
        Assert.True(DurationText.TryParse(text, out TimeSpan duration));
        Assert.Equal(TimeSpan.FromSeconds(seconds), duration);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("60")]
    [InlineData("s")]
    [InlineData("1m1h")]
    [InlineData("1m1m")]
    [InlineData("-1s")]
    [InlineData("1.5h")]
    [InlineData("10 m")]
    [InlineData("10ms")]
    [InlineData("1M")]
    [InlineData("\u0661s")]
    [InlineData("999999999d")]
    [InlineData("9999999999s")]
    public void Duration_Wrong_IsRefused(string? text) => Assert.False(DurationText.TryParse(text, out _));

    [Fact]
    public void Duration_Written_ReadsBack() =>
        Prop.ForAll(Gen.Choose(0, int.MaxValue).ToArbitrary(), seconds =>
            DurationText.TryParse(DurationText.Format(TimeSpan.FromSeconds(seconds)), out TimeSpan back) && back == TimeSpan.FromSeconds(seconds))
            .Check(Config.QuickThrowOnFailure);
}
