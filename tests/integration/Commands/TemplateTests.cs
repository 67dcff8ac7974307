using RateWall.Detection;
using RateWall.IntegrationTests.Correlate;
using RateWall.IntegrationTests.Machine;
using RateWall.Storage;
using RateWall.Wall;

namespace RateWall.IntegrationTests.Commands;

/// <summary>Templates of the operator's in place of built-in ones.</summary>
public sealed class TemplateTests : IDisposable
{
    private readonly NetworkNamespace network = new();
    private readonly RateWallProgram ratewall;

    public TemplateTests() => ratewall = new(network);

    public void Dispose()
    {
        ratewall.Dispose();
        network.Dispose();
    }

    [LinuxFact]
    public void Override_OfOneTemplate_IsWhatTheKernelGetsAndIsSaid()
    {
        string path = Override("limit-window.nft", t => t.Replace("# Here the source", "meta mark 0x4711 counter\n        # Here the source", StringComparison.Ordinal));
        foreach (string verb in (string[])["check", "plan", "apply"])
            Assert.Contains($"in place of a built-in template: {path}", ratewall.Run(verb).Out, StringComparison.Ordinal);
        Assert.Contains("mark 0x00004711", network.Nft("list", "chain", "inet", "ratewall", "ssh_v4"), StringComparison.Ordinal);
        Assert.Contains("meta mark 0x4711", ratewall.Run("plan", "--full").Out, StringComparison.Ordinal);
        foreach (string verb in (string[])["check", "plan"])
            Assert.Equal(path, Assert.Single(ratewall.Json(verb).GetProperty("templates").EnumerateArray()).GetString());
        Assert.Contains(ratewall.Json("apply").GetProperty("items").EnumerateArray(), i => i.GetProperty("target").GetString() == path);
        var session = new Dictionary<string, string?>(StringComparer.Ordinal) { ["SSH_CONNECTION"] = "203.0.113.5 40000 192.0.2.1 22" };
        Assert.Contains("whether your own templates let 203.0.113.5, the client of your ssh session, in is not known", ratewall.RunWith(session, "apply").Error, StringComparison.Ordinal);

        File.Delete(path);
        ratewall.Run("apply").MustSucceed("apply");
        Assert.DoesNotContain("4711", network.Nft("list", "table", "inet", "ratewall"), StringComparison.Ordinal);
    }

    [LinuxTheory]
    [InlineData(0)]
    [InlineData(1)]
    public void Override_SetOfAnotherKind_KeepsTheBansHoweverMany(int beyond)
    {
        int bans = CarriedElements.Most + beyond;
        DateTimeOffset now = DateTimeOffset.UtcNow;
        ratewall.Run("apply").MustSucceed("apply");
        using (StateDatabase state = StateDatabase.Open(ratewall.StateDirectory, TimeProvider.System, TextWriter.Null))
            state.Activate(state.AddPending([.. Enumerable.Range(0, bans).Select(i => new StoredBan(
                0, AddressPrefix.Parse($"2001:db8:1:{i:x}::/64"), StoredBan.AllPorts, null, StoredBan.ByHand, now, now.AddHours(1), "abuse", 0, now, BanState.Pending))]));
        Assert.Contains($"; {bans} bans put back", ratewall.Run("apply").MustSucceed("apply").Out, StringComparison.Ordinal);
        Override("table.nft", t => t.Replace("set ban6 { type ipv6_addr; size ${ban_size}; flags timeout; counter; }", "set ban6 { type ipv6_addr; size ${ban_size}; flags timeout; }", StringComparison.Ordinal));

        Answer answer = ratewall.Run("apply").MustSucceed("apply");

        Assert.Equal(beyond > 0, answer.Error.Contains("set ban6 is of another kind now", StringComparison.Ordinal));
        IReadOnlyDictionary<string, DateTimeOffset> standing = KernelDeadlines.Of(network, "ban6");
        Assert.Equal(bans, standing.Count);
        Assert.All(standing.Values, until => Assert.InRange(until, now.AddMinutes(59), now.AddMinutes(61)));
        ratewall.Run("plan").MustSucceed("plan");
    }

    [LinuxTheory]
    [InlineData("limit-window.nft", "accept of mine", "Error: ")]
    [InlineData("limit-common.nft", "goto nowhere", "No such file or directory")]
    public void Override_TheKernelRefuses_LeavesTheWallAndNamesTheLine(string name, string wrong, string problem)
    {
        ratewall.Run("apply").MustSucceed("apply");
        string before = network.Nft("-a", "list", "ruleset");
        string path = Override(name, t => t.Replace("counter name ${service}_limited ${refuse}", wrong, StringComparison.Ordinal));
        int line = Array.FindIndex(File.ReadAllLines(path), l => l.Contains(wrong, StringComparison.Ordinal)) + 1;
        foreach (string[] verb in (string[][])[["apply"], ["apply", "--check"]])
        {
            Answer refused = ratewall.Run(verb);
            Assert.Equal(4, refused.ExitCode);
            Assert.Contains($"{path}:{line}:", refused.Error, StringComparison.Ordinal);
            Assert.Contains(problem, refused.Error, StringComparison.Ordinal);
            Assert.Contains("Mend the template", refused.Error, StringComparison.Ordinal);
        }

        Assert.Equal(before, network.Nft("-a", "list", "ruleset"));
    }

    [LinuxTheory]
    [InlineData("limit-window.nft", "${services}_limited", "there is no 'services' to fill in here; did you mean 'service'?")]
    [InlineData("limt-window.nft", "", "there is no template of that name to replace; did you mean 'limit-window.nft'?")]
    public void Override_WrongTemplate_IsRefusedWithItsPlace(string name, string wrong, string said)
    {
        string path = Override(name, t => t.Replace("${service}_limited", wrong, StringComparison.Ordinal), from: "limit-window.nft");
        foreach (string verb in (string[])["check", "plan", "apply", "status"])
        {
            Answer refused = ratewall.Run(verb);
            Assert.Equal(2, refused.ExitCode);
            Assert.Contains(path, refused.Error, StringComparison.Ordinal);
            Assert.Contains(said, refused.Error, StringComparison.Ordinal);
        }
    }

    [LinuxFact]
    public void Override_WithoutASetTheProgramFills_IsRefused()
    {
        string path = Override("table.nft", t => t.Replace("set ban6 { type ipv6_addr;", "set ban6 { type ipv4_addr;", StringComparison.Ordinal));
        Answer refused = ratewall.Run("apply");
        Assert.Equal(2, refused.ExitCode);
        Assert.Contains($"{path}: the set ban6 is missing or of another shape", refused.Error, StringComparison.Ordinal);
    }

    [LinuxFact]
    public void Override_OthersMayWrite_IsRefused()
    {
        string path = Override("limit-off.nft", t => t);
        string directory = Path.GetDirectoryName(path)!;
        Refused(() => File.SetUnixFileMode(path, (UnixFileMode)Convert.ToInt32("664", 8)), "chmod go-w", () => File.SetUnixFileMode(path, (UnixFileMode)Convert.ToInt32("644", 8)));
        Refused(() => File.SetUnixFileMode(directory, (UnixFileMode)Convert.ToInt32("777", 8)), "chmod go-w", () => File.SetUnixFileMode(directory, (UnixFileMode)Convert.ToInt32("755", 8)));
        Refused(() => Shell.Run("chown", "65534", path).MustSucceed("chown"), "belongs to user 65534", () => Shell.Run("chown", "0", path).MustSucceed("chown"));
        Refused(() => Shell.Run("chown", "65534", directory).MustSucceed("chown"), "belongs to user 65534", () => Shell.Run("chown", "0", directory).MustSucceed("chown"));

        void Refused(Action spoil, string said, Action mend)
        {
            spoil();
            Answer refused = ratewall.Run("plan", "--full");
            Assert.Equal(2, refused.ExitCode);
            Assert.Contains(said, refused.Error, StringComparison.Ordinal);
            mend();
            ratewall.Run("plan", "--full").MustSucceed("plan --full");
        }
    }

    [LinuxFact]
    public void Plan_NetworksCountedByHostChanged_IsADifference()
    {
        ratewall.Run("apply").MustSucceed("apply");
        Assert.Equal(0, ratewall.Run("plan").ExitCode);
        network.Nft("delete element inet ratewall byhost6 { fe80::/10 }");
        Answer plan = ratewall.Run("plan");
        Assert.Equal(1, plan.ExitCode);
        Assert.Contains("+byhost6 fe80::/10", plan.Out, StringComparison.Ordinal);
        Assert.True(ratewall.Json("status").GetProperty("wall").GetProperty("drift").GetBoolean());
        ratewall.Run("apply").MustSucceed("apply");
        Assert.Equal(0, ratewall.Run("plan").ExitCode);
    }

    /// <summary>Puts a changed copy of a built-in template, as the program prints it, where an operator would.</summary>
    private string Override(string name, Func<string, string> change, string? from = null)
    {
        string text = ratewall.Run("plan", "--template", from ?? name).MustSucceed("plan --template").Out;
        string path = Path.Combine(Path.GetDirectoryName(ratewall.ConfigFile)!, "native-rules", name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, change(text));
        return path;
    }
}
