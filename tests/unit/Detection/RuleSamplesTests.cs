using RateWall.Detection.Logs;

namespace RateWall.UnitTests.Detection;

public sealed class RuleSamplesTests
{
    public static TheoryData<string> RuleFiles()
    {
        var names = new TheoryData<string>();
        foreach (RuleFileDescription file in RuleSet.BuiltIn.Files) names.Add(file.Name);
        return names;
    }

    [Theory]
    [MemberData(nameof(RuleFiles))]
    public void Samples_OfShippedFile_GiveWhatTheySay(string name)
    {
        RuleFile file = RuleSet.BuiltIn.Compiled.Single(f => f.Description.Name == name);
        Assert.NotEmpty(file.Samples);
        string[] wrong = [.. file.Samples.Select(s => SampleCheck.Run(file, s)).OfType<string>()];
        Assert.True(wrong.Length == 0, string.Join('\n', wrong));
    }

    // Notes and sessions that wait for the next run are kept under it.
    [Theory]
    [MemberData(nameof(RuleFiles))]
    public void FirstProgram_OfShippedFile_IsNoOtherFilesFirst(string name)
    {
        RuleFile file = RuleSet.BuiltIn.Compiled.Single(f => f.Description.Name == name);
        Assert.Equal(name, RuleSet.BuiltIn.FileOf(file.Description.Programs[0])!.Description.Name);
    }

    [Fact]
    public void Samples_OfEveryFile_AreFine() => Assert.Empty(RuleSet.BuiltIn.CheckSamples());
}
