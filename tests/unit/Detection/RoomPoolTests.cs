using FsCheck;
using FsCheck.Fluent;
using RateWall.Detection.Correlation;

namespace RateWall.UnitTests.Detection;

public sealed class RoomPoolTests
{
    [Fact]
    public void RentReturnAndClear_InAnyOrder_NeverGivesRoomThatIsInUse() => Check.One(Config.QuickThrowOnFailure.WithMaxTest(200), Prop.ForAll(
        Gen.Zip(Gen.Choose(0, 40), Gen.OneOf(Gen.Choose(1, 40), Gen.Choose(1, 20_000))).ListOf().ToArbitrary(),
        steps =>
        {
            var pool = new RoomPool<int>();
            var held = new List<(Room Room, int Mark)>();
            int mark = 0;
            foreach ((int step, int wanted) in steps)
            {
                if (step == 40)
                {
                    pool.Clear();
                    held.Clear();
                    continue;
                }

                if (step < 10 && held.Count > 0)
                {
                    int which = wanted % held.Count;
                    pool.Return(held[which].Room);
                    held.RemoveAt(which);
                    continue;
                }

                Room room = pool.Rent(wanted);
                if (room.Length < wanted || pool.Items(room).Length != room.Length) return false;
                pool.Items(room).Fill(++mark);
                held.Add((room, mark));
            }

            return held.TrueForAll(h => !pool.Items(h.Room).ContainsAnyExcept(h.Mark));
        }));

    [Fact]
    public void Rent_AfterReturn_UsesTheSameRoom()
    {
        var pool = new RoomPool<long>();
        foreach (int wanted in (int[])[1, 9, 600, 5000, 20_000])
        {
            Room first = pool.Rent(wanted);
            pool.Return(first);
            Room again = pool.Rent(wanted);
            Assert.Equal((first.Page, first.Offset), (again.Page, again.Offset));
            pool.Return(again);
        }
    }

    [Fact]
    public void Default_IsNoRoom()
    {
        Room none = default;
        Assert.False(none.Exists);
        Assert.Equal(0, none.Length);
        Assert.True(new RoomPool<int>().Items(none).IsEmpty);
    }
}
