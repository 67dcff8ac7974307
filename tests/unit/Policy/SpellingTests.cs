using RateWall.Policy;

namespace RateWall.UnitTests.Policy;

public sealed class SpellingTests
{
    private static readonly string[] Words = ["connections", "per", "size", "overflow", "mode"];

    [Theory]
    [InlineData("conections", "connections")]
    [InlineData("max-connections", "connections")]
    [InlineData("Size", "size")]
    [InlineData("szie", "size")]
    [InlineData("over_flow", "overflow")]
    [InlineData("x", null)]
    [InlineData("", null)]
    [InlineData("burst", null)]
    public void Nearest_Word_IsWhatWasMeant(string word, string? expected) => Assert.Equal(expected, Spelling.Nearest(word, Words));

    [Theory]
    [InlineData("", "abc", 3)]
    [InlineData("abc", "abc", 0)]
    [InlineData("abc", "acb", 1)]
    [InlineData("smpt", "smtp", 1)]
    [InlineData("kitten", "sitting", 3)]
    public void Distance_Words_CountsEdits(string a, string b, int expected) => Assert.Equal(expected, Spelling.Distance(a, b));
}
