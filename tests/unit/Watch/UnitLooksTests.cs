using System.Text;
using System.Text.Json;
using FsCheck;
using FsCheck.Fluent;
using RateWall.Output;
using RateWall.Policy;
using RateWall.Watch;

namespace RateWall.UnitTests.Watch;

public sealed class UnitLooksTests
{
    private const string Sound = """{"time":"2026-03-01T12:00:00Z","unit":"dovecot.service","tasks":120,"tasks_max":400,"invocation":"a","processes":{"imap-login":90,"auth":2}}""";

    [Fact]
    public void Look_Sound_IsRead()
    {
        UnitLook look = Assert.Single(Read(Sound)).Look!;
        Assert.Equal(new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero), look.At);
        Assert.Equal(("dovecot.service", "active", 120ul, 400ul, "a", 90L), (look.Unit, look.ActiveState, look.Tasks!.Value, look.TasksMax!.Value, look.InvocationId, look.Processes["imap-login"]));
    }

    [Fact]
    public void Look_WrittenAndRead_IsTheSame()
    {
        UnitLook look = Read(Sound)[0].Look!;
        UnitLook again = Assert.Single(Read(JsonSerializer.Serialize(UnitLooks.Form(look), AnswerJson.Default.UnitLookForm))).Look!;
        Assert.Equal(look with { Processes = again.Processes }, again);
        Assert.Equal(look.Processes.OrderBy(p => p.Key, StringComparer.Ordinal), again.Processes.OrderBy(p => p.Key, StringComparer.Ordinal));
    }

    // A process may call itself anything.
    [Fact]
    public void Look_WithNamesThatDoNotFit_IsWrittenSoThatItCanBeRead()
    {
        var processes = Enumerable.Range(0, 400).ToDictionary(i => $"{new string('\u0001', i)}{i}", _ => 1L, StringComparer.Ordinal);
        processes["imap-login"] = 90;
        processes[""] = 5;
        UnitLook look = Read(Sound)[0].Look! with { Tasks = null, Processes = processes };
        UnitLook again = Assert.Single(Read(JsonSerializer.Serialize(UnitLooks.Form(look), AnswerJson.Default.UnitLookForm))).Look!;
        Assert.Equal((90, 495), (again.Processes["imap-login"], again.Processes.Values.Sum()));
    }

    [Theory]
    [InlineData("nonsense")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("""{"unit":"a.service"}""")]
    [InlineData("""{"time":"yesterday","unit":"a.service"}""")]
    [InlineData("""{"time":"0001-01-01T00:00:00Z","unit":"a.service"}""")]
    [InlineData("""{"time":"9999-12-31T23:59:59Z","unit":"a.service"}""")]
    [InlineData("""{"time":"2026-03-01T12:00:00Z","unit":""}""")]
    [InlineData("""{"time":"2026-03-01T12:00:00Z","unit":"a.service","tasks":-1}""")]
    [InlineData("""{"time":"2026-03-01T12:00:00Z","unit":"a.service","processes":{"x":-1}}""")]
    [InlineData("""{"time":"2026-03-01T12:00:00Z","unit":"a.service","processes":{"x":9999999999}}""")]
    [InlineData("""{"time":"2026-03-01T12:00:00Z","unit":"a.service","processes":{"x":1e400}}""")]
    public void Look_Wrong_IsLeftOutAndTheNextIsRead(string line)
    {
        (long Line, UnitLook? Look, string? Fault)[] read = Read($"{line}\n\n{Sound}\n");
        Assert.Equal((1, null, true), (read[0].Line, read[0].Look, read[0].Fault is not null));
        Assert.Equal((3, null), (read[1].Line, read[1].Fault));
    }

    [Fact]
    public void Line_TooLong_IsLeftOutAndTheNextIsRead()
    {
        (long Line, UnitLook? Look, string? Fault)[] read = Read($"{new string('x', 200_000)}\n{Sound}");
        Assert.Contains("longer than 8192 bytes", read[0].Fault, StringComparison.Ordinal);
        Assert.NotNull(read[1].Look);
    }

    [Fact]
    public void Bytes_OfAnyKind_StopNothing() =>
        Prop.ForAll(ArbMap.Default.ArbFor<byte[]>(), bytes =>
        {
            byte[] behind = [.. bytes, .. "\n"u8, .. Encoding.UTF8.GetBytes(Sound)];
            var read = new List<UnitLook?>();
            UnitLooks.Read(new MemoryStream(behind), (_, look, _) => read.Add(look));
            return read[^1] is not null;
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(1000));

    [Theory]
    [InlineData(null, 120)]
    [InlineData("imap-login", 90)]
    [InlineData("managesieve-login", 7)]
    [InlineData("managesieve", 0)]
    [InlineData("login", 0)]
    public void Count_OfAnEntry_IsOfItsProcesses(string? process, long expected)
    {
        UnitLook look = Read(Sound)[0].Look! with { Processes = new Dictionary<string, long>(StringComparer.Ordinal) { ["imap-login"] = 90, ["managesieve-log"] = 7, ["auth"] = 2 } };
        Assert.Equal(expected, look.For(new() { Name = "a", Unit = "dovecot.service", Process = process }).Count);
    }

    [Fact]
    public void Count_TasksNotCounted_IsOfAllProcesses() =>
        Assert.Equal(92, (Read(Sound)[0].Look! with { Tasks = null }).For(new() { Name = "a", Unit = "dovecot.service" }).Count);

    private static (long Line, UnitLook? Look, string? Fault)[] Read(string text)
    {
        var read = new List<(long, UnitLook?, string?)>();
        UnitLooks.Read(new MemoryStream(Encoding.UTF8.GetBytes(text)), (line, look, fault) => read.Add((line, look, fault)));
        return [.. read];
    }
}
