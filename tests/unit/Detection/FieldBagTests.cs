using System.Text;
using RateWall.Detection.Logs;

namespace RateWall.UnitTests.Detection;

/// <summary>Bags with other keys and separators than the shipped rules have.</summary>
public sealed class FieldBagTests
{
    private const string Ours = "user=<{user}>|rip={address}";

    [Theory]
    [InlineData(Ours, ", ", "user=<bob>, x=1, rip=192.0.2.7", "bob", "192.0.2.7")]
    [InlineData(Ours, ", ", "rip=192.0.2.7, x=1, user=<bob>", "bob", "192.0.2.7")]
    [InlineData(Ours, ", ", "user=<a>b, rip=>, rip=192.0.2.7, TLS", "a>b, rip=", "192.0.2.7")]
    // A key is one only behind a separator, and its value looks as the rule says.
    [InlineData(Ours, ", ", "x=1,rip=198.51.100.9, rip=192.0.2.7", null, "192.0.2.7")]
    [InlineData(Ours, ", ", "user=bob>, rip=192.0.2.7", null, "192.0.2.7")]
    [InlineData(Ours, ", ", "rip=192.0.2.7", null, "192.0.2.7")]
    // What separates may begin inside what separates: taken are those from the left.
    [InlineData(Ours, ";;", "user=<bob>;;;rip=198.51.100.9;;rip=192.0.2.7", "bob", "192.0.2.7")]
    [InlineData(Ours, "aba", "user=<bob>abababarip=192.0.2.7", "bob", "192.0.2.7")]
    // Keys that begin with three bytes, and one that begins as another does.
    [InlineData("a={user}|b={address}|c={word}", " ", "c=1 x a=bob b=192.0.2.7", "bob", "192.0.2.7")]
    [InlineData("rip={address}|r={host}", ", ", "r=mx, rip=192.0.2.7", null, "192.0.2.7")]
    [InlineData(Ours, " and what follows is separated from it by ", "user=<bob> and what follows is separated from it by rip=192.0.2.7", "bob", "192.0.2.7")]
    public void Fields_InAnyOrder_AreFound(string fields, string separator, string rest, string? user, string address)
    {
        Assert.True(TryMatch(fields, separator, rest, out string? foundUser, out string? foundAddress));
        Assert.Equal((user, address), (foundUser, foundAddress));
    }

    [Theory]
    [InlineData(Ours, ", ", "user=<bob>, lip=192.0.2.7")]
    [InlineData(Ours, ", ", "user=<bob>,rip=192.0.2.7")]
    [InlineData(Ours, ", ", " rip=192.0.2.7")]
    [InlineData(Ours, ", ", "reason: rip=192.0.2.7")]
    [InlineData(Ours, ", ", "")]
    public void Fields_WithoutTheAddressOrAKeyInFront_AreNone(string fields, string separator, string rest) =>
        Assert.False(TryMatch(fields, separator, rest, out _, out _));

    private static bool TryMatch(string fields, string separator, string rest, out string? user, out string? address)
    {
        RuleFile file = RuleSet.Only(("t.rules", $"programs t\nservice t\nfailure login of it: fields({fields}, \"{separator}\")\n")).Compiled[0];
        byte[] message = Encoding.UTF8.GetBytes("login of it: " + rest);
        bool matched = file.Match(message, null, out RuleMatch match);
        Captures found = matched ? match.Captures : Captures.Empty;
        user = found.UserStart < 0 ? null : Encoding.UTF8.GetString(message, found.UserStart, found.UserLength);
        address = found.AddressStart < 0 ? null : Encoding.UTF8.GetString(message, found.AddressStart, found.AddressLength);
        return matched;
    }
}
