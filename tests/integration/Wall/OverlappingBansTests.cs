using FsCheck;
using FsCheck.Fluent;
using RateWall.Detection;
using RateWall.IntegrationTests.Machine;
using RateWall.Policy;
using RateWall.Wall;

namespace RateWall.IntegrationTests.Wall;

/// <summary>
/// Histories of bans, in any order, with any nesting and deadlines, put into the real kernel and compared with a model that
/// knows nothing of intervals: who is banned, until when at least, and that what stands is disjoint.
/// </summary>
public sealed class OverlappingBansTests
{
    // Enough histories that each kind of nesting comes in each order; the seed makes every run the same.
    private const int Histories = 150;
    private static readonly DateTimeOffset Start = DateTimeOffset.UtcNow;

    private static readonly Gen<BanElement> Bans =
        from ipv4 in Gen.Elements(true, false)
        from host in Gen.Choose(0, 15)
        from length in Gen.Choose(0, 4)
        from minutes in Gen.Choose(60, 6000)
        select new BanElement(Network(ipv4, host, length), Start.AddMinutes(minutes));

    [LinuxFact]
    public void Put_AnyHistory_StandsAsTheModelSays()
    {
        using var space = new NetworkNamespace();
        EffectivePolicy policy = SamplePolicy.Of(SamplePolicy.Service("ssh", LimitMode.Bucket, 1000, 60, 22));
        space.NftLoad(RulesetRenderer.BuiltIn.Render(policy).Text);
        space.Run(() =>
        {
            using KernelBans bans = KernelBans.Open(TimeProvider.System);
            Prop.ForAll(Arb.From(Gen.ArrayOf(Gen.ArrayOf(Bans))), batches => Holds(bans, batches))
                .Check(Config.QuickThrowOnFailure.WithMaxTest(Histories).WithEndSize(12).WithReplay(20_260_101, 7));
        });
    }

    private static void Holds(KernelBans bans, BanElement[][] batches)
    {
        Clear(bans);
        var model = new List<BanElement>();
        foreach (BanElement[] batch in batches)
        {
            IReadOnlyList<BanElement?> stands = bans.Put(batch);
            Assert.All(stands, Assert.NotNull);
            foreach (BanElement ban in batch) Add(model, ban);
        }

        foreach (string set in (string[])["bannet4", "bannet6"])
        {
            bool ipv4 = set == "bannet4";
            Assert.Equal(
                model.Where(b => b.Target.IsIPv4 == ipv4 && !IsKey(b.Target)).Select(b => b.Target.ToString()).Order(StringComparer.Ordinal),
                bans.Networks(set).Select(n => n.ToString()).Order(StringComparer.Ordinal));
        }

        foreach (BanElement expected in model)
        {
            DateTimeOffset? until = bans.Find(expected.Target)?.Until;
            Assert.True(until is { } u && (u - expected.Until!.Value).Duration() < TimeSpan.FromSeconds(10), $"{expected.Target}: {until}, expected {expected.Until}");
        }
    }

    // The model, in the words of the design: single keys stand for themselves; a wider network takes in the inner ones and
    // the latest deadline; a narrower one inside a wider can only extend it.
    private static void Add(List<BanElement> model, BanElement ban)
    {
        if (IsKey(ban.Target))
        {
            Replace(model, model.Where(b => b.Target == ban.Target), ban);
            return;
        }

        BanElement? wider = model.Find(b => !IsKey(b.Target) && b.Target.Contains(ban.Target));
        if (wider is not null) Replace(model, [wider], ban with { Target = wider.Target });
        else Replace(model, model.Where(b => !IsKey(b.Target) && ban.Target.Contains(b.Target)), ban);
    }

    private static void Replace(List<BanElement> model, IEnumerable<BanElement> old, BanElement ban)
    {
        BanElement[] gone = [.. old];
        DateTimeOffset? latest = gone.Append(ban).Max(b => b.Until);
        model.RemoveAll(gone.Contains);
        model.Add(ban with { Until = latest });
    }

    private static bool IsKey(AddressPrefix target) => target.IsSingle || (!target.IsIPv4 && target.Length == 64);

    // Sixteen neighbours at the end of one network each: /28 to /32, and /60 to /64.
    private static AddressPrefix Network(bool ipv4, int host, int length) => ipv4
        ? AddressPrefix.Of(SourceAddress.FromIPv4(0xC6336400u | (uint)host), 28 + length)
        : AddressPrefix.Of(AddressPrefix.Parse($"2001:db8:0:{host:x}::").Address, 60 + length);

    private static void Clear(KernelBans bans)
    {
        var every = new List<AddressPrefix>();
        foreach (bool ipv4 in (bool[])[true, false])
            for (int host = 0; host < 16; host++)
                every.Add(Network(ipv4, host, 4));
        bans.Remove([.. every, .. bans.Networks("bannet4"), .. bans.Networks("bannet6")]);
    }
}
