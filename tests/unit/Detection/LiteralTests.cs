using FsCheck;
using FsCheck.Fluent;
using RateWall.Detection.Logs;

namespace RateWall.UnitTests.Detection;

public sealed class LiteralTests
{
    // Few different bytes and every length: literals that nearly stand there.
    [Fact]
    public void IsAt_SaysWhatStartsWithSays() => Check.One(Config.QuickThrowOnFailure.WithMaxTest(2000), Prop.ForAll(
        (from literal in Bytes(1, 40) from text in Bytes(0, 60) from at in Gen.Choose(0, text.Length) select (literal, text, at)).ToArbitrary(),
        drawn =>
        {
            (byte[] literal, byte[] text, int at) = drawn;
            byte[] planted = [.. text[..at], .. literal, .. text[at..]];
            var tested = new Literal(literal);
            bool found = tested.IsAt(text, at) == text.AsSpan(at).StartsWith(literal) && tested.IsAt(planted, at);
            // One byte changed, wherever it is.
            for (int i = 0; i < literal.Length && found; i++)
            {
                planted[at + i] ^= 1;
                found = !tested.IsAt(planted, at);
                planted[at + i] ^= 1;
            }

            return found;
        }));

    private static Gen<byte[]> Bytes(int least, int most) =>
        from length in Gen.Choose(least, most)
        from bytes in Gen.Elements((byte)'a', (byte)'b').ArrayOf(length)
        select bytes;
}
