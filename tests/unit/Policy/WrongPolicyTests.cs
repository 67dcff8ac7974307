using System.Text;
using RateWall.Policy;

namespace RateWall.UnitTests.Policy;

public sealed class WrongPolicyTests
{
    private static readonly LogFacts Facts = new(HasJournal: true, _ => false);

    public static TheoryData<string, string> Cases()
    {
        var cases = new TheoryData<string, string>();
        string text = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Policy", "wrong-policies.txt"));
        foreach (string block in text[(text.IndexOf("\nservces", StringComparison.Ordinal) + 1)..].Split("\n==\n", StringSplitOptions.RemoveEmptyEntries))
        {
            string[] halves = block.Split("\n--\n");
            cases.Add(halves[0], halves[1].TrimEnd('\n'));
        }

        return cases;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Policy_Wrong_SaysWhereAndWhatInstead(string yaml, string expected)
    {
        string text = yaml.Replace("\\\\", "\0", StringComparison.Ordinal).Replace("\\t", "\t", StringComparison.Ordinal)
            .Replace("\\e", "\u001b", StringComparison.Ordinal).Replace("\\r", "\r", StringComparison.Ordinal).Replace('\0', '\\');
        PolicyException wrong = Assert.Throws<PolicyException>(() => Parse(text + "\n"));
        Assert.Equal(expected, string.Join('\n', wrong.Problems));
        Assert.Equal(expected, string.Join('\n', wrong.Details));
    }

    [Theory]
    [InlineData(new byte[] { 0x61, 0x3a, 0x20, 0xff }, "p.yaml:1:4: byte 0xff is not UTF-8; save the file as UTF-8")]
    [InlineData(new byte[] { 0xff, 0xfe, 0x61, 0x00 }, "p.yaml:1:1: the file is UTF-16; save it as UTF-8")]
    [InlineData(new byte[] { 0x0a, 0x00 }, "p.yaml:2:1: the character U+0000 has no place in a policy; remove it")]
    public void Policy_NoText_SaysWhichByte(byte[] bytes, string expected)
    {
        PolicyException wrong = Assert.Throws<PolicyException>(() => PolicyReader.Parse([new PolicyFile("p.yaml", bytes)], Facts));
        Assert.Equal([expected], wrong.Problems);
    }

    [Fact]
    public void Policy_LargerThanOneMebibyte_IsRefused()
    {
        byte[] bytes = new byte[PolicyText.MostBytes + 1];
        Array.Fill(bytes, (byte)'\n');
        PolicyException wrong = Assert.Throws<PolicyException>(() => PolicyReader.Parse([new PolicyFile("p.yaml", bytes)], Facts));
        Assert.Equal(["p.yaml: the file is larger than 1 MiB; split it into files in conf.d"], wrong.Problems);
    }

    [Theory]
    [InlineData("[")]
    [InlineData("{a: ")]
    [InlineData("- ")]
    [InlineData("? ")]
    public void Policy_NestedWithoutEnd_IsRefusedBeforeTheStackIs(string opening)
    {
        string deep = string.Concat(Enumerable.Repeat(opening, 100_000));
        Assert.Throws<PolicyException>(() => Parse(deep));
    }

    [Fact]
    public void Policy_FloodOfProblems_IsCutOff()
    {
        string flood = string.Concat(Enumerable.Range(0, 20_000).Select(i => $"k{i}: 1\n"));
        PolicyException wrong = Assert.Throws<PolicyException>(() => Parse(flood));
        Assert.Equal(PolicyProblems.Most + 1, wrong.Problems.Count);
        Assert.EndsWith("and 19950 more problems like these", wrong.Problems[^1], StringComparison.Ordinal);
    }

    private static EffectivePolicy Parse(string text) => PolicyReader.Parse([new PolicyFile("p.yaml", Encoding.UTF8.GetBytes(text))], Facts);
}
