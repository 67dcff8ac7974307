using System.Text;
using FsCheck;
using FsCheck.Fluent;
using RateWall.Detection.Logs;

namespace RateWall.UnitTests.Detection;

public sealed class RecentProgramsTests
{
    private static readonly string[] Known =
        [.. RuleSet.BuiltIn.Files.SelectMany(f => f.Programs).Where(p => !p.Contains('*', StringComparison.Ordinal)).Distinct(StringComparer.Ordinal)];

    [Fact]
    public void Find_EachKnownProgramTwice_GivesItsRules()
    {
        var recent = new RecentPrograms(RuleSet.BuiltIn);
        foreach (string program in Known.Concat(Known))
        {
            Assert.NotEmpty(Find(recent, program));
            Assert.Same(RuleSet.BuiltIn.Find(Encoding.UTF8.GetBytes(program)), Find(recent, program));
        }
    }

    [Theory]
    [InlineData("sshd", "sshd\0")]
    [InlineData("sshd", "sshdx")]
    [InlineData("dovecot", "dovecot\0")]
    [InlineData("postfix/smtpd", "postfix/smtpd\0")]
    public void Find_NamesThatDifferBehindTheirEnd_AreTold(string known, string other)
    {
        var recent = new RecentPrograms(RuleSet.BuiltIn);
        Assert.NotEmpty(Find(recent, known));
        Assert.Empty(Find(recent, other));
        Assert.NotEmpty(Find(recent, known));
    }

    [Fact]
    public void Find_AnyNamesInAnyOrder_GivesWhatTheTableGives() => Check.One(Config.QuickThrowOnFailure.WithMaxTest(300), Prop.ForAll(
        Gen.OneOf(Gen.Elements(Known), Near()).ListOf().ToArbitrary(),
        names =>
        {
            var recent = new RecentPrograms(RuleSet.BuiltIn);
            return names.Where(n => n.Length > 0)
                .All(name => Find(recent, name).Select(r => (r.File.Name, r.Part)).SequenceEqual(
                    RuleSet.BuiltIn.Find(Encoding.Latin1.GetBytes(name)).Select(r => (r.File.Name, r.Part))));
        }));

    // A known name cut, or with something behind it: nothing else comes so close to a mistake.
    private static Gen<string> Near() =>
        from known in Gen.Elements(Known)
        from kept in Gen.Choose(1, known.Length)
        from behind in Gen.Elements("", "\0", "x", "-smtpd", "/smtpd", "a-long-name-of-more-than-sixteen")
        select known[..kept] + behind;

    private static ProgramRules[] Find(RecentPrograms recent, string program)
    {
        byte[] name = Encoding.Latin1.GetBytes(program);
        byte[] text = [.. name, .. "[123]: what stands behind it"u8];
        return recent[recent.Find(ref text[0], name.Length)];
    }
}
