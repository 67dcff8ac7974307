using RateWall.IntegrationTests.Machine;

namespace RateWall.IntegrationTests.Packaging;

/// <summary>What packaging/install.sh leaves in an image, and what systemd says to the units.</summary>
public sealed class InstallerTests : IDisposable
{
    private static readonly string[] Units = ["ratewall.service", "ratewall-correlate.service", "ratewall-correlate.timer", "ratewall-follow.service", "ratewall-watch.service"];

    private readonly TemporaryDirectory image = new();

    public void Dispose() => image.Dispose();

    [LinuxFact("systemd-analyze")]
    public void Units_VerifiedBySystemd_AreAcceptedWithoutAWord()
    {
        foreach (string unit in Units)
        {
            // The program need not be installed on this machine for its units to be judged.
            string text = File.ReadAllText(Checkout.Path("packaging", "systemd", unit)).Replace("/usr/bin/ratewall ", "/bin/true ", StringComparison.Ordinal);
            File.WriteAllText(image[unit], text);
        }

        Answer verdict = Shell.Run("systemd-analyze", ["verify", "--man=no", .. Units.Select(u => image[u])], input: null, environment: null);

        Assert.True(verdict.ExitCode == 0, verdict.Error);
        Assert.DoesNotContain(verdict.Error.Split('\n'), line => line.Contains("ratewall", StringComparison.Ordinal));
    }

    [LinuxFact("systemd-analyze")]
    public void Services_JudgedBySystemd_AreWellConfined()
    {
        foreach (string unit in Units.Where(u => u.EndsWith(".service", StringComparison.Ordinal)))
        {
            Answer verdict = Shell.Run("systemd-analyze", "security", "--offline=true", "--threshold=40", Checkout.Path("packaging", "systemd", unit));

            Assert.True(verdict.ExitCode == 0, $"{unit}\n{verdict.Out}\n{verdict.Error}");
        }
    }

    [LinuxFact]
    public void Install_IntoAnEmptyRoot_BringsProgramUnitsAndPolicy()
    {
        Install().MustSucceed("install.sh");

        Assert.All(Units, unit => Assert.True(File.Exists(image[$"usr/lib/systemd/system/{unit}"])));
        Assert.Equal("../lib/ratewall/ratewall", new FileInfo(image["usr/bin/ratewall"]).LinkTarget);
        Shell.Run(image["usr/bin/ratewall"], "version").MustSucceed("the installed program");
        Assert.True(File.Exists(image["etc/ratewall/ratewall.yaml"]));
        Assert.False(Directory.Exists(image["etc/systemd"]), "nothing is enabled");
        Assert.Equal("", Shell.Run("find", image.Root, "-not", "-type", "l", "-perm", "/022").Out);
    }

    [LinuxFact]
    public void Install_OverAnOlderOne_KeepsThePolicyAndNoOldFile()
    {
        Install().MustSucceed("install.sh");
        File.WriteAllText(image["etc/ratewall/ratewall.yaml"], "allow: [192.0.2.0/24]\n");
        File.WriteAllText(image["usr/lib/ratewall/Old.dll"], "");

        Answer again = Install().MustSucceed("install.sh again");

        Assert.Contains("(kept)", again.Out, StringComparison.Ordinal);
        Assert.Equal("allow: [192.0.2.0/24]\n", File.ReadAllText(image["etc/ratewall/ratewall.yaml"]));
        Assert.False(File.Exists(image["usr/lib/ratewall/Old.dll"]));
    }

    [LinuxFact]
    public void Uninstall_FromARoot_LeavesPolicyAndStateAlone()
    {
        Install().MustSucceed("install.sh");
        File.WriteAllText(image["var/lib/ratewall/state.db"], "state");

        Install("--uninstall").MustSucceed("install.sh --uninstall");

        Assert.Equal(
            new[] { "etc/ratewall/ratewall.yaml", "var/lib/ratewall/state.db" },
            Directory.EnumerateFiles(image.Root, "*", SearchOption.AllDirectories).Select(f => Path.GetRelativePath(image.Root, f)).Order(StringComparer.Ordinal),
            StringComparer.Ordinal);
    }

    [LinuxFact]
    public void Install_UsedWrongly_SaysSoWithCodeTwo()
    {
        Assert.Equal(2, Install("--rot").ExitCode);
        Assert.Equal(2, Shell.Run(Checkout.Path("packaging", "install.sh"), "--root").ExitCode);
    }

    private Answer Install(params string[] more) => Shell.Run(Checkout.Path("packaging", "install.sh"), ["--root", image.Root, .. more], input: null, environment: null);
}
