using System.Text;
using FsCheck;
using FsCheck.Fluent;
using RateWall.Detection.Logs;

namespace RateWall.UnitTests.Detection;

public sealed class FailureWordsTests
{
    private static readonly string[] Words = ["ailed", "ailure", "nvalid", "enied", "efused", "ejected", "ncorrect", "nknown user"];

    [Fact]
    public void Words_InAnyMessage_AreFoundAsTheyAreOneByOne()
    {
        Gen<string> pieces = Gen.OneOf(
            Gen.Elements(Words), Gen.Elements(Words).Select(w => w[..^1]), Gen.Elements("ail", "nva", "nco", "unknown[", "eni", "efu", "eje", "mail", "F", "d", " "),
            Gen.Choose(0, 70).Select(n => new string('x', n)));
        Prop.ForAll(pieces.ListOf().Select(p => string.Concat(p.Take(6))).ToArbitrary(), Agrees).Check(Config.QuickThrowOnFailure.WithMaxTest(20_000));
    }

    [Fact]
    public void Word_AtAnyPlace_IsFound()
    {
        foreach (string word in Words)
        {
            for (int before = 0; before < 80; before++)
                for (int behind = 0; behind < 40; behind += 3)
                    Assert.True(Agrees(new string('x', before) + word + new string('y', behind)));
        }
    }

    private static bool Agrees(string text) =>
        FailureWords.AreIn(Encoding.UTF8.GetBytes(text)) == Array.Exists(Words, w => text.IndexOf(w, StringComparison.Ordinal) > 0);
}
