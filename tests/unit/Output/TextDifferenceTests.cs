using RateWall.Output;

namespace RateWall.UnitTests.Output;

public sealed class TextDifferenceTests
{
    [Fact]
    public void Between_EqualTexts_IsEmpty() => Assert.Empty(TextDifference.Between("a", "x\ny\n", "b", "x\ny"));

    [Fact]
    public void Between_OneChangedLine_ShowsItInContext() => Assert.Equal(
        ["--- a", "+++ b", "@@ -2,5 +2,5 @@", " 2", " 3", "-4", "+four", " 5", " 6"],
        TextDifference.Between("a", "1\n2\n3\n4\n5\n6\n7\n", "b", "1\n2\n3\nfour\n5\n6\n7\n"));

    [Fact]
    public void Between_NothingBefore_IsAllAdded() =>
        Assert.Equal(["--- a", "+++ b", "@@ -1,0 +1,2 @@", "+1", "+2"], TextDifference.Between("a", "", "b", "1\n2\n"));

    [Fact]
    public void Between_RandomTexts_AppliedGivesTheSecond()
    {
        var random = new Random(7);
        for (int round = 0; round < 500; round++)
        {
            string[] before = Lines(random), after = Lines(random);
            IReadOnlyList<string> difference = TextDifference.Between("a", Join(before), "b", Join(after));
            Assert.Equal(Join(after), Join([.. Apply(before, difference)]));
        }
    }

    private static string[] Lines(Random random) =>
        [.. Enumerable.Range(0, random.Next(1, 30)).Select(_ => random.Next(5).ToString(System.Globalization.CultureInfo.InvariantCulture))];

    private static string Join(string[] lines) => string.Join('\n', lines) + "\n";

    private static List<string> Apply(string[] before, IReadOnlyList<string> difference)
    {
        var result = new List<string>();
        int at = 0;
        foreach (string line in difference.Skip(2))
        {
            if (line.StartsWith("@@", StringComparison.Ordinal))
            {
                int start = int.Parse(line.Split('-', ',')[1], System.Globalization.CultureInfo.InvariantCulture) - 1;
                while (at < start) result.Add(before[at++]);
            }
            else if (line[0] == '+')
            {
                result.Add(line[1..]);
            }
            else
            {
                Assert.Equal(before[at], line[1..]);
                if (line[0] == ' ') result.Add(before[at]);
                at++;
            }
        }

        while (at < before.Length) result.Add(before[at++]);
        return result;
    }
}
