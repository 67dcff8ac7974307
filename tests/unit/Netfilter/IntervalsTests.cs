using System.Buffers.Binary;
using FsCheck;
using FsCheck.Fluent;
using RateWall.Netfilter;
using static RateWall.Netfilter.KernelHeaders;

namespace RateWall.UnitTests.Netfilter;

public sealed class IntervalsTests
{
    [Fact]
    public void Join_DisjointIntervalsInAnyOrder_GivesThemBack() =>
        Prop.ForAll(Gen.ListOf(Gen.Choose(0, 60)).ToArbitrary(), cuts =>
        {
            // Sorted cuts, taken in pairs, are disjoint intervals, neighbours among them; 60 stands for all ones.
            List<uint> bounds = [.. cuts.Distinct().Order().Select(c => c == 60 ? uint.MaxValue : (uint)c)];
            if (bounds.Count % 2 == 1) bounds.RemoveAt(bounds.Count - 1);
            var wanted = new List<(uint First, uint Last)>();
            var elements = new List<KernelElement>();
            for (int i = 0; i < bounds.Count; i += 2)
            {
                wanted.Add((bounds[i], bounds[i + 1]));
                elements.Add(new(Key(bounds[i]), [], 0, null, null, null, null));
                if (bounds[i + 1] != uint.MaxValue) elements.Add(new(Key(bounds[i + 1] + 1), [], NFT_SET_ELEM_INTERVAL_END, null, null, null, null));
            }

            elements.Add(new(Key(0), [], NFT_SET_ELEM_INTERVAL_END, null, null, null, null)); // nft's end of nothing
            elements.Reverse();

            return Intervals.Join(elements, null).Select(e => (Number(e.Key), Number(e.LastKey))).SequenceEqual(wanted);
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void KeyArithmetic_SuccessorAndPredecessor_AreInverse() =>
        Prop.ForAll<uint>(number =>
        {
            byte[] next = new byte[4];
            KeyArithmetic.Successor(Key(number), next);
            return Number(next) == unchecked(number + 1) && Number(KeyArithmetic.Predecessor(next)) == number
                && KeyArithmetic.IsAllOnes(Key(number)) == (number == uint.MaxValue);
        }).QuickCheckThrowOnFailure();

    private static byte[] Key(uint number)
    {
        byte[] key = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(key, number);
        return key;
    }

    private static uint Number(ReadOnlyMemory<byte> key) => BinaryPrimitives.ReadUInt32BigEndian(key.Span);
}
