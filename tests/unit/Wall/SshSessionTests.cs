using RateWall.Wall;

namespace RateWall.UnitTests.Wall;

public sealed class SshSessionTests
{
    [Theory]
    [InlineData("192.0.2.7 51234 192.0.2.1 22", "192.0.2.7", 22)]
    [InlineData("::ffff:192.0.2.7 51234 192.0.2.1 2222", "192.0.2.7", 2222)]
    [InlineData("fe80::1%eth0 51234 fe80::2 22", "fe80::1", 22)]
    [InlineData("192.0.2.7 51234 192.0.2.1 65536", "192.0.2.7", 0)]
    [InlineData("192.0.2.7", "192.0.2.7", 0)]
    [InlineData("UNKNOWN 0 UNKNOWN 0", null, null)]
    [InlineData("", null, null)]
    [InlineData(null, null, null)]
    public void ConnectionOf_Variable_IsItsFirstAndFourthWord(string? variable, string? client, int? port)
    {
        SshSession.Connection? connection = SshSession.ConnectionOf(variable);
        Assert.Equal((client, port), (connection?.Client.ToString(), connection?.ServerPort));
    }

    [Theory]
    [InlineData("12 (sh) S 11 12 12 0", 11)]
    [InlineData("12 (a) S 99 (b) R 11 12", 11)]
    [InlineData("garbage", 0)]
    public void ParentOf_Stat_IgnoresTheName(string stat, int parent) => Assert.Equal(parent, SshSession.ParentOf(stat));

    [Fact]
    public void Variable_AmongOthers_IsFound() =>
        Assert.Equal("b=c", SshSession.Variable("XA=1\0A=b=c\0B=2", "A"));
}
