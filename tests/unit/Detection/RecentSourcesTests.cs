using FsCheck;
using FsCheck.Fluent;
using RateWall.Detection;
using RateWall.Detection.Correlation;

namespace RateWall.UnitTests.Detection;

public sealed class RecentSourcesTests
{
    private static readonly Gen<(bool Drops, int Which, int Stamp)> Steps =
        from drops in Gen.Frequency((12, Gen.Constant(false)), (1, Gen.Constant(true)))
        from which in Gen.Choose(0, 9)
        from stamp in Gen.Choose(0, 20)
        select (drops, which, stamp);

    [Fact]
    public void Add_InAnyOrder_KeepsTheNewestAsAListWould() => Check.One(Config.QuickThrowOnFailure.WithMaxTest(500), Prop.ForAll(
        Gen.Choose(1, 6).ToArbitrary(),
        Steps.ListOf().ToArbitrary(),
        (most, steps) =>
        {
            var recent = new RecentSources(most);
            List<Member> naive = [];
            foreach ((bool drops, int which, int stamp) in steps)
            {
                if (drops)
                {
                    recent.DropUpTo(stamp);
                    naive.RemoveAll(m => m.UnixMilliseconds <= stamp);
                }
                else
                {
                    // Few hashes, so that sources meet in a bucket.
                    recent.Add(SourceAddress.FromIPv4((uint)which), which % 3, stamp);
                    AddTo(naive, most, new(SourceAddress.FromIPv4((uint)which), stamp));
                }

                if (!naive.SequenceEqual(recent.All) || recent.Count != naive.Count) return false;
                if (naive.Count > 0 && recent.Newest != naive[^1].UnixMilliseconds) return false;
            }

            return true;
        }));

    private static void AddTo(List<Member> held, int most, Member seen)
    {
        if (held.Exists(m => m.Address == seen.Address && m.UnixMilliseconds >= seen.UnixMilliseconds)) return;
        held.RemoveAll(m => m.Address == seen.Address);
        if (held.Count == most && seen.UnixMilliseconds < held[0].UnixMilliseconds) return;
        if (held.Count == most) held.RemoveAt(0);
        held.Insert(held.Count(m => m.UnixMilliseconds <= seen.UnixMilliseconds), seen);
    }
}
