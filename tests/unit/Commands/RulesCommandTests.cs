using System.Text.Json;
using RateWall.Commands;

namespace RateWall.UnitTests.Commands;

public sealed class RulesCommandTests : IDisposable
{
    private readonly DirectoryInfo directory = Directory.CreateTempSubdirectory("ratewall-rules-");

    private string Main => Path.Combine(directory.FullName, "ratewall.yaml");

    public void Dispose() => directory.Delete(recursive: true);

    [Fact]
    public void List_WithAnOperatorsFile_SaysWhereEachComesFrom()
    {
        string path = Operators("testd.rules", "programs testd\nservice test\nfailure login from {address}\n| login from 192.0.2.1\n= failure source=192.0.2.1\nnote probe goodbye\necho probe hello");
        (int code, string output, _) = Run("rules", "list");
        Assert.Equal(0, code);
        Assert.Matches("(?m)^sshd .* built-in$", output);
        Assert.Matches($"(?m)^testd +3 +1 +test +testd +{path}$", output);

        (code, output, _) = Run("rules", "list", "testd", "--format", "json");
        Assert.Equal(0, code);
        JsonElement file = Assert.Single(JsonDocument.Parse(output).RootElement.GetProperty("files").EnumerateArray());
        Assert.Equal("ratewall.rules/1", JsonDocument.Parse(output).RootElement.GetProperty("schema").GetString());
        Assert.Equal(path, file.GetProperty("origin").GetString());
        Assert.Equal(["yes", "note", "echo"], file.GetProperty("rules").EnumerateArray().Select(r => r.GetProperty("counts").GetString()!), StringComparer.Ordinal);
    }

    [Fact]
    public void Test_OfAFileNotInstalled_RunsItsSamplesOnly()
    {
        string path = Path.Combine(directory.FullName, "wrong.rules");
        File.WriteAllText(path, "programs testd\nservice test\nfailure login from {address}\n| login from 192.0.2.1\n= failure source=192.0.2.2");
        (int code, string output, _) = Run("rules", "test", path);
        Assert.Equal(1, code);
        Assert.Contains("wrong.rules:4: ", output, StringComparison.Ordinal);
        Assert.Contains("1 sample, 1 not as the files say", output, StringComparison.Ordinal);

        (code, output, _) = Run("rules", "test", path, "--format", "json");
        Assert.Equal(1, code);
        Assert.False(JsonDocument.Parse(output).RootElement.GetProperty("ok").GetBoolean());
    }

    [Fact]
    public void Test_OfTheShippedFiles_IsDone()
    {
        (int code, string output, _) = Run("rules", "test");
        Assert.Equal(0, code);
        Assert.EndsWith("all as the files say\n", output, StringComparison.Ordinal);
    }

    [Fact]
    public void Lint_OfAShadowedRule_IsNo()
    {
        Operators("testd.rules", "programs testd\nservice test\nfailure {text} from {address}\nprobe bye from {address}");
        (int code, string output, _) = Run("rules", "lint", "testd", "--format", "json");
        Assert.Equal(1, code);
        Assert.Contains(JsonDocument.Parse(output).RootElement.GetProperty("findings").EnumerateArray(), f => f.GetProperty("finding").GetString() == "shadowed" && f.GetProperty("fault").GetBoolean());
        Assert.Equal(0, Run("rules", "lint", "sshd").Code);
    }

    [Theory]
    [InlineData("say what to do", "rules")]
    [InlineData("there is no rule file 'nothing'", "rules", "list", "nothing")]
    [InlineData("is not there", "rules", "test", "/nowhere/x.rules")]
    public void Rules_WrongUse_IsTold(string expected, params string[] arguments)
    {
        (int code, string output, string error) = Run(arguments);
        Assert.Equal(2, code);
        Assert.Empty(output);
        Assert.Contains(expected, error, StringComparison.Ordinal);
    }

    [Fact]
    public void Help_OfRules_ListsItsVerbs()
    {
        (int code, string output, _) = Run("rules", "--help");
        Assert.Equal(0, code);
        Assert.Contains("Usage: ratewall rules VERB [options]", output, StringComparison.Ordinal);
        Assert.Matches("(?m)^  lint +Finds", output);
    }

    private string Operators(string name, string text)
    {
        string path = Path.Combine(Directory.CreateDirectory(Path.Combine(directory.FullName, "rules.d")).FullName, name);
        File.WriteAllText(path, text);
        return path;
    }

    private (int Code, string Output, string Error) Run(params string[] arguments)
    {
        File.WriteAllText(Main, "");
        using var output = new StringWriter { NewLine = "\n" };
        using var error = new StringWriter { NewLine = "\n" };
        int code = CommandLine.Run([.. arguments, "--config", Main], output, error);
        return (code, output.ToString(), error.ToString());
    }
}
