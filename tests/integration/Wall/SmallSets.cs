using System.Text.RegularExpressions;

namespace RateWall.IntegrationTests.Wall;

/// <summary>A rendered wall of which one set takes two elements only.</summary>
internal static class SmallSets
{
    /// <summary>The ruleset with one of its sets made small.</summary>
    public static string Shrink(string ruleset, string set)
    {
        string small = Regex.Replace(ruleset, $@"(set {set} \{{ type \w+; size) [0-9]+;", "$1 2;", RegexOptions.None, TimeSpan.FromSeconds(1));
        Assert.True(small != ruleset, $"the ruleset has no set {set} with a size");
        return small;
    }
}
