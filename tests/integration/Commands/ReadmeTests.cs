using RateWall.IntegrationTests.Machine;

namespace RateWall.IntegrationTests.Commands;

/// <summary>What the README shows is what the kernel shows.</summary>
public sealed class ReadmeTests
{
    [LinuxFact]
    public void Listing_InTheReadme_IsWhatNftLists()
    {
        using var network = new NetworkNamespace();
        using var ratewall = new RateWallProgram(network);
        ratewall.Run("apply").MustSucceed("apply");
        string[] listed = Lines(network.Nft("list", "table", "inet", "ratewall"));
        string[] shown = Lines(Listing(File.ReadAllText(Checkout.Path("README.md"))));
        Assert.True(shown.Length > 10);
        Assert.All(shown.Where(l => l != "..."), line => Assert.Contains(line, listed, StringComparer.Ordinal));
    }

    private static string Listing(string readme)
    {
        string behind = readme[readme.IndexOf("`nft list table inet ratewall` shows", StringComparison.Ordinal)..];
        return behind.Split("```")[1];
    }

    private static string[] Lines(string text) =>
        [.. text.Split('\n').Select(l => l.Trim()).Where(l => l.Length > 0)];
}
