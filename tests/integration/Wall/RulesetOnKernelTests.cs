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
    public void Render_NoServices_IsAcceptedByNft()
    {
        using var space = new NetworkNamespace();
        space.NftLoad(RulesetRenderer.BuiltIn.Render(SamplePolicy.Of()).Text);
        Assert.Contains("chain early", space.Nft("list", "table", "inet", "ratewall"), StringComparison.Ordinal);
    }
}
