using RateWall.IntegrationTests.Machine;
using RateWall.Wall;

namespace RateWall.IntegrationTests.Wall;

public sealed class RulesetOnKernelTests
{
    [LinuxFact]
    public void Render_EveryMode_IsAcceptedByNft()
    {
        using var space = new NetworkNamespace();
        Ruleset ruleset = RulesetRenderer.BuiltIn.Render(SamplePolicy.EveryMode);
        space.NftLoad(ruleset.Text);
        string listing = space.Nft("list", "table", "inet", "ratewall");
        Assert.All(ruleset.Chains, chain => Assert.Contains($"chain {chain} {{", listing, StringComparison.Ordinal));
        Assert.All(ruleset.Sets.Keys, set => Assert.Contains($"set {set} {{", listing, StringComparison.Ordinal));
        Assert.All(ruleset.Counters, counter => Assert.Contains($"counter {counter} {{", listing, StringComparison.Ordinal));
    }

    [LinuxFact]
    public void Golden_EveryRuleset_IsAcceptedByTheKernel()
    {
        using var space = new NetworkNamespace();
        string[] cases = Directory.GetDirectories(Path.Combine(AppContext.BaseDirectory, "Golden"));
        Assert.True(cases.Length >= 20, $"only {cases.Length} golden rulesets were found");
        // Each in one transaction with the end of the one before: what is left over would clash.
        foreach (string golden in cases)
            space.NftLoad($"table inet ratewall\ndelete table inet ratewall\n{File.ReadAllText(Path.Combine(golden, "ruleset.nft"))}");
    }

    [LinuxFact]
    public void Render_NoServices_IsAcceptedByNft()
    {
        using var space = new NetworkNamespace();
        space.NftLoad(RulesetRenderer.BuiltIn.Render(SamplePolicy.Of()).Text);
        Assert.Contains("chain early", space.Nft("list", "table", "inet", "ratewall"), StringComparison.Ordinal);
    }
}
