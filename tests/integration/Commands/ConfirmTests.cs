using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using RateWall.IntegrationTests.Machine;
using RateWall.Netfilter;
using RateWall.Wall;

namespace RateWall.IntegrationTests.Commands;

/// <summary>
/// The real program where systemd does not rule the network: walls that wait for a confirmation, and the process that holds
/// their deadline.
/// </summary>
public sealed partial class ConfirmTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly NetworkNamespace network = new();
    private readonly RateWallProgram ratewall;

    public ConfirmTests() => ratewall = new(network);

    public void Dispose()
    {
        // What a failed test left waiting ends by itself: without its record the process has nothing to wait for.
        if (File.Exists(Record)) File.Delete(Record);
        ratewall.Dispose();
        network.Dispose();
    }

    private string Record => Path.Combine(ratewall.StateDirectory, "unconfirmed.json");

    [LinuxFact]
    public void Apply_NotConfirmed_PutsTheWallBackAsItWas()
    {
        PutUpFirstWall();
        string before = Wall();
        WriteSecondPolicy();
        DateTimeOffset asked = DateTimeOffset.UtcNow;
        JsonElement item = ratewall.Json("apply", "--confirm", "1m").GetProperty("items")[0];
        Assert.Equal("applied", item.GetProperty("action").GetString());
        Assert.InRange(
            DateTimeOffset.Parse(item.GetProperty("until").GetString()!, CultureInfo.InvariantCulture), asked.AddSeconds(59), DateTimeOffset.UtcNow.AddSeconds(61));
        Assert.Contains("ratewall confirm", item.GetProperty("note").GetString(), StringComparison.Ordinal);
        string second = Wall();
        Assert.DoesNotContain("trusted4_ftp", second, StringComparison.Ordinal);
        Assert.DoesNotContain("203.0.113.200", second, StringComparison.Ordinal);

        LetTheTimeRunOut();
        AwaitTakenBack();
        Assert.Equal(before, Wall());
        string listing = network.Nft("list", "table", "inet", "ratewall");
        Assert.Matches(@"203\.0\.113\.7 .*expires 59m\d", listing);
        Assert.Matches(@"192\.0\.2\.50 timeout 2h expires 1h59m\d", listing);
        Assert.Matches(@"192\.0\.2\.51 expires 59m\d", listing);

        Answer late = ratewall.Run("confirm");
        Assert.Equal(1, late.ExitCode);
        Assert.Contains("too late", late.Out, StringComparison.Ordinal);

        // The record of what is applied is that of the first wall again.
        WriteFirstPolicy();
        Assert.Equal("", ratewall.Run("plan").MustSucceed("plan").Error);
    }

    [LinuxFact]
    public void Apply_CrowdedWallNotConfirmed_PutsItBackWithEveryBan()
    {
        const int crowd = 100_001;
        PutUpFirstWall();
        IEnumerable<string> keys = Enumerable.Range(0, crowd).Select(i => $"2001:db8:{2 + (i >> 16):x}:{i & 0xffff:x}:: timeout 3h");
        network.NftLoad($"add element inet ratewall ban6 {{ {string.Join(", ", keys)} }}\n");
        string before = Frame();
        WriteSecondPolicy();
        ratewall.Run("apply", "--confirm", "1m").MustSucceed("apply --confirm");
        Assert.NotEqual(before, Frame(), StringComparer.Ordinal);

        LetTheTimeRunOut();
        AwaitTakenBack();

        Assert.Equal(before, Frame());
        Assert.Equal(crowd, Bans());
        Assert.Contains("192.0.2.50", network.Nft("list", "set", "inet", "ratewall", "trusted4_ftp"), StringComparison.Ordinal);
        Assert.Contains("203.0.113.7", network.Nft("list", "set", "inet", "ratewall", "ban4"), StringComparison.Ordinal);
        WriteFirstPolicy();
        // What nft added is no ban of the history, so it is no difference.
        ratewall.Run("plan").MustSucceed("plan");

        string Frame() => string.Join('\n', network.Nft("-s", "-t", "list", "ruleset").Split("\n\t}\n").Order(StringComparer.Ordinal));
        long Bans() => network.Run(() =>
        {
            using NftablesClient kernel = NftablesClient.Open();
            return (long)kernel.ListSets(WallTable.Name).Single(s => s.Name == "ban6").Count!.Value;
        });
    }

    [LinuxFact]
    public void Confirm_InTime_KeepsTheWallAndEndsTheWait()
    {
        Assert.Equal(1, ratewall.Run("confirm").ExitCode);
        PutUpFirstWall();
        WriteSecondPolicy();
        ratewall.Run("apply", "--confirm", "1m").MustSucceed("apply --confirm");
        string second = Wall();
        string id = WaitId();
        Assert.NotEmpty(Keepers(id));
        Assert.Contains("confirm", ratewall.Run("status").MustSucceed("status").Out, StringComparison.Ordinal);
        Assert.NotEqual(JsonValueKind.Null, ratewall.Json("status").GetProperty("wall").GetProperty("unconfirmed_until").ValueKind);

        ratewall.Run("confirm").MustSucceed("confirm");
        Eventually.True("its keeper ends", Patience, () => Keepers(id).Length == 0);
        Assert.Equal(second, Wall());
        Assert.Equal(1, ratewall.Run("confirm").ExitCode);
        Assert.Equal(1, ratewall.Run("confirm", "--revert").ExitCode);
        Assert.False(ratewall.Json("apply", "--confirm", "1m").GetProperty("changed").GetBoolean());
        Assert.False(File.Exists(Record), "a wall that did not change waits for nothing");
    }

    [LinuxFact]
    public void Apply_ItsWholeGroupKilled_IsTakenBackAllTheSame()
    {
        PutUpFirstWall();
        string before = Wall();
        WriteSecondPolicy();
        // The shell kills its process group with everything in it, as the end of a login does.
        Answer killed = ratewall.RunUnder("setsid", ["--wait", "sh", "-c", "\"$@\"; kill -9 0", "sh"], "apply", "--confirm", "1m");
        Assert.NotEqual(0, killed.ExitCode);
        Assert.DoesNotContain("trusted4_ftp", Wall(), StringComparison.Ordinal);
        LetTheTimeRunOut();
        AwaitTakenBack();
        Assert.Equal(before, Wall());
    }

    [LinuxFact("strace")]
    public void Apply_KilledBetweenRulesAndRecord_IsTakenBackAllTheSame()
    {
        PutUpFirstWall();
        string before = Wall();
        WriteSecondPolicy();
        // The first rename makes the wait known, two more which wall is wanted; the fourth, behind the rules, would record it.
        Answer killed = ratewall.Trace(["-qq", "-o", "/dev/null", "-e", "trace=rename", "-e", "inject=rename:signal=KILL:when=4"], "apply", "--confirm", "1m");
        Assert.NotEqual(0, killed.ExitCode);
        Assert.DoesNotContain("trusted4_ftp", Wall(), StringComparison.Ordinal);
        LetTheTimeRunOut();
        AwaitTakenBack();
        Assert.Equal(before, Wall());
        WriteFirstPolicy();
        Assert.Equal(0, ratewall.Run("plan").ExitCode);
    }

    [LinuxFact]
    public void Apply_WhereThereWasNoWall_LeavesNone()
    {
        Assert.True(ratewall.Json("apply", "--confirm", "1s").GetProperty("changed").GetBoolean());
        AwaitTakenBack();
        Assert.Equal("", network.Nft("list", "ruleset"));
    }

    [LinuxFact]
    public void Apply_WhileOneWaits_IsRefusedUnlessItWaitsToo()
    {
        PutUpFirstWall();
        string before = Wall();
        WriteSecondPolicy();
        ratewall.Run("apply", "--confirm", "1m").MustSucceed("apply --confirm");
        string id = WaitId();
        string second = Wall();
        Answer refused = ratewall.Run("apply");
        Assert.Equal(1, refused.ExitCode);
        Assert.Contains("ratewall confirm", refused.Error, StringComparison.Ordinal);
        Assert.Equal(second, Wall());

        // The wall that comes back is the last that was confirmed, not the one in between.
        File.AppendAllText(ratewall.ConfigFile, "bans: { first: 11m }\ndefaults: { enabled: false }\n");
        ratewall.Run("apply", "--confirm", "1m").MustSucceed("the second apply --confirm");
        Eventually.True("the first keeper ends", Patience, () => Keepers(id).Length == 0);
        Assert.NotEqual(second, Wall(), StringComparer.Ordinal);
        ratewall.Run("confirm", "--revert").MustSucceed("confirm --revert");
        Assert.Equal(before, Wall());
    }

    [LinuxFact]
    public void Remove_WhileOneWaits_StaysRemoved()
    {
        PutUpFirstWall();
        WriteSecondPolicy();
        ratewall.Run("apply", "--confirm", "2s").MustSucceed("apply --confirm");
        string id = WaitId();
        ratewall.Run("remove").MustSucceed("remove");
        Eventually.True("its keeper ends", Patience, () => Keepers(id).Length == 0);
        Assert.Equal("", network.Nft("list", "ruleset"));
        Assert.Equal(1, ratewall.Run("confirm").ExitCode);
        ratewall.Run("apply").MustSucceed("apply");
    }

    [LinuxFact]
    public void Keeper_FindingTheLockTaken_TakesTheWallBackAfterwards()
    {
        PutUpFirstWall();
        string before = Wall();
        WriteSecondPolicy();
        ratewall.Run("apply", "--confirm", "1m").MustSucceed("apply --confirm");
        using (new FileStream(Path.Combine(ratewall.StateDirectory, "wall.lock"), FileMode.Open, FileAccess.ReadWrite, FileShare.None))
        {
            LetTheTimeRunOut();
            // It looks every second; where it has not come yet, this only proves less.
            Thread.Sleep(TimeSpan.FromSeconds(3));
            Assert.NotEqual(before, Wall(), StringComparer.Ordinal);
        }

        AwaitTakenBack();
        Assert.Equal(before, Wall());
    }

    [LinuxFact]
    public void Correlate_FindingAWaitWhoseKeeperDied_TakesTheWallBack()
    {
        PutUpFirstWall();
        string before = Wall();
        WriteSecondPolicy();
        ratewall.Run("apply", "--confirm", "1m").MustSucceed("apply --confirm");
        string id = WaitId();
        foreach (int keeper in Keepers(id)) Shell.Run("kill", "-9", keeper.ToString(CultureInfo.InvariantCulture));
        Eventually.True("its keeper is dead", Patience, () => Keepers(id).Length == 0);
        LetTheTimeRunOut();
        Eventually.True("correlate takes it back", Patience, () =>
        {
            ratewall.Run("correlate").MustSucceed("correlate");
            return Wall() == before;
        });
    }

    [LinuxTheory]
    [InlineData(true)]
    [InlineData(false)]
    public void Apply_AtTheNextBoot_HoldsAPolicyBackThatWasNeverConfirmed(bool ranOut)
    {
        PutUpFirstWall();
        WriteSecondPolicy();
        ratewall.Run("apply", "--confirm", ranOut ? "1s" : "1m").MustSucceed("apply --confirm");
        if (ranOut) AwaitTakenBack();
        // As after a reboot: another boot, and the kernel knows nothing.
        File.WriteAllText(Record, BootOfRecord().Replace(File.ReadAllText(Record), "\"Boot\":\"another\""));
        network.Nft("flush ruleset");

        Answer boot = ratewall.Run("apply");
        Assert.Equal(1, boot.ExitCode);
        Assert.Contains("never confirmed", boot.Out, StringComparison.Ordinal);
        string table = network.Nft("list", "table", "inet", "ratewall");
        Assert.Contains("trusted4_ftp", table, StringComparison.Ordinal);
        Assert.Contains("203.0.113.200", table, StringComparison.Ordinal);
        Assert.Matches(@"203\.0\.113\.7 .*expires 59m\d", table);

        // Who asks again means it.
        ratewall.Run("apply").MustSucceed("apply");
        Assert.DoesNotContain("trusted4_ftp", network.Nft("list", "table", "inet", "ratewall"), StringComparison.Ordinal);
        Assert.False(File.Exists(Record));
    }

    [LinuxFact]
    public void Apply_ThatTheKernelWouldNotTake_WaitsForNothing()
    {
        PutUpFirstWall();
        foreach (int host in (int[])[1, 2, 3]) ratewall.Run("ban", $"203.0.113.{host}").MustSucceed("ban");
        string before = Wall();
        File.AppendAllText(ratewall.ConfigFile, "bans: { size: 2 }\n");
        Assert.Equal(4, ratewall.Run("apply", "--confirm", "1m").ExitCode);
        Assert.False(File.Exists(Record));
        Assert.Equal(before, Wall());
    }

    [LinuxTheory]
    [InlineData("0s")]
    [InlineData("90")]
    [InlineData("2d")]
    [InlineData("soon")]
    public void Apply_WaitThatIsNone_IsRefused(string wait)
    {
        Answer answer = ratewall.Run("apply", "--confirm", wait);
        Assert.Equal(2, answer.ExitCode);
        Assert.Equal("", network.Nft("list", "ruleset"));
    }

    private void PutUpFirstWall()
    {
        WriteFirstPolicy();
        ratewall.Run("apply").MustSucceed("apply");
        ratewall.Run("ban", "203.0.113.7", "--for", "1h").MustSucceed("ban");
        network.NftLoad("""
            add element inet ratewall trusted4_ftp { 192.0.2.50 timeout 2h }
            add element inet ratewall ssh_v4_h1 { 192.0.2.51 timeout 1h }
            """);
    }

    private void WriteFirstPolicy() => File.WriteAllText(ratewall.ConfigFile, $$"""
        allow: [203.0.113.200, "2001:db8:1::/48"]
        defaults: { log: { file: {{ratewall.LogFile}} } }
        services: { ssh: { limit: { mode: window, connections: 3, per: 1h } } }

        """);

    private void WriteSecondPolicy() => File.WriteAllText(ratewall.ConfigFile, $$"""
        allow: []
        services: { ssh: { limit: { mode: bucket, connections: 20 }, log: { file: {{ratewall.LogFile}} } }, ftp: { enabled: false } }

        """);

    // What was looked at before needs time too, and on a busy machine any deadline would be too early for it.
    private void LetTheTimeRunOut()
    {
        string another = Record + ".new";
        File.WriteAllText(another, DeadlineOfRecord().Replace(File.ReadAllText(Record), "\"Deadline\":0"));
        File.Move(another, Record, overwrite: true);
    }

    private void AwaitTakenBack() => Eventually.True("the wall is taken back", Patience, () =>
    {
        _ = Shell.Run("true");
        return File.ReadAllText(Record).Contains("\"TakenBack\":true", StringComparison.Ordinal);
    }, () => network.Nft("list", "ruleset"));

    /// <summary>Everything in the table but what time changes, in an order of its own: sets made anew stand elsewhere.</summary>
    private string Wall()
    {
        string listing = Expiry().Replace(network.Nft("list", "ruleset"), "").Replace("table inet ratewall {\n", "", StringComparison.Ordinal);
        return string.Join("\n\t}\n", listing.Split("\n\t}\n").Select(b => b.Trim('\n')).Order(StringComparer.Ordinal));
    }

    private string WaitId()
    {
        using var record = JsonDocument.Parse(File.ReadAllText(Record));
        return record.RootElement.GetProperty("Id").GetString()!;
    }

    private static int[] Keepers(string id) =>
    [
        .. Directory.EnumerateDirectories("/proc").Select(d => Path.GetFileName(d)).Where(n => n.All(char.IsAsciiDigit))
            .Where(n => CommandOf(n).Contains(id, StringComparison.Ordinal)).Select(n => int.Parse(n, CultureInfo.InvariantCulture)),
    ];

    private static string CommandOf(string process)
    {
        try
        {
            return File.ReadAllText($"/proc/{process}/cmdline");
        }
        catch (IOException)
        {
            return ""; // it ended meanwhile
        }
    }

    [GeneratedRegex(" expires [0-9a-z]+", RegexOptions.None, 1000)]
    private static partial Regex Expiry();

    [GeneratedRegex("\"Boot\":\"[^\"]*\"", RegexOptions.None, 1000)]
    private static partial Regex BootOfRecord();

    [GeneratedRegex("\"Deadline\":[0-9]+", RegexOptions.None, 1000)]
    private static partial Regex DeadlineOfRecord();
}
