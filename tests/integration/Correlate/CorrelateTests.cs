using System.Text.Json;
using RateWall.IntegrationTests.Machine;
using RateWall.Storage;

namespace RateWall.IntegrationTests.Correlate;

public sealed class CorrelateTests : IDisposable
{
    private readonly NetworkNamespace network = new();
    private readonly RateWallProgram program;
    private readonly SshLog log = new(DateTimeOffset.UtcNow.AddMinutes(-4));

    public CorrelateTests() => program = new(network);

    public void Dispose()
    {
        program.Dispose();
        network.Dispose();
    }

    [LinuxFact]
    public void Correlate_SixFailures_BansInTheKernelUntilTenMinutesAfterTheSixth()
    {
        Apply();
        Append(log.Failures("192.0.2.7", 6, 0).Failures("192.0.2.8", 5, 10).Failures("2001:db8:0:1::7", 6, 20));
        JsonElement run = program.Json("correlate");
        Assert.Equal((17, 17, 2, 2), (Number(run, "lines"), Number(run, "attempts"), Number(run, "offences"), Number(run, "bans")));
        IReadOnlyDictionary<string, DateTimeOffset> deadlines = KernelDeadlines.Of(network, "ban4");
        KernelDeadlines.AssertEnds(log.Start.AddSeconds(5).AddMinutes(10), Assert.Single(deadlines, d => d.Key == "192.0.2.7").Value);
        Assert.Single(deadlines);
        Assert.Equal("2001:db8:0:1::", Assert.Single(KernelDeadlines.Of(network, "ban6")).Key);
        JsonElement listed = program.Json("list");
        Assert.Equal("ratewall.bans/1", listed.GetProperty("schema").GetString());
        JsonElement ban = listed.GetProperty("bans").EnumerateArray().Single(b => b.GetProperty("target").GetString() == "192.0.2.7");
        Assert.Equal(("all", "6 failures at ssh in 10m"), (ban.GetProperty("scope").GetString(), ban.GetProperty("reason").GetString()));
        Assert.InRange(Number(ban, "remaining_s"), 300, 400);
        JsonElement traced = program.Json("trace", "192.0.2.7").GetProperty("bans")[0];
        Assert.Equal(6, traced.GetProperty("lines").GetArrayLength());
    }

    [LinuxFact]
    public void Correlate_TwoRuns_CountAcrossThem()
    {
        Apply();
        Append(log.Failures("192.0.2.7", 5, 0));
        Assert.Equal(0, Number(program.Json("correlate"), "bans"));
        Assert.Equal(0, Number(program.Json("correlate"), "lines"));
        File.AppendAllText(program.LogFile, new SshLog(log.Start).Failures("192.0.2.7", 1, 60).Text);
        Assert.Equal(1, Number(program.Json("correlate"), "bans"));
    }

    [LinuxFact]
    public void Correlate_WithoutWall_RefusesAndReadsNothing()
    {
        Append(log.Failures("192.0.2.7", 6, 0));
        Answer answer = program.Run("correlate");
        Assert.Equal(4, answer.ExitCode);
        Assert.Contains("ratewall apply", answer.Error, StringComparison.Ordinal);
        Apply();
        Assert.Equal(1, Number(program.Json("correlate"), "bans"));
    }

    [LinuxFact]
    public void Correlate_WhileAnotherRuns_SaysSoAndIsDone()
    {
        Apply();
        using StateLock? other = StateLock.TryRun(program.StateDirectory);
        Answer answer = program.Run("correlate");
        Assert.Equal(0, answer.ExitCode);
        Assert.Contains("another correlate is running", answer.Error, StringComparison.Ordinal);
    }

    [LinuxFact]
    public void Correlate_HostileLog_CountsWhatIsRight()
    {
        Apply();
        using (FileStream file = File.Open(program.LogFile, FileMode.Append))
        {
            file.Write(new byte[100_000]);
            file.Write("\n"u8);
            byte[] line = new byte[10_000_000];
            Array.Fill(line, (byte)'x');
            file.Write(line);
            file.Write([(byte)'\n', 0xFF, 0xFE, 0x80, (byte)'\n']);
        }

        File.AppendAllText(program.LogFile, log.Failures("192.0.2.7", 6, 0).Text);
        Assert.Equal(1, Number(program.Json("correlate"), "bans"));
    }

    [LinuxFact]
    public void Correlate_LogVanishedOrUnusable_SaysSoInOneSentence()
    {
        Apply();
        File.Delete(program.LogFile);
        Answer vanished = program.Run("correlate");
        Assert.Equal(0, vanished.ExitCode);
        Assert.Contains("is not there", vanished.Error, StringComparison.Ordinal);
        Directory.CreateDirectory(program.LogFile);
        Answer unusable = program.Run("correlate");
        Assert.Equal(2, unusable.ExitCode);
        Assert.Contains("not a regular file", unusable.Error, StringComparison.Ordinal);
    }

    [LinuxFact]
    public void Correlate_OneLogBroken_ReadsTheOthers()
    {
        string loop = program.Scratch("loop.log");
        File.CreateSymbolicLink(loop, loop);
        File.WriteAllText(
            program.ConfigFile, $"defaults: {{ log: {{ file: {program.LogFile} }} }}\nservices: {{ ftp: {{ log: {{ file: {loop} }} }}, sieve: {{ log: {{ file: {loop} }} }} }}\n");
        Apply();
        Append(log.Failures("192.0.2.7", 6, 0));
        Answer answer = program.Run("correlate");
        Assert.Equal(4, answer.ExitCode);
        Assert.Contains(loop, Assert.Single(answer.Error.TrimEnd().Split('\n')), StringComparison.Ordinal);
        Assert.Single(KernelDeadlines.Of(network, "ban4"));
    }

    [LinuxFact]
    public void Correlate_ProgramWithItsOwnFile_CountsThereOnly()
    {
        string own = program.Scratch("vsftpd.log");
        File.WriteAllText(
            program.ConfigFile,
            $"defaults: {{ log: {{ file: {program.LogFile} }} }}\nservices: {{ ftp: {{ log: [{{ file: {program.LogFile} }}, {{ file: {own}, program: vsftpd }}] }} }}\n");
        Apply();
        // The same tries as PAM tells them in the other log, and one try more.
        File.WriteAllText(program.LogFile, string.Concat(Enumerable.Range(0, 10).Select(i => $"{Stamp(i, "MMM dd HH:mm:ss")} h vsftpd[{i + 1}]: pam_unix(vsftpd:auth): authentication failure; logname= uid=0 euid=0 tty=ftp ruser=bob rhost=192.0.2.7  user=bob\n")));
        File.WriteAllText(own, Own(0, 9));
        Assert.Equal(0, Number(program.Json("correlate"), "bans"));
        File.AppendAllText(own, Own(9, 1));
        Assert.Equal(1, Number(program.Json("correlate"), "bans"));
        Assert.Equal("192.0.2.7", Assert.Single(KernelDeadlines.Of(network, "ban4")).Key);

        static string Own(int from, int count) =>
            string.Concat(Enumerable.Range(from, count).Select(i => $"{Stamp(i, "ddd MMM dd HH:mm:ss yyyy")} [pid {i + 1}] [bob] FAIL LOGIN: Client \"::ffff:192.0.2.7\"\n"));

        static string Stamp(int second, string form) => DateTimeOffset.Now.AddMinutes(-3).AddSeconds(second).ToString(form, System.Globalization.CultureInfo.InvariantCulture);
    }

    [LinuxFact]
    public void Correlate_LinesWithoutStamps_CountFromTheSecondRunOn()
    {
        File.WriteAllText(program.ConfigFile, $"defaults: {{ log: {{ file: {program.LogFile}, program: sshd }} }}\n");
        Apply();
        // Nobody can say how old these are.
        File.WriteAllText(program.LogFile, Bare("192.0.2.7", 12));
        Assert.Equal(0, Number(program.Json("correlate"), "offences"));
        File.AppendAllText(program.LogFile, Bare("192.0.2.7", 5) + Bare("192.0.2.8", 6));
        DateTimeOffset earliest = DateTimeOffset.UtcNow.AddMinutes(10);
        Assert.Equal(1, Number(program.Json("correlate"), "bans"));
        DateTimeOffset latest = DateTimeOffset.UtcNow.AddMinutes(10);
        DateTimeOffset until = KernelDeadlines.Of(network, "ban4")["192.0.2.8"];
        // nft tells whole seconds.
        Assert.InRange(until, earliest.AddSeconds(-2), latest.AddSeconds(2));
        Assert.Equal(0, Number(program.Json("correlate"), "lines"));
        File.AppendAllText(program.LogFile, Bare("192.0.2.7", 1));
        Assert.Equal(1, Number(program.Json("correlate"), "bans"));

        static string Bare(string source, int count) =>
            string.Concat(Enumerable.Range(0, count).Select(i => $"Failed password for root from {source} port {40000 + i} ssh2\n"));
    }

    [LinuxFact]
    public void Correlate_DamagedState_SetsItAsideAndGoesOn()
    {
        Apply();
        Directory.CreateDirectory(program.StateDirectory);
        File.WriteAllText(Path.Combine(program.StateDirectory, "state.db"), "no database at all, but long enough to be looked at");
        Append(log.Failures("192.0.2.7", 6, 0));
        Answer answer = program.Run("correlate");
        Assert.Equal(0, answer.ExitCode);
        Assert.Contains("it was kept as", answer.Error, StringComparison.Ordinal);
        Assert.Single(KernelDeadlines.Of(network, "ban4"));
    }

    [LinuxFact]
    public void Unban_BannedByCorrelate_IsForgivenAlsoWhenTheLogIsReadAgain()
    {
        Apply();
        Append(log.Failures("192.0.2.7", 6, 0));
        Assert.Equal(1, Number(program.Json("correlate"), "bans"));
        program.Run("unban", "192.0.2.7").MustSucceed("unban");
        Assert.Empty(KernelDeadlines.Of(network, "ban4"));
        Assert.Equal(0, program.Json("list").GetProperty("bans").GetArrayLength());
        File.WriteAllText(program.LogFile, "first line of another log\n" + log.Text);
        Assert.Equal(0, Number(program.Json("correlate"), "bans"));
        Assert.Equal(1, program.Run("unban", "192.0.2.7").ExitCode);
    }

    [LinuxFact]
    public void Trace_BansThatGrewRanOutAndWereTakenBack_TellsWhichAndHow()
    {
        Apply();
        // Over since 40 minutes, in force, and taken back.
        SshLog old = new(DateTimeOffset.UtcNow.AddMinutes(-50));
        Append(old.Failures("192.0.2.7", 6, 0).Failures("192.0.2.7", 6, 46 * 60).Failures("192.0.2.8", 6, 47 * 60));
        program.Run("correlate").MustSucceed("correlate");
        program.Run("unban", "192.0.2.8").MustSucceed("unban");
        program.Run("ban", "192.0.2.7", "--for", "2h", "--reason", "by \u001b[31mhand").MustSucceed("ban");

        JsonElement[] bans = [.. program.Json("trace", "192.0.2.7").GetProperty("bans").EnumerateArray()];
        Assert.Equal(["null null null", "2 null null", "1 \"ran out\" " + bans[2].GetProperty("until").GetRawText()], bans.Select(Told), StringComparer.Ordinal);
        Assert.All(bans[1..], b => Assert.Equal(6, b.GetProperty("lines").GetArrayLength()));
        JsonElement back = Assert.Single(program.Json("trace", "192.0.2.8").GetProperty("bans").EnumerateArray());
        Assert.StartsWith("1 \"taken back\" \"20", Told(back), StringComparison.Ordinal);
        string table = program.Run("trace").MustSucceed("trace").Out;
        Assert.Matches("192\\.0\\.2\\.7 .* 1h, until .* left: 6 failures at ssh in 10m \\(ban 2 of this source\\)\n    20.* Failed password for root from 192\\.0\\.2\\.7", table);
        Assert.Matches("192\\.0\\.2\\.8 .*, taken back 20", table);
        Assert.DoesNotContain('\u001b', table);

        static string Told(JsonElement ban) => $"{ban.GetProperty("number").GetRawText()} {ban.GetProperty("ended").GetRawText()} {ban.GetProperty("ended_at").GetRawText()}";
    }

    [LinuxFact]
    public void Status_DaemonWhoseLinesChanged_WarnsWithTheirForms()
    {
        Apply();
        Append(log.Failures("192.0.2.7", 2, 0));
        program.Run("correlate").MustSucceed("correlate");
        Assert.Equal(0, program.Json("status").GetProperty("log_warnings").GetArrayLength());
        for (int i = 0; i < 25; i++)
        {
            File.AppendAllText(program.LogFile, $"{DateTimeOffset.UtcNow:yyyy-MM-dd'T'HH:mm:ss}+00:00 host sshd[{i}]: Verification of user{i} failed at \u001b[31m192.0.2.{i}\n");
            if (i % 10 == 0) program.Run("correlate").MustSucceed("correlate");
        }

        program.Run("correlate").MustSucceed("correlate");
        JsonElement warning = Assert.Single(program.Json("status").GetProperty("log_warnings").EnumerateArray());
        Assert.Equal("sshd: of 27 lines read 2 are understood, and 25 more look like failures", warning.GetProperty("text").GetString());
        JsonElement shape = Assert.Single(warning.GetProperty("shapes").EnumerateArray());
        Assert.Equal(("Verification of * failed at *", 25), (shape.GetProperty("text").GetString(), shape.GetProperty("count").GetInt32()));
        Assert.Contains("\n    25 x Verification of * failed at *\n", program.Run("status").Out, StringComparison.Ordinal);
    }

    [LinuxFact]
    public void Ban_ByHand_IsInTheKernelUntilItsDeadline()
    {
        Apply();
        program.Run("ban", "192.0.2.7", "--for", "2h", "--reason", "test").MustSucceed("ban");
        KernelDeadlines.AssertEnds(DateTimeOffset.UtcNow.AddHours(2), Assert.Single(KernelDeadlines.Of(network, "ban4")).Value);
        program.Run("ban", "2001:db8::7", "--for", "1h").MustSucceed("ban");
        Assert.Equal("2001:db8::", Assert.Single(KernelDeadlines.Of(network, "ban6")).Key);
        program.Run("ban", "198.51.100.0/24", "--for", "1h").MustSucceed("ban");
        Answer inside = program.Run("unban", "198.51.100.9");
        Assert.Equal(1, inside.ExitCode);
        Assert.Contains("198.51.100.0/24", inside.Out, StringComparison.Ordinal);
        program.Run("clear", "--yes").MustSucceed("clear");
        Assert.Empty(KernelDeadlines.Of(network, "ban4"));
        Assert.Empty(KernelDeadlines.Of(network, "ban6"));
        Assert.Empty(KernelDeadlines.Of(network, "bannet4"));
    }

    [LinuxTheory]
    [InlineData("127.0.0.1")]
    [InlineData("0.0.0.0/0")]
    [InlineData("192.0.0.0/7")]
    [InlineData("192.0.2.300")]
    [InlineData("example")]
    public void Ban_OwnWideOrWrong_IsRefused(string target)
    {
        Apply();
        Answer answer = program.Run("ban", target);
        Assert.Equal(2, answer.ExitCode);
        Assert.Single(answer.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    [LinuxFact]
    public void List_NoStateYet_IsEmpty()
    {
        Assert.Equal(0, program.Json("list").GetProperty("bans").GetArrayLength());
        Assert.Equal(0, program.Json("trace").GetProperty("bans").GetArrayLength());
    }

    private static long Number(JsonElement json, string name) => json.GetProperty(name).GetInt64();

    private void Apply() => program.Run("apply").MustSucceed("apply");

    private void Append(SshLog lines) => File.AppendAllText(program.LogFile, lines.Text);
}
