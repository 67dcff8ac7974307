using System.Text;
using RateWall.Policy;
using RateWall.Wall;

namespace RateWall.UnitTests.Wall;

/// <summary>
/// Policy in, ruleset out, side by side in Golden/NN-topic. A difference is a change of what hosts get; when it is meant,
/// `ratewall plan --full --config policy.yaml` makes the new ruleset.nft, and the commit says why.
/// </summary>
public sealed class GoldenTests
{
    private static readonly string Folder = Path.Combine(AppContext.BaseDirectory, "Wall", "Golden");

    public static TheoryData<string> Cases() => new(Directory.GetDirectories(Folder).Select(d => Path.GetFileName(d)!).Order(StringComparer.Ordinal));

    [Theory]
    [MemberData(nameof(Cases))]
    public void Render_Policy_IsTheRulesetBesideIt(string name)
    {
        string policy = Path.Combine(Folder, name, "policy.yaml");
        EffectivePolicy read = PolicyReader.Parse([new PolicyFile(policy, File.ReadAllBytes(policy))], new LogFacts(HasJournal: true, _ => false));
        string expected = File.ReadAllText(Path.Combine(Folder, name, "ruleset.nft"), Encoding.UTF8);
        Assert.Equal(expected.Split('\n'), RulesetRenderer.BuiltIn.Render(read).Text.Split('\n'));
    }
}
