using System.Diagnostics;
using RateWall.Detection;
using RateWall.IntegrationTests.Machine;
using RateWall.Netfilter;
using RateWall.Policy;
using RateWall.Wall;

namespace RateWall.IntegrationTests.Wall;

/// <summary>
/// Another program commits to a table of its own all the time, so that the ruleset's generation moves between reading and
/// writing: the kernel then refuses a batch (ERESTART), and it is made again, neither half nor twice.
/// </summary>
public sealed class OtherWriterTests : IDisposable
{
    private const int LeastRounds = 6;
    private const int LeastRetries = 3;
    private const int Keys = 300; // with a renewal of three changes each, more than a batch holds
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(4);

    private readonly NetworkNamespace network = new();
    private readonly TemporaryDirectory state = new();

    public void Dispose()
    {
        network.Dispose();
        state.Dispose();
    }

    [LinuxFact]
    public void Changes_WhileAnotherProgramCommits_AreWholeAndRetried()
    {
        var clock = new CountingClock();
        using Process writer = network.Start(
            "bash", ["-c", "yes 'add table ip other; add chain ip other c; delete table ip other' | nft -i >/dev/null 2>&1"], new Dictionary<string, string?>(StringComparer.Ordinal));
        try
        {
            network.Run(() => Change(clock));
            Assert.False(writer.HasExited);
        }
        finally
        {
            writer.Kill(entireProcessTree: true);
        }

        Assert.True(clock.Waits >= LeastRetries, $"only {clock.Waits} batches met another generation");
    }

    private void Change(CountingClock clock)
    {
        using KernelWall wall = KernelWall.Open(state.Root, clock);
        EffectivePolicy[] policies =
        [
            SamplePolicy.Of(SamplePolicy.Service("ssh", LimitMode.Window, 2, 60, 22)), SamplePolicy.Of(SamplePolicy.Service("imap", LimitMode.Bucket, 20, 60, 143)),
        ];
        var model = new Dictionary<string, DateTimeOffset>(StringComparer.Ordinal);
        long started = Stopwatch.GetTimestamp();
        for (int round = 0; round < LeastRounds || (clock.Waits < LeastRetries && Stopwatch.GetElapsedTime(started) < Patience); round++)
        {
            EffectivePolicy policy = policies[round % policies.Length];
            Ruleset ruleset = RulesetRenderer.BuiltIn.Render(policy);
            wall.Apply(policy, ruleset, SourceKeys.Default);
            Assert.Empty(wall.Compare(policy, ruleset).Lines);
            AssertStands(model);
            Ban(wall.Bans, model, round);
            AssertStands(model);
        }
    }

    // New ones, later and earlier deadlines for old ones, networks that take others in, and some taken back.
    private static void Ban(KernelBans bans, Dictionary<string, DateTimeOffset> model, int round)
    {
        DateTimeOffset now = DateTimeOffset.UtcNow;
        string[] keys = [.. Enumerable.Range(0, Keys).Select(i => AddressPrefix.Parse($"2001:db8:{(round / 3) + 1:x}:{i:x}::/64").ToString())];
        DateTimeOffset until = now.AddHours(1 + ((round * 2) % 3));
        Put([.. keys], until);
        string[] gone = [.. keys.Where((_, i) => i % 15 == round % 15)];
        Assert.Equal(gone.Length, bans.Remove([.. gone.Select(AddressPrefix.Parse)]));
        foreach (string key in gone) model.Remove(key);

        foreach (string inner in model.Keys.Where(k => k.Contains('.', StringComparison.Ordinal)).ToArray()) model.Remove(inner);
        // The widest of an earlier round would hold all of these.
        bans.Remove([AddressPrefix.Parse("203.0.113.0/24")]);
        Put(["203.0.113.16/28", "203.0.113.64/28"], until);
        Put(["203.0.113.0/25"], until);
        model.Remove("203.0.113.16/28");
        model.Remove("203.0.113.64/28");
        Put(["203.0.113.0/24"], until);
        model.Remove("203.0.113.0/25");

        void Put(string[] targets, DateTimeOffset deadline)
        {
            Assert.All(bans.Put([.. targets.Select(t => new BanElement(AddressPrefix.Parse(t), deadline))], shorten: true), Assert.NotNull);
            foreach (string target in targets) model[target] = deadline;
        }
    }

    private static void AssertStands(Dictionary<string, DateTimeOffset> model)
    {
        using NftablesClient kernel = NftablesClient.Open();
        DateTimeOffset now = DateTimeOffset.UtcNow;
        Dictionary<string, SetElement> standing = ((string[])["ban4", "bannet4", "bannet6"]).SelectMany(s => kernel.ListElements(WallTable.Name, s)).ToDictionary(e => KernelBans.PrefixOf(e).ToString(), StringComparer.Ordinal);
        foreach (SetElement element in kernel.ListElements(WallTable.Name, "ban6"))
            standing.Add(AddressPrefix.Of(SourceAddress.FromNetworkOrder(element.Key.Span), 64).ToString(), element);
        Assert.Equal(model.Keys.Order(StringComparer.Ordinal), standing.Keys.Order(StringComparer.Ordinal));
        foreach ((string target, DateTimeOffset until) in model) Assert.InRange((now + standing[target].Expires!.Value - until).TotalSeconds, -60, 60);
    }

    /// <summary>Counts the waits between a try and the next.</summary>
    private sealed class CountingClock : TimeProvider
    {
        private int waits;

        public int Waits => Volatile.Read(ref waits);

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            Interlocked.Increment(ref waits);
            return base.CreateTimer(callback, state, dueTime, period);
        }
    }
}
