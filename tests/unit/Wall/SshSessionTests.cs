using RateWall.Wall;

namespace RateWall.UnitTests.Wall;

public sealed class SshSessionTests
{
    [Theory]
    [InlineData("192.0.2.7 51234 192.0.2.1 22", "192.0.2.7")]
    [InlineData("::ffff:192.0.2.7 51234 192.0.2.1 22", "192.0.2.7")]
    [InlineData("fe80::1%eth0 51234 fe80::2 22", "fe80::1")]
    [InlineData("UNKNOWN 0 UNKNOWN 0", null)]
    [InlineData("", null)]
    [InlineData(null, null)]
    public void ClientOf_Connection_IsItsFirstWord(string? connection, string? client) =>
        Assert.Equal(client, SshSession.ClientOf(connection)?.ToString());

    [Theory]
    [InlineData("12 (sh) S 11 12 12 0", 11)]
    [InlineData("12 (a) S 99 (b) R 11 12", 11)]
    [InlineData("garbage", 0)]
    public void ParentOf_Stat_IgnoresTheName(string stat, int parent) => Assert.Equal(parent, SshSession.ParentOf(stat));

    [Fact]
    public void Variable_AmongOthers_IsFound() =>
        Assert.Equal("b=c", SshSession.Variable("XA=1\0A=b=c\0B=2", "A"));
}
