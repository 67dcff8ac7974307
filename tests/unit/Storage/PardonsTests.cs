using RateWall.Detection;
using RateWall.Storage;

namespace RateWall.UnitTests.Storage;

public sealed class PardonsTests
{
    private static readonly Pardons Given = new(
    [
        new(AddressPrefix.Parse("192.0.2.1"), DateTimeOffset.FromUnixTimeMilliseconds(10)),
        new(AddressPrefix.Parse("192.0.2.0/24"), DateTimeOffset.FromUnixTimeMilliseconds(20)),
        new(AddressPrefix.Parse("2001:db8::/64"), DateTimeOffset.FromUnixTimeMilliseconds(30)),
        new(AddressPrefix.Parse("2001:db8::/64"), DateTimeOffset.FromUnixTimeMilliseconds(25)),
    ]);

    [Theory]
    [InlineData("192.0.2.1", 20)]
    [InlineData("192.0.2.2", 20)]
    [InlineData("198.51.100.1", long.MinValue)]
    [InlineData("192.0.0.0/16", long.MinValue)]
    [InlineData("2001:db8::/64", 30)]
    [InlineData("2001:db8::1", 30)]
    [InlineData("2001:db8:1::/64", long.MinValue)]
    public void ForgivenUpTo_TheLatestPardonThatCoversTheKey_Counts(string key, long expected) =>
        Assert.Equal(expected, Given.ForgivenUpTo(AddressPrefix.Parse(key)));

    [Fact]
    public void ForgivenUpTo_Everybody_CoversEveryKeyOfItsFamily()
    {
        var all = new Pardons([new(AddressPrefix.Parse("0.0.0.0/0"), DateTimeOffset.FromUnixTimeMilliseconds(5))]);
        Assert.Equal(5, all.ForgivenUpTo(AddressPrefix.Parse("203.0.113.9")));
        Assert.Equal(long.MinValue, all.ForgivenUpTo(AddressPrefix.Parse("2001:db8::/64")));
    }
}
