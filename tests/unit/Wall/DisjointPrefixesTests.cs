using System.Globalization;
using RateWall.Detection;
using RateWall.Wall;

namespace RateWall.UnitTests.Wall;

public sealed class DisjointPrefixesTests
{
    private static readonly DateTimeOffset Start = new(2026, 11, 21, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void OutermostOnly_AnyNetworks_LeavesThoseThatLieInNoOther()
    {
        var random = new Random(7);
        for (int round = 0; round < 200; round++)
        {
            AddressPrefix[] networks =
            [
                .. Enumerable.Range(0, 30).Select(_ => random.Next(2) == 0
                    ? AddressPrefix.Of(AddressPrefix.Parse($"192.0.2.{random.Next(256)}").Address, random.Next(20, 33))
                    : AddressPrefix.Of(AddressPrefix.Parse($"2001:db8::{random.Next(256):x}").Address, random.Next(112, 129))),
            ];
            IEnumerable<AddressPrefix> expected = networks.Distinct().Where(p => !networks.Any(q => q != p && q.Contains(p)));
            Assert.Equal(expected.Order(), KernelBans.OutermostOnly(networks).Order());
        }
    }

    [Theory]
    // what stands | what is added | what stands then
    [InlineData("", "192.0.2.0/24@5", "192.0.2.0/24@5")]
    [InlineData("192.0.2.0/24@5", "198.51.100.0/24@2", "192.0.2.0/24@5 198.51.100.0/24@2")]
    [InlineData("192.0.2.0/25@9 192.0.2.128/26@3", "192.0.2.0/24@5", "192.0.2.0/24@9")]
    [InlineData("192.0.2.0/24@5", "192.0.2.0/25@9", "192.0.2.0/24@9")]
    [InlineData("192.0.2.0/24@5", "192.0.2.0/25@2", "192.0.2.0/24@5")]
    [InlineData("192.0.2.0/24@5", "192.0.2.0/24@2", "192.0.2.0/24@5")]
    [InlineData("192.0.2.0/24@never", "192.0.2.0/25@2", "192.0.2.0/24@never")]
    [InlineData("192.0.2.0/25@never", "192.0.2.0/24@2", "192.0.2.0/24@never")]
    [InlineData("2001:db8::/48@1", "2001:db8::/32@2 2001:db8:1::/48@3", "2001:db8::/32@3")]
    public void Add_Nesting_EndsDisjointWithTheLatestDeadline(string standing, string additions, string expected)
    {
        Dictionary<AddressPrefix, DateTimeOffset?> result =
            DisjointPrefixes.Add(Read(standing).ToDictionary(b => b.Target, b => b.Until), Read(additions), exact: false, out _);
        Assert.Equal(expected, string.Join(' ', result.OrderBy(e => e.Key).Select(e => $"{e.Key}@{Minutes(e.Value)}")));
    }

    [Fact]
    public void Add_ExactSameNetwork_ShortensWhenAsked()
    {
        BanElement[] standing = Read("192.0.2.0/24@9");
        Dictionary<AddressPrefix, DateTimeOffset?> result = DisjointPrefixes.Add(
            standing.ToDictionary(b => b.Target, b => b.Until), Read("192.0.2.0/24@2"), exact: true, out BanElement[] outcome);
        Assert.Equal(Start.AddMinutes(2), Assert.Single(result).Value);
        Assert.Equal(Start.AddMinutes(2), Assert.Single(outcome).Until);
    }

    [Fact]
    public void Add_RandomHistories_CoverEveryAddressAtLeastAsLongAsAsked()
    {
        var random = new Random(20261121);
        for (int round = 0; round < 300; round++)
        {
            var standing = new Dictionary<AddressPrefix, DateTimeOffset?>();
            var asked = new List<BanElement>();
            for (int step = 0; step < 12; step++)
            {
                var ban = new BanElement(
                    AddressPrefix.Of(SourceAddress.FromIPv4(0xC0000200u | (uint)random.Next(256)), random.Next(24, 31)),
                    Start.AddMinutes(random.Next(1, 100)));
                asked.Add(ban);
                standing = DisjointPrefixes.Add(standing, [ban], exact: false, out _);
                AddressPrefix[] keys = [.. standing.Keys];
                Assert.DoesNotContain(keys, k => keys.Any(other => other != k && other.Overlaps(k)));
            }

            // The naive model: an address is banned until the latest deadline of any ban asked for it.
            for (uint host = 0; host < 256; host++)
            {
                SourceAddress address = SourceAddress.FromIPv4(0xC0000200u | host);
                DateTimeOffset? naive = asked.Where(b => b.Target.Contains(address)).Max(b => b.Until);
                DateTimeOffset? actual = standing.Where(e => e.Key.Contains(address)).Select(e => e.Value).SingleOrDefault();
                Assert.True(naive is null ? actual is null : actual >= naive, $"round {round}, {address}: {actual} < {naive}");
            }
        }
    }

    private static BanElement[] Read(string text) =>
    [
        .. text.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(t => t.Split('@')).Select(t => new BanElement(
            AddressPrefix.Parse(t[0]),
            t[1] == "never" ? null : Start.AddMinutes(int.Parse(t[1], CultureInfo.InvariantCulture)))),
    ];

    private static string Minutes(DateTimeOffset? until) =>
        until is { } time ? (time - Start).TotalMinutes.ToString(CultureInfo.InvariantCulture) : "never";
}
