using RateWall.Commands;
using RateWall.Detection;
using RateWall.IntegrationTests.Machine;
using RateWall.Policy;
using RateWall.Storage;
using RateWall.Wall;

namespace RateWall.IntegrationTests.Wall;

/// <summary>A program that stood still right after it had looked at the clock takes nothing for lost that stands.</summary>
public sealed class StandstillTests
{
    private static readonly EffectivePolicy Policy = SamplePolicy.Of(SamplePolicy.Service("ssh", LimitMode.Bucket, 1000, 60, 22, 2222));

    [LinuxTheory]
    [InlineData("192.0.2.7", false)]
    [InlineData("192.0.2.7", true)]
    [InlineData("2001:db8:1:2::/64", true)]
    [InlineData("192.0.2.0/24", false)]
    [InlineData("2001:db8::/48", false)]
    public void Missing_BanThatStands_IsNot(string target, bool atOneService)
    {
        using var space = new NetworkNamespace();
        space.NftLoad(RulesetRenderer.BuiltIn.Render(Policy).Text);
        space.Run(() =>
        {
            using KernelBans bans = KernelBans.Open(new HaltingClock());
            var ban = new BanElement(AddressPrefix.Parse(target), DateTimeOffset.UtcNow.AddHours(1)) { Ports = atOneService ? [22, 2222] : null };
            using (KernelBans steady = KernelBans.Open(TimeProvider.System)) Assert.NotNull(Assert.Single(steady.Put([ban])));
            Assert.Empty(bans.Missing([ban]));
            Assert.Equal(ban.Target, Assert.Single(bans.Missing([ban with { Until = ban.Until!.Value.AddHours(1) }])).Target);
        });
    }

    [LinuxFact]
    public void Sieges_ThatStand_EndNoSooner()
    {
        using var space = new NetworkNamespace();
        space.NftLoad(RulesetRenderer.BuiltIn.Render(Policy).Text);
        space.Run(() =>
        {
            DateTimeOffset until = DateTimeOffset.UtcNow.AddHours(1);
            using (KernelPorts steady = KernelPorts.Open(TimeProvider.System)) steady.Siege([22], until);
            using KernelPorts ports = KernelPorts.Open(new HaltingClock());
            // The kernel counts in ticks.
            Assert.InRange(ports.Sieges()[22], until.AddMilliseconds(-50), DateTimeOffset.MaxValue);
        });
    }

    [LinuxFact]
    public void Lockdown_GivenToTheKernelLate_StandsAsSaid()
    {
        using var space = new NetworkNamespace();
        using var directory = new TemporaryDirectory();
        space.NftLoad(RulesetRenderer.BuiltIn.Render(Policy).Text);
        space.Run(() =>
        {
            var clock = new HaltingClock();
            using StateDatabase state = StateDatabase.Open(directory.Root, clock, TextWriter.Null);
            using KernelPorts ports = KernelPorts.Open(clock);
            var measures = new PortMeasures(state, ports, Policy, clock);
            measures.Lock([Policy.Services[0]], new Lockdown(DateTimeOffset.UtcNow.AddHours(1), Trusted: false, []));
            Assert.Empty(measures.Missing());
        });
    }

    /// <summary>Whoever asks it goes on a while later.</summary>
    private sealed class HaltingClock : TimeProvider
    {
        public override DateTimeOffset GetUtcNow()
        {
            DateTimeOffset now = base.GetUtcNow();
            Thread.Sleep(TimeSpan.FromMilliseconds(300));
            return now;
        }
    }
}
