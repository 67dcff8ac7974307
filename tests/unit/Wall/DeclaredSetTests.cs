using System.Globalization;
using RateWall.Wall;

namespace RateWall.UnitTests.Wall;

public sealed class DeclaredSetTests
{
    [Theory]
    [InlineData("flags dynamic,timeout; timeout 60s;", "0.00:01:00")]
    [InlineData("flags dynamic,timeout\n timeout 1d2h3m4s5ms\n", "1.02:03:04.005")]
    [InlineData("flags dynamic,timeout\n timeout 1h30m\n", "0.01:30:00")]
    [InlineData("flags timeout\n timeout 500ms\n", "0.00:00:00.5")]
    [InlineData("flags dynamic,timeout;", null)]
    [InlineData("size 65535;", null)]
    public void Timeout_AsATemplateAndAsTheKernelsListingSayIt_IsRead(string body, string? expected)
    {
        DeclaredSet set = RulesetRenderer.Describe($"table inet ratewall {{\n set a {{ type ipv4_addr; {body} }}\n}}\n").Sets["a"];
        Assert.Equal(expected is null ? null : TimeSpan.Parse(expected, CultureInfo.InvariantCulture), set.Timeout);
    }
}
