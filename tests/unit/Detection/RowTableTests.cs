using FsCheck;
using FsCheck.Fluent;
using RateWall.Detection.Correlation;

namespace RateWall.UnitTests.Detection;

public sealed class RowTableTests
{
    // Hashes that meet in one place, that differ in their highest bits only, and any.
    private static readonly Gen<int> Hashes = Gen.OneOf(
        Gen.Choose(0, 3), Gen.Choose(0, 7).Select(h => h << 29), Gen.Choose(1020, 1030), Gen.Choose(int.MinValue, int.MaxValue));

    [Fact]
    public void Next_OfAnyRows_FindsEachByItsHashAndNoOther() => Check.One(Config.QuickThrowOnFailure.WithMaxTest(100), Prop.ForAll(
        Hashes.ListOf(40).ToArbitrary(),
        hashes =>
        {
            var table = new RowTable<Row>();
            // Many times over, so that the table widens again and again.
            for (int key = 0; key < 4000; key++)
            {
                int hash = hashes[key % hashes.Count] ^ ((key / hashes.Count) << 5);
                if (Find(table, key, hash, out int end) >= 0) return false;
                int row = table.Add(hash, end);
                if (row != key || table[row].Key != 0 || table[row].Own != 0) return false;
                table[row] = new() { Key = key, Own = hash };
            }

            for (int row = 0; row < table.Count; row++)
                if (Find(table, table[row].Key, table[row].Own, out _) != row) return false;
            table.Clear();
            return table.Count == 0 && Find(table, 0, hashes[0], out _) < 0;
        }));

    private static int Find(RowTable<Row> table, int key, int hash, out int at)
    {
        at = hash;
        for (int row; (row = table.Next(hash, ref at)) >= 0;)
            if (table[row].Key == key) return row;
        return -1;
    }

    private struct Row : IHashedRow
    {
        public int Key;

        public int Own;

        public readonly int Hash(ulong seed) => Own;
    }
}
