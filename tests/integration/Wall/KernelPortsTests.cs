using RateWall.Detection;
using RateWall.IntegrationTests.Machine;
using RateWall.Policy;
using RateWall.Wall;

namespace RateWall.IntegrationTests.Wall;

public sealed class KernelPortsTests
{
    private static readonly int[] Imap = [143, 993];
    private static readonly EffectivePolicy Policy = SamplePolicy.Of(
        SamplePolicy.Service("imap", LimitMode.Bucket, 60, 60, Imap), SamplePolicy.Service("ssh", LimitMode.Window, 6, 60, 22));

    [LinuxFact]
    public void Siege_Again_MovesTheDeadlineOutwardsAndOnlyInwardsWhenAsked() => InTheWall((ports, nft) =>
    {
        DateTimeOffset now = DateTimeOffset.UtcNow;
        void Expect(int seconds) => Assert.All(Imap, port => Assert.InRange((ports.Sieges()[port] - now).TotalSeconds, seconds - 10, seconds + 10));

        ports.Siege(Imap, now.AddSeconds(600));
        Expect(600);
        ports.Siege(Imap, now.AddSeconds(900));
        Expect(900);
        string before = nft("siege");
        ports.Siege(Imap, now.AddSeconds(300));
        ports.Siege(Imap, now.AddSeconds(900));
        ports.Siege(Imap, now.AddSeconds(-1), shorten: true);
        Expect(900);
        Assert.Equal(Timeouts(before), Timeouts(nft("siege")));
        ports.Siege(Imap, now.AddSeconds(300), shorten: true);
        Expect(300);
        Assert.Equal(2, ports.EndSiege([22, .. Imap]));
        Assert.Equal(0, ports.EndSiege(Imap));
        Assert.Empty(ports.Sieges());
    });

    [LinuxFact]
    public void Lock_Again_SaysAllOfItAnew() => InTheWall((ports, nft) =>
    {
        DateTimeOffset now = DateTimeOffset.UtcNow;
        ports.Lock([22], Down(now.AddHours(1), trusted: false, "203.0.113.0/24"));
        ports.Lock(Imap, Down(now.AddHours(2), trusted: true, "192.0.2.0/24", "192.0.2.7", "198.51.100.0/24", "2001:db8::/32"));
        // Nested networks are one, as the kernel wants it.
        Expect("192.0.2.0/24 198.51.100.0/24 2001:db8::/32", hours: 2, trusted: true);
        ports.Lock(Imap, Down(now.AddHours(1), trusted: false, "198.51.100.0/25", "192.0.2.0/24", "2001:db8:1::/48"));
        Expect("192.0.2.0/24 198.51.100.0/25 2001:db8:1::/48", hours: 1, trusted: false);
        // The exceptions outlive the lockdown, and those of another port are not touched.
        Assert.Matches(@"143 \. 192\.0\.2\.0/24 timeout 1h1m expires 1h\d", nft("lockdown_except4"));
        Assert.Equal("203.0.113.0/24", Networks(ports.Lockdowns()[22]));
        Assert.Equal(2, ports.EndLockdown(Imap));
        Assert.Equal(0, ports.EndLockdown(Imap));
        Assert.Equal(22, Assert.Single(ports.Lockdowns()).Key);
        Assert.DoesNotContain("143", nft("lockdown_except4"), StringComparison.Ordinal);
        Assert.DoesNotContain("143", nft("lockdown_except6"), StringComparison.Ordinal);
        Assert.DoesNotContain("143", nft("lockdown_trusted"), StringComparison.Ordinal);

        void Expect(string networks, int hours, bool trusted)
        {
            foreach (int port in Imap)
            {
                Lockdown stands = ports.Lockdowns()[port];
                Assert.Equal((networks, trusted), (Networks(stands), stands.Trusted));
                Assert.InRange((stands.Until - now).TotalHours, hours - 0.01, hours + 0.01);
            }
        }
    });

    private static Lockdown Down(DateTimeOffset until, bool trusted, params string[] except) => new(until, trusted, [.. except.Select(AddressPrefix.Parse)]);

    private static string Networks(Lockdown lockdown) => string.Join(' ', lockdown.Except);

    // What counts down by itself is left out.
    private static string Timeouts(string listing) =>
        System.Text.RegularExpressions.Regex.Replace(listing, "expires [0-9a-z]+", "", System.Text.RegularExpressions.RegexOptions.None, TimeSpan.FromSeconds(1));

    private static void InTheWall(Action<KernelPorts, Func<string, string>> test)
    {
        using var space = new NetworkNamespace();
        space.NftLoad(RulesetRenderer.BuiltIn.Render(Policy).Text);
        space.Run(() =>
        {
            using KernelPorts ports = KernelPorts.Open(TimeProvider.System);
            test(ports, set => space.Nft("list", "set", "inet", "ratewall", set));
        });
    }
}
