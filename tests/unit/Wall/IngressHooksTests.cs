using RateWall.Wall;

namespace RateWall.UnitTests.Wall;

public sealed class IngressHooksTests
{
    private const string Table = """
        table inet ratewall {
            chain ingress {
                type filter hook ingress devices = { "eth0", "br-lan.7" } priority -310; policy accept;
                tcp dport { 22, 25 } goto one_service
            }

            chain early {
                type filter hook prerouting priority -310; policy accept;
            }
        }

        """;

    [Theory]
    [InlineData("type filter hook ingress device \"eth0\" priority -310; policy accept;", "eth0")]
    [InlineData("type filter hook ingress devices = { eth0, br-lan.7 } priority raw - 10; policy accept;", "eth0 br-lan.7")]
    [InlineData(Table, "eth0 br-lan.7")]
    [InlineData("type filter hook prerouting priority -310;", "")]
    public void In_TextOrListing_AreItsInterfaces(string text, string expected) =>
        Assert.Equal(expected, string.Join(' ', IngressHooks.In(text)));

    [Fact]
    public void Keep_SomeInterfaces_LeavesTheRestOfTheText()
    {
        string text = IngressHooks.Keep(Table, i => i == "br-lan.7");
        Assert.Equal(Table.Replace("\"eth0\", ", "", StringComparison.Ordinal), text);
    }

    [Fact]
    public void Keep_NoInterface_TakesTheChainAway()
    {
        string text = IngressHooks.Keep(Table, _ => false);
        Assert.DoesNotContain("ingress", text, StringComparison.Ordinal);
        Assert.DoesNotContain("one_service", text, StringComparison.Ordinal);
        Assert.Contains("chain early {", text, StringComparison.Ordinal);
    }
}
