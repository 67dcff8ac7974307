using System.Text.Json;
using RateWall.Commands;

namespace RateWall.UnitTests.Commands;

public sealed class CommandLineTests : IDisposable
{
    private readonly DirectoryInfo directory = Directory.CreateTempSubdirectory("ratewall-command-");

    private string Main => Path.Combine(directory.FullName, "ratewall.yaml");

    public void Dispose() => directory.Delete(recursive: true);

    [Fact]
    public void Program_NoVerb_ShowsHelpAsWrongUse()
    {
        (int code, string output, string error) = Run();
        Assert.Equal(2, code);
        Assert.Empty(output);
        Assert.Contains("Usage: ratewall VERB [options]", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--help")]
    [InlineData("-h")]
    public void Program_Help_IsDone(string option)
    {
        (int code, string output, string error) = Run(option);
        Assert.Equal(0, code);
        Assert.Empty(error);
        Assert.Contains("\nPolicy:\n  check ", output, StringComparison.Ordinal);
    }

    [Fact]
    public void Program_Version_IsDone()
    {
        (int code, string output, _) = Run("--version");
        Assert.Equal(0, code);
        Assert.Equal(3, output.Trim().Split('.').Length);
    }

    [Theory]
    [InlineData("--help")]
    [InlineData("version")]
    [InlineData("chekc")]
    public void Program_NowhereToWrite_EndsWithItsCodeAndNoException(string line)
    {
        using var full = new FullDisk();
        using var error = new StringWriter();
        Assert.Equal(4, CommandLine.Run([line], full, full));
        if (line == "chekc") return;
        Assert.Equal(4, CommandLine.Run([line], full, error));
        Assert.Contains("No space left", Assert.Single(error.ToString().TrimEnd().Split('\n')), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ratewall.yaml", "check")]
    [InlineData("conf.d/a.yaml", "check")]
    [InlineData("rules.d/a.rules", "explain")]
    public void Program_FifoInTheConfiguration_IsRefusedAndNotWaitedFor(string fifo, string verb)
    {
        if (fifo != "ratewall.yaml") File.WriteAllText(Main, "");
        string path = Path.Combine(directory.FullName, fifo);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        using (var mkfifo = System.Diagnostics.Process.Start("mkfifo", [path])) mkfifo.WaitForExit();

        (int code, _, string error) = Run(verb, "--config", Main);

        Assert.Equal(2, code);
        Assert.Contains($"{path}: this is no regular file", error, StringComparison.Ordinal);
    }

    [Fact]
    public void Program_StateDirectoryIsAFile_IsToldAlsoByReaders()
    {
        File.WriteAllText(Main, "");
        (int code, string output, string error) = Run("list", "--state-dir", Main);
        Assert.Equal(4, code);
        Assert.Empty(output);
        Assert.Contains("is a file, and state is kept in a directory", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("chekc", "there is no verb 'chekc'; did you mean 'check'?")]
    [InlineData("frobnicate", "there is no verb 'frobnicate'")]
    [InlineData("check --formt json", "unknown option '--formt'; did you mean '--format'?")]
    [InlineData("check --format yaml", "'yaml' is not a format; use table or json")]
    [InlineData("check --format", "Required argument missing for option: '--format'.")]
    [InlineData("check now", "'now' is one word too many for 'check'")]
    [InlineData("check @/etc/hostname", "'@/etc/hostname' is one word too many for 'check'")]
    [InlineData("--format json", "a verb is missing")]
    [InlineData("ch\u001beck", "there is no verb 'ch\\x1beck'; did you mean 'check'?")]
    [InlineData("policy --services shs", "there is no service 'shs'; did you mean 'ssh'?")]
    [InlineData("check --config ", "--config is empty; name a file")]
    [InlineData("list --state-dir ", "--state-dir is empty; name a directory")]
    [InlineData("policy --built-in --format json", "--built-in prints YAML; leave --format away")]
    [InlineData("plan --full --format json", "--full prints the nft language; leave --format away")]
    public void Program_WrongUse_EndsWithTwoAndTheRemedy(string line, string expected)
    {
        (int code, string output, string error) = Run(line.Split(' '));
        Assert.Equal(2, code);
        Assert.Empty(output);
        Assert.Equal($"ratewall: {expected}", error.Split('\n')[0]);
    }

    [Fact]
    public void Verbs_All_HaveHelpWithAnExample()
    {
        foreach (System.CommandLine.Command verb in CommandLine.Root().Subcommands)
        {
            (int code, string output, _) = Run(verb.Name, "--help");
            Assert.Equal(0, code);
            Assert.StartsWith(verb.Description!, output, StringComparison.Ordinal);
            Assert.Matches($"\nExamples?:\n  .*ratewall {verb.Name}", output);
        }
    }

    [Fact]
    public void Check_RightPolicy_TellsTheWorstCase()
    {
        File.WriteAllText(Main, "services: { ssh: { limit: { connections: 4 } } }\n");
        (int code, string output, string error) = Run("check", "--config", Main);
        Assert.Equal(0, code);
        Assert.Empty(error);
        Assert.Contains(Main, output, StringComparison.Ordinal);
        Assert.Matches("\nssh +22 +window 4 in 1m +4 +80 +6 failures in 10m, 30 in 1d +", output);
        Assert.Contains("\nOff at smtp: daemon_limit, pressure, holders.\n", output, StringComparison.Ordinal);
    }

    [Fact]
    public void Check_Holders_TellsTheirThresholds()
    {
        File.WriteAllText(Main, "services: { pop3: { holders: { count: 7, for: 2m }, capacity: 200 } }\n");
        string output = Run("check", "--config", Main).Output;
        Assert.Matches("\nBanned for holding 5 connections over 1m without a login: at ssh, .*\\.\n", output);
        Assert.Contains("\nBanned for holding 7 connections over 2m without a login: at pop3.\n", output, StringComparison.Ordinal);
        using var json = System.Text.Json.JsonDocument.Parse(Run("check", "--config", Main, "--format", "json").Output);
        Dictionary<string, string> told = json.RootElement.GetProperty("services").EnumerateArray()
            .ToDictionary(s => s.GetProperty("name").GetString()!, s => $"{s.GetProperty("holders").GetRawText()} {s.GetProperty("capacity").GetRawText()}", StringComparer.Ordinal);
        Assert.Equal("{\"count\":7,\"for_s\":120} 200", Unspaced(told["pop3"]));
        Assert.Equal("{\"count\":5,\"for_s\":60} 100", Unspaced(told["ssh"]));
        Assert.Equal("null null", told["smtp"]);

        static string Unspaced(string text) => text.Replace("\n", "", StringComparison.Ordinal).Replace(": ", ":", StringComparison.Ordinal).Replace(", ", ",", StringComparison.Ordinal);
    }

    [Fact]
    public void Check_ServiceThatNoRuleFileNames_IsNeverBanned()
    {
        File.WriteAllText(Main, "services: { test: { family: ftp, ports: [2121] } }\n");
        Assert.Matches("\ntest +2121 .* never: no rule file +", Run("check", "--config", Main).Output);
        string rules = Directory.CreateDirectory(Path.Combine(Path.GetDirectoryName(Main)!, "rules.d")).FullName;
        File.WriteAllText(Path.Combine(rules, "testd.rules"), "programs testd\nservice test\nfailure refused {address}\n");
        Assert.Matches("\ntest +2121 .* 10 failures in 10m, 30 in 1d +", Run("check", "--config", Main).Output);
        File.WriteAllText(Path.Combine(rules, "testd.rules"), "nonsense\n");
        (int code, _, string error) = Run("check", "--config", Main);
        Assert.Equal(2, code);
        Assert.Contains("testd.rules:1: ", error, StringComparison.Ordinal);
    }

    [Fact]
    public void Check_WrongPolicy_TellsAllAndEndsWithTwo()
    {
        File.WriteAllText(Main, "servces: {}\nbans: { first: 10 }\n");
        (int code, string output, string error) = Run("check", "--config", Main);
        Assert.Equal(2, code);
        Assert.Empty(output);
        string[] expected =
        [
            $"{Main}:1:1: unknown key 'servces'; did you mean 'services'?",
            $"{Main}:2:16: bans.first is 10 without a unit; write 10s for seconds, or use m, h or d",
            "ratewall: the policy has 2 problems",
        ];
        Assert.Equal(string.Join('\n', expected), error.TrimEnd());
    }

    [Fact]
    public void Check_WrongPolicyAsJson_NamesThePlace()
    {
        File.WriteAllText(Main, "servces: {}\n");
        (int code, string output, _) = Run("check", "--config", Main, "--format", "json");
        Assert.Equal(2, code);
        using JsonDocument form = JsonDocument.Parse(output);
        Assert.Equal("ratewall.check/1", form.RootElement.GetProperty("schema").GetString());
        Assert.False(form.RootElement.GetProperty("ok").GetBoolean());
        JsonElement problem = form.RootElement.GetProperty("problems")[0];
        Assert.Equal(1, problem.GetProperty("line").GetInt32());
        Assert.Equal("unknown key 'servces'; did you mean 'services'?", problem.GetProperty("text").GetString());
    }

    [Fact]
    public void Policy_Changed_ShowsOnlyTheFilesValues()
    {
        File.WriteAllText(Main, "services: { ssh: { ports: [22, 2222] } }\ntrust: { factor: 5 }\n");
        (int code, string output, _) = Run("policy", "--config", Main, "--changed", "--format", "json");
        Assert.Equal(0, code);
        using JsonDocument form = JsonDocument.Parse(output);
        Assert.Equal(
            "services.ssh.ports=[22, 2222]@1 trust.factor=5@2",
            string.Join(' ', form.RootElement.GetProperty("values").EnumerateArray().Select(v =>
                $"{v.GetProperty("path").GetString()}={v.GetProperty("value").GetString()}@{v.GetProperty("line").GetInt32()}")));
    }

    [Fact]
    public void Policy_Services_ShowsOnlyTheirs()
    {
        File.WriteAllText(Main, "");
        (int code, string output, _) = Run("policy", "--config", Main, "--services", "ssh,imap");
        Assert.Equal(0, code);
        Assert.All(output.TrimEnd().Split('\n')[1..], line => Assert.Matches("^services\\.(ssh|imap)\\.", line));
    }

    private static (int Code, string Output, string Error) Run(params string[] args)
    {
        using var output = new StringWriter { NewLine = "\n" };
        using var error = new StringWriter { NewLine = "\n" };
        return (CommandLine.Run(args, output, error), output.ToString(), error.ToString());
    }

    private sealed class FullDisk : StringWriter
    {
        public override void Write(char value) => throw new IOException("No space left on device");

        public override void Write(string? value) => throw new IOException("No space left on device");

        public override void WriteLine(string? value) => throw new IOException("No space left on device");
    }
}
