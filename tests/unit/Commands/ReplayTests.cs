using System.Globalization;
using System.IO.Compression;
using System.Text;
using System.Text.Json;
using RateWall.Commands;
using RateWall.UnitTests.Storage;

namespace RateWall.UnitTests.Commands;

/// <summary>`replay` over files: all it needs.</summary>
public sealed class ReplayTests : IDisposable
{
    private static readonly DateTimeOffset Start = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    private readonly TemporaryDirectory directory = new();
    private int process = 1000;

    public ReplayTests() => Write("policy.yaml", "");

    public void Dispose() => directory.Dispose();

    [Fact]
    public void Replay_SourceThatFails_IsBannedAtItsSixthTry()
    {
        Write("auth.log", Failures("192.0.2.7", 0, 30, 60, 90, 120, 150) + Failures("192.0.2.8", 0, 1, 2));
        JsonElement answer = Json("--log", At("auth.log"));
        JsonElement ban = Assert.Single(Bans(answer));
        Assert.Equal("ratewall.replay/1", answer.GetProperty("schema").GetString());
        Assert.Equal((9, 9), (answer.GetProperty("lines").GetInt32(), answer.GetProperty("attempts").GetInt32()));
        Assert.Equal("192.0.2.7 ssh 6 failures at ssh in 10m", $"{Text(ban, "target")} {Text(ban, "service")} {Text(ban, "reason")}");
        Assert.Equal("2026-03-01T12:02:30Z 2026-03-01T12:12:30Z 2026-03-01T12:00:00Z", $"{Text(ban, "time")} {Text(ban, "until")} {Text(ban, "first_try")}");
        Assert.Equal(150, ban.GetProperty("delay_s").GetInt32());
        Assert.False(Directory.Exists(At("state")), "a state was made");
    }

    [Fact]
    public void Replay_RotatedAndPackedInAnyOrder_ReadsThemByTime()
    {
        Pack("auth.log.2.gz", Failures("192.0.2.7", 0, 1));
        Write("auth.log.1", Failures("192.0.2.7", 2, 3));
        Write("auth.log", Failures("192.0.2.7", 4, 5));
        foreach (string[] order in new[] { new[] { "auth.log", "auth.log.1", "auth.log.2.gz" }, ["auth.log.2.gz", "auth.log", "auth.log.1", "auth.log"] })
        {
            JsonElement answer = Json(["--log", .. order.Select(At)]);
            Assert.Equal("2026-03-01T12:00:05Z", Text(Assert.Single(Bans(answer)), "time"));
            Assert.Equal(6, answer.GetProperty("lines").GetInt32());
        }
    }

    [Fact]
    public void Replay_LogsOfOtherNames_AreReadByTheTimeOfTheirFirstTry()
    {
        // Out of order the first six would be the later ones.
        Write("a-tuesday", Failures("192.0.2.7", [.. Enumerable.Range(0, 2000).Select(i => 100_000 + i)]));
        Write("b-monday", Failures("192.0.2.7", [.. Enumerable.Range(0, 2000)]));
        string?[] times = [.. Bans(Json("--log", At("a-tuesday"), At("b-monday"))).Select(b => Text(b, "time"))];
        Assert.Equal("2026-03-01T12:00:05Z", times[0]);
        Assert.Equal(times.Order(StringComparer.Ordinal), times, StringComparer.Ordinal);
    }

    [Fact]
    public void Replay_Repeater_IsBannedLongerEachTimeAndItsTriesWhileBannedAreKeptOut()
    {
        Write("auth.log", Failures("192.0.2.7", [.. Enumerable.Range(0, 20), .. Enumerable.Range(3600, 6)]));
        JsonElement answer = Json("--log", At("auth.log"));
        Assert.Equal(["2026-03-01T12:10:05Z", "2026-03-01T14:00:05Z"], Bans(answer).Select(b => Text(b, "until")), StringComparer.Ordinal);
        Assert.Equal(14, answer.GetProperty("kept_out").GetInt32());
    }

    [Fact]
    public void Replay_LoginWhileBannedAndLater_IsToldAsAMistake()
    {
        Write("auth.log", Failures("192.0.2.7", 0, 1, 2, 3, 4, 5) + Login("192.0.2.7", 300) + Login("192.0.2.7", 4000)
            + Failures("192.0.2.8", 0, 1, 2, 3, 4, 5) + Login("192.0.2.9", 10));
        JsonElement login = Assert.Single(Json("--log", At("auth.log")).GetProperty("later_logins").EnumerateArray());
        Assert.Equal(("192.0.2.7", "2026-03-01T12:05:00Z", 1), (Text(login, "target"), Text(login, "login"), login.GetProperty("kept_out").GetInt32()));
        Assert.Contains("1 source logged in after a ban", Table("--log", At("auth.log")), StringComparison.Ordinal);
    }

    [Fact]
    public void Replay_TrustedSource_HasItsHigherBarAndShorterBan()
    {
        Write("auth.log", Login("192.0.2.7", 0) + string.Concat(Enumerable.Range(0, 60).Select(i => Line(i + 1, $"Failed password for invalid user u{i % 3} from 192.0.2.7 port 1 ssh2"))));
        JsonElement ban = Assert.Single(Bans(Json("--log", At("auth.log"))));
        Assert.Equal(("2026-03-01T12:01:00Z", "2026-03-01T12:06:00Z", "ssh"), (Text(ban, "time"), Text(ban, "until"), Text(ban, "scope")));
    }

    [Fact]
    public void Replay_ManySourcesAtOnce_RaiseASiege()
    {
        Write("auth.log", string.Concat(Enumerable.Range(0, 250).Select(i => Line(i, $"Failed password for invalid user u{i} from 198.51.{i}.7 port 1 ssh2"))));
        JsonElement siege = Assert.Single(Json("--log", At("auth.log")).GetProperty("sieges").EnumerateArray());
        Assert.Equal(("ssh", "pressure"), (Text(siege, "service"), Text(siege, "detection")));
        Assert.Contains("ssh would have been under siege from ", Table("--log", At("auth.log")), StringComparison.Ordinal);
    }

    [Fact]
    public void Replay_TwoPolicies_TellsWhatOneBansAndTheOtherDoesNot()
    {
        Write("strict.yaml", "allow: [192.0.2.8]\nservices: { ssh: { failures: { count: 3 } } }\n");
        Write("auth.log", Failures("192.0.2.7", 0, 1, 2) + Failures("192.0.2.8", 0, 1, 2, 3, 4, 5) + Failures("192.0.2.9", 0, 1, 2, 3, 4, 5));
        JsonElement compared = Json("--log", At("auth.log"), "--compare", At("strict.yaml")).GetProperty("compared");
        Assert.Equal(("192.0.2.7", "192.0.2.8"), (compared.GetProperty("only_here")[0].GetString(), compared.GetProperty("only_there")[0].GetString()));
        Assert.Equal((1, 1), (compared.GetProperty("only_here").GetArrayLength(), compared.GetProperty("only_there").GetArrayLength()));
        Assert.Equal(2, Bans(Json("--log", At("auth.log"), "--policy", At("strict.yaml"))).Count);
        Assert.Contains("only it bans: 1 target", Table("--log", At("auth.log"), "--compare", At("strict.yaml")), StringComparison.Ordinal);
    }

    [Fact]
    public void Replay_StampsWithoutAYear_BelongToTheYearOfTheirFile()
    {
        Write("auth.log", string.Concat(Enumerable.Range(0, 6).Select(i => $"Mar  1 12:00:0{i} host sshd[{i}]: Failed password for root from 192.0.2.7 port 1 ssh2\n")));
        File.SetLastWriteTimeUtc(At("auth.log"), new DateTime(2021, 3, 1, 20, 0, 0, DateTimeKind.Utc));
        Assert.StartsWith("2021-03-01T", Text(Assert.Single(Bans(Json("--log", At("auth.log")))), "time"), StringComparison.Ordinal);
    }

    [Fact]
    public void Replay_LinesWithoutATime_AreLeftOutAndCounted()
    {
        Write("auth.log", string.Concat(Enumerable.Repeat("Failed password for root from 192.0.2.7 port 1 ssh2\n", 8)));
        JsonElement answer = Json("--log", At("auth.log"), "--program", "sshd");
        Assert.Empty(Bans(answer));
        Assert.Equal((8, 8), (answer.GetProperty("lines").GetInt32(), answer.GetProperty("untimed").GetInt32()));
    }

    [Fact]
    public void Replay_PackedFileThatBreaksOff_ReadsWhatIsThereAndSaysSo()
    {
        Pack("auth.log.1.gz", Failures("192.0.2.7", [.. Enumerable.Range(0, 20_000)]));
        byte[] whole = File.ReadAllBytes(At("auth.log.1.gz"));
        whole.AsSpan(whole.Length / 2, 64).Fill(0xFF);
        File.WriteAllBytes(At("auth.log.1.gz"), whole);
        (int code, string output, string error) = Run("--log", At("auth.log.1.gz"));
        Assert.Equal(0, code);
        Assert.Contains("192.0.2.7", output, StringComparison.Ordinal);
        Assert.Contains("breaks off", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("gone.log", "is not there")]
    [InlineData("packed.xz", "pack it with gzip")]
    [InlineData(".", "is not a regular file")]
    public void Replay_FileThatCannotBeRead_EndsWithTwo(string file, string expected)
    {
        Write("packed.xz", "");
        (int code, string output, string error) = Run("--log", At(file));
        Assert.Equal((2, ""), (code, output));
        Assert.Contains(expected, error, StringComparison.Ordinal);
    }

    private string At(string name) => Path.Combine(directory.Path, name);

    private void Write(string name, string text) => File.WriteAllText(At(name), text);

    private void Pack(string name, string text)
    {
        using var gzip = new GZipStream(File.Create(At(name)), CompressionLevel.Fastest);
        gzip.Write(Encoding.UTF8.GetBytes(text));
    }

    private string Failures(string source, params int[] seconds) =>
        string.Concat(seconds.Select(s => Line(s, $"Failed password for root from {source} port 40001 ssh2")));

    private string Login(string source, int second) => Line(second, $"Accepted password for alice from {source} port 40001 ssh2");

    private string Line(int second, string message) =>
        string.Create(CultureInfo.InvariantCulture, $"{Start.AddSeconds(second):yyyy-MM-dd'T'HH:mm:ss}Z host sshd[{process++}]: {message}\n");

    private static string? Text(JsonElement json, string name) => json.GetProperty(name).GetString();

    private static List<JsonElement> Bans(JsonElement answer) => [.. answer.GetProperty("bans").EnumerateArray()];

    private JsonElement Json(params string[] arguments) => JsonDocument.Parse(Table([.. arguments, "--format", "json"])).RootElement.Clone();

    private string Table(params string[] arguments)
    {
        (int code, string output, string error) = Run(arguments);
        Assert.True(code == 0, error);
        return output;
    }

    private (int Code, string Output, string Error) Run(params string[] arguments)
    {
        using var output = new StringWriter { NewLine = "\n" };
        using var error = new StringWriter { NewLine = "\n" };
        int code = CommandLine.Run(["replay", .. arguments, "--config", At("policy.yaml"), "--state-dir", At("state")], output, error);
        return (code, output.ToString(), error.ToString());
    }
}
