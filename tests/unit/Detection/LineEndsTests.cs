using FsCheck;
using FsCheck.Fluent;
using RateWall.Detection.Logs;

namespace RateWall.UnitTests.Detection;

public sealed class LineEndsTests
{
    [Fact]
    public void Find_InAnyBlock_GivesEveryNewline()
    {
        var ends = new LineEnds();
        Gen<int[]> lengths = Gen.OneOf(Gen.Choose(0, 3), Gen.Choose(0, 130), Gen.Elements(63, 64, 65, 127, 128)).ArrayOf();
        Prop.ForAll(lengths.ToArbitrary(), Gen.Choose(0, 200).ToArbitrary(), (lines, rest) => Agrees(ends, [.. lines.SelectMany(LineOf), .. new byte[rest]]))
            .Check(Config.QuickThrowOnFailure.WithMaxTest(1000));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(64)]
    [InlineData(5000)]
    public void Find_InABlockOfNothingElse_GivesEveryNewline(int length)
    {
        byte[] block = new byte[length];
        Array.Fill(block, (byte)'\n');
        Assert.True(Agrees(new(), block));
    }

    private static IEnumerable<byte> LineOf(int length) => Enumerable.Repeat((byte)'x', length).Append((byte)'\n');

    private static bool Agrees(LineEnds ends, byte[] block)
    {
        List<int> found = [];
        int looked = 0;
        for (int count; (count = ends.Find(block, ref looked)) > 0;)
        {
            if (count > LineEnds.MaxFound) return false;
            for (int i = 0; i < count; i++) found.Add(ends[i]);
        }

        return looked == block.Length && found.SequenceEqual(Enumerable.Range(0, block.Length).Where(i => block[i] == '\n'));
    }
}
