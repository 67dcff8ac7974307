using System.Text;
using FsCheck;
using FsCheck.Fluent;
using RateWall.Policy;

namespace RateWall.UnitTests.Policy;

public sealed class PolicyFuzzTests
{
    private static readonly LogFacts Facts = new(HasJournal: true, _ => false);

    // What YAML and the policy give a meaning to, so that random text gets past the first character.
    private static readonly string[] Pieces =
    [
        "services", "ssh", "limit", "ports", "bans", "first", "allow", "failures", "10m", "22", "off", "x", "null", "~",
        ": ", ":", "\n", "\n  ", "\n    ", " ", "- ", "[", "]", "{", "}", ",", "'", "\"", "|", ">", "|2-\n", "&a ", "*a ", "!!str ", "!<",
        "%YAML 1.2\n", "%YAML 99999999999.1\n", "%TAG ! x\n", "%", "---\n", "...\n", "? ", "#", "\t", "\\", "\\U", "\\xff", "\"\\UFFFFFFFF\"",
        "\"\\uD800\"", "\r\n", "\u00e9", "\ud83d\ude00", "<<: ", "@", "`", "2001:db8::/32", "0.0.0.0/0", "-1", "\u2028", "\u0085",
    ];

    [Fact]
    public void Policy_RandomPieces_GivesPolicyOrProblems()
    {
        Gen<string> texts = Gen.Elements(Pieces).ArrayOf().Select(string.Concat);
        Prop.ForAll(texts.ToArbitrary(), text => Survives(Encoding.UTF8.GetBytes(text)))
            .Check(Config.QuickThrowOnFailure.WithMaxTest(5_000).WithEndSize(60));
    }

    [Fact]
    public void Policy_RandomBytes_GivesPolicyOrProblems()
    {
        Prop.ForAll(ArbMap.Default.ArbFor<byte[]>(), Survives).Check(Config.QuickThrowOnFailure.WithMaxTest(2_000).WithEndSize(200));
    }

    [Fact]
    public void Policy_DefaultWithOneByteChanged_GivesPolicyOrProblems()
    {
        byte[] text = Encoding.UTF8.GetBytes(PolicyReader.BuiltInText());
        Gen<(int At, byte Value)> changes =
            from at in Gen.Choose(0, text.Length - 1)
            from value in Gen.Choose(0, 255)
            select (at, (byte)value);
        Prop.ForAll(changes.ToArbitrary(), change =>
        {
            byte[] changed = [.. text];
            changed[change.At] = change.Value;
            return Survives(changed);
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(500));
    }

    // Anything else that is thrown fails the property.
    private static bool Survives(byte[] bytes)
    {
        try
        {
            EffectivePolicy policy = PolicyReader.Parse([new PolicyFile("p.yaml", bytes)], Facts);
            return policy.Services.Count >= 7;
        }
        catch (PolicyException wrong)
        {
            return wrong.Problems.Count > 0 && wrong.Problems.All(p => !p.Any(char.IsControl));
        }
    }
}
