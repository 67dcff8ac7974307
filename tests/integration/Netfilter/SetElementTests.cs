using System.Buffers.Binary;
using RateWall.IntegrationTests.Machine;
using RateWall.Netfilter;
using static RateWall.IntegrationTests.Netfilter.KernelTable;

namespace RateWall.IntegrationTests.Netfilter;

public sealed class SetElementTests
{
    private static readonly TimeSpan Hour = TimeSpan.FromHours(1);

    [LinuxFact]
    public void Add_SingleAddresses_NftListsThem()
    {
        using var table = new KernelTable("set s4 { type ipv4_addr; }\nset s6 { type ipv6_addr; }");

        table.Commit(Add("s4", Element("192.0.2.1")), Add("s4", Element("203.0.113.255")), Add("s6", Element("2001:db8::1")));

        Assert.Contains("elements = { 192.0.2.1, 203.0.113.255 }", table.Listed("s4"), StringComparison.Ordinal);
        Assert.Contains("elements = { 2001:db8::1 }", table.Listed("s6"), StringComparison.Ordinal);
        Assert.NotNull(table.Get("s4", "192.0.2.1"));
        Assert.Null(table.Get("s4", "192.0.2.2"));
        Assert.NotNull(table.Get("s6", "2001:db8::1"));
    }

    [LinuxFact]
    public void Add_TimeoutAndExpires_WhatRemainsIsExpires()
    {
        using var table = new KernelTable("set s { type ipv4_addr; flags timeout; }");

        table.Commit(Add("s", Element("192.0.2.1", timeout: Hour, expires: TimeSpan.FromMinutes(10))));

        SetElement element = table.Get("s", "192.0.2.1")!;
        Assert.Equal(Hour, element.Timeout);
        Assert.InRange(element.Expires!.Value, TimeSpan.FromMinutes(9), TimeSpan.FromMinutes(10));
        Assert.Matches(@"192\.0\.2\.1 timeout 1h expires (10m|9m5\d)", table.Listed("s"));
    }

    [LinuxFact]
    public void Add_TimeoutOnly_AllOfItRemains()
    {
        using var table = new KernelTable("set s { type ipv4_addr; flags timeout; timeout 2h; }");

        table.Commit(Add("s", Element("192.0.2.1")), Add("s", Element("192.0.2.2", timeout: Hour)));

        SetElement ofTheSet = table.Get("s", "192.0.2.1")!;
        Assert.Equal(2 * Hour, ofTheSet.Timeout);
        Assert.InRange(ofTheSet.Expires!.Value, 1.9 * Hour, 2 * Hour);
        SetElement own = table.Get("s", "192.0.2.2")!;
        Assert.Equal(Hour, own.Timeout);
        Assert.InRange(own.Expires!.Value, 0.9 * Hour, Hour);
    }

    [LinuxFact]
    public void Add_TimesShorterThanAJiffy_StayShort()
    {
        using var table = new KernelTable("set s { type ipv4_addr; flags timeout; }");

        table.Commit(
            Add("s", Element("192.0.2.1", timeout: TimeSpan.FromTicks(1))),
            Add("s", Element("192.0.2.2", timeout: Hour, expires: TimeSpan.Zero)),
            Add("s", Element("192.0.2.3", timeout: Hour, expires: TimeSpan.FromSeconds(-5))));

        Assert.True(SpinWait.SpinUntil(() => table.Client.ListElements(Name, "s").Count == 0, TimeSpan.FromSeconds(5)), table.Listed("s"));
    }

    [LinuxFact]
    public void Add_Existing_SucceedsAndTellsWhatThisKernelDoesToTheDeadline()
    {
        using var table = new KernelTable("set s { type ipv4_addr; flags timeout; }");
        table.Commit(Add("s", Element("192.0.2.1", timeout: Hour, expires: TimeSpan.FromMinutes(10))));

        table.Commit(Add("s", Element("192.0.2.1", timeout: 2 * Hour, expires: TimeSpan.FromMinutes(90))));

        // Linux before 6.12 keeps the element as it was; since then the add moves timeout and deadline.
        SetElement element = table.Get("s", "192.0.2.1")!;
        bool kept = element.Timeout == Hour && element.Expires < TimeSpan.FromMinutes(11);
        bool moved = element.Timeout == 2 * Hour && element.Expires > TimeSpan.FromMinutes(89);
        Assert.True(kept || moved, element.ToString());
        if (Environment.OSVersion.Version >= new Version(6, 12)) Assert.True(moved, element.ToString());
    }

    [LinuxFact]
    public void Renewal_ExistingMissingAndExpired_MovesTheDeadline()
    {
        using var table = new KernelTable("set s { type ipv4_addr; flags timeout; }\nset n { type ipv4_addr; flags interval,timeout; }");
        foreach ((string set, string? last) in new[] { ("s", null), ("n", "192.0.2.15") })
        {
            SetElement renewed = Element("192.0.2.0", last, Hour, TimeSpan.FromMinutes(30));
            ElementChange[] renewal = [Add(set, renewed), Delete(set, renewed), Add(set, renewed)];

            table.Commit(renewal); // missing
            Assert.InRange(table.Get(set, "192.0.2.0")!.Expires!.Value, TimeSpan.FromMinutes(29), TimeSpan.FromMinutes(30));

            table.Commit(Delete(set, renewed), Add(set, renewed with { Expires = TimeSpan.FromMinutes(1) }));
            table.Commit(renewal); // existing
            Assert.InRange(table.Get(set, "192.0.2.0")!.Expires!.Value, TimeSpan.FromMinutes(29), TimeSpan.FromMinutes(30));

            table.Commit(Delete(set, renewed), Add(set, renewed with { Expires = TimeSpan.FromMilliseconds(10) }));
            Assert.True(SpinWait.SpinUntil(() => table.Get(set, "192.0.2.0") is null, TimeSpan.FromSeconds(5)));
            table.Commit(renewal); // expired, most likely not yet collected
            SetElement now = table.Get(set, "192.0.2.0")!;
            Assert.InRange(now.Expires!.Value, TimeSpan.FromMinutes(29), TimeSpan.FromMinutes(30));
            Assert.Equal(last is null ? [] : Key(last), now.LastKey.ToArray());
        }
    }

    [LinuxFact]
    public void Renewal_WithCounter_CarriesTheCount()
    {
        using var table = new KernelTable("set s { type ipv4_addr; flags timeout; counter; }");
        table.Commit(Add("s", Element("192.0.2.1", timeout: Hour)));
        Assert.Equal(0ul, table.Get("s", "192.0.2.1")!.Packets);

        SetElement renewed = Element("192.0.2.1", timeout: 2 * Hour) with { Packets = 1234567890123, Bytes = ulong.MaxValue / 3 };
        table.Commit(Add("s", renewed), Delete("s", renewed), Add("s", renewed));

        SetElement element = table.Get("s", "192.0.2.1")!;
        Assert.Equal(renewed.Packets, element.Packets);
        Assert.Equal(renewed.Bytes, element.Bytes);
        Assert.Contains("counter packets 1234567890123 bytes 6148914691236517205", table.Listed("s"), StringComparison.Ordinal);
    }

    [LinuxFact]
    public void GetElement_CounterAndLimitInOneSet_ReadsTheCounter()
    {
        using var table = new KernelTable(
            "set s { type ipv4_addr; size 1024; flags dynamic,timeout; timeout 10m; counter; limit rate 3/minute; }");
        table.Namespace.Nft("add", "element", "inet", "t", "s", "{ 192.0.2.1 counter packets 7 bytes 420 limit rate 3/minute }");

        SetElement element = table.Get("s", "192.0.2.1")!;

        Assert.Equal((7ul, 420ul), (element.Packets, element.Bytes));
    }

    [LinuxFact]
    public void Intervals_V4AndV6_NftAndClientAgree()
    {
        using var table = new KernelTable("set n4 { type ipv4_addr; flags interval,timeout; counter; }\nset n6 { type ipv6_addr; flags interval; }");
        SetElement last4 = Element("255.255.255.0", "255.255.255.255");
        table.Commit(
            Add("n4", Element("198.51.100.0", "198.51.100.255", Hour)), Add("n4", Element("192.0.2.7")),
            Add("n4", Element("192.0.2.9", "192.0.2.13")), Add("n4", Element("192.0.2.8")), Add("n4", last4),
            Add("n4", Element("0.0.0.0", "0.0.0.3")),
            Add("n6", Element("2001:db8:1::", "2001:db8:1:ffff:ffff:ffff:ffff:ffff")), Add("n6", Element("2001:db8::1")),
            Add("n6", Element("ffff::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")));

        string v4 = table.Listed("n4");
        foreach (string shown in (string[])["0.0.0.0/30", "192.0.2.7 ", "192.0.2.8 ", "192.0.2.9-192.0.2.13", "198.51.100.0/24", "255.255.255.0/24"])
            Assert.Contains(shown, v4, StringComparison.Ordinal);
        Assert.Contains("elements = { 2001:db8::1, 2001:db8:1::/48, ffff::/16 }", table.Listed("n6"), StringComparison.Ordinal);

        Assert.Equal(
            "0.0.0.0-0.0.0.3 192.0.2.7-192.0.2.7 192.0.2.8-192.0.2.8 192.0.2.9-192.0.2.13 198.51.100.0-198.51.100.255 255.255.255.0-255.255.255.255",
            string.Join(' ', table.Client.ListElements(Name, "n4").Select(Shown)));
        AssertHolds(table, "n4", "198.51.100.77", "198.51.100.0-198.51.100.255");
        AssertHolds(table, "n4", "198.51.100.0", "198.51.100.0-198.51.100.255");
        AssertHolds(table, "n4", "198.51.100.255", "198.51.100.0-198.51.100.255");
        AssertHolds(table, "n4", "192.0.2.7", "192.0.2.7-192.0.2.7");
        AssertHolds(table, "n4", "192.0.2.8", "192.0.2.8-192.0.2.8");
        AssertHolds(table, "n4", "192.0.2.9", "192.0.2.9-192.0.2.13");
        AssertHolds(table, "n4", "192.0.2.11", "192.0.2.9-192.0.2.13");
        AssertHolds(table, "n4", "192.0.2.13", "192.0.2.9-192.0.2.13");
        AssertHolds(table, "n4", "255.255.255.255", "255.255.255.0-255.255.255.255");
        AssertHolds(table, "n4", "255.255.255.1", "255.255.255.0-255.255.255.255");
        AssertHolds(table, "n4", "0.0.0.0", "0.0.0.0-0.0.0.3");
        AssertHolds(table, "n6", "ffff:1::", "ffff::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
        AssertHolds(table, "n6", "2001:db8::1", "2001:db8::1-2001:db8::1");
        Assert.Null(table.Get("n4", "192.0.2.14"));
        Assert.Null(table.Get("n4", "198.51.101.0"));
        Assert.Null(table.Get("n4", "0.0.0.4"));
        Assert.Null(table.Get("n6", "2001:db8::2"));
        Assert.Equal(Hour, table.Get("n4", "198.51.100.5")!.Timeout);

        table.Commit(Delete("n4", last4), Delete("n4", Element("192.0.2.8")), Delete("n4", Element("198.51.100.0", "198.51.100.255")));
        Assert.Equal(
            "0.0.0.0-0.0.0.3 192.0.2.7-192.0.2.7 192.0.2.9-192.0.2.13",
            string.Join(' ', table.Client.ListElements(Name, "n4").Select(Shown)));
        Assert.Null(table.Get("n4", "192.0.2.8"));
    }

    [LinuxFact]
    public void Intervals_MadeByNft_AreReadAsNftMeantThem()
    {
        using var table = new KernelTable(
            "set n { type ipv4_addr; flags interval; elements = { 192.0.2.0/25, 192.0.2.128-192.0.2.200, 198.51.100.1, 198.51.100.2, 203.0.113.0-255.255.255.255 } }");

        Assert.Equal(
            "192.0.2.0-192.0.2.127 192.0.2.128-192.0.2.200 198.51.100.1-198.51.100.1 198.51.100.2-198.51.100.2 203.0.113.0-255.255.255.255",
            string.Join(' ', table.Client.ListElements(Name, "n").Select(Shown)));
        AssertHolds(table, "n", "192.0.2.127", "192.0.2.0-192.0.2.127");
        AssertHolds(table, "n", "192.0.2.5", "192.0.2.0-192.0.2.127");
        AssertHolds(table, "n", "192.0.2.128", "192.0.2.128-192.0.2.200");
        AssertHolds(table, "n", "198.51.100.1", "198.51.100.1-198.51.100.1");
        AssertHolds(table, "n", "203.0.113.9", "203.0.113.0-255.255.255.255");
        Assert.Null(table.Get("n", "192.0.2.201"));
    }

    [LinuxFact]
    public void Concatenations_PlainAndRanges_NftAndClientAgree()
    {
        using var table = new KernelTable(
            "set p { type ipv4_addr . inet_service; flags timeout; }\nset r { type inet_service . ipv4_addr; flags interval,timeout; }");
        byte[] pair = [.. Key("192.0.2.1"), 0, 22, 0, 0];
        byte[] first = [0, 25, 0, 0, .. Key("198.51.100.0")];
        byte[] last = [0, 25, 0, 0, .. Key("198.51.100.255")];
        byte[] one = [0, 22, 0, 0, .. Key("203.0.113.9")];
        table.Commit(
            Add("p", new() { Key = pair, Timeout = Hour }), Add("r", new() { Key = first, LastKey = last, Timeout = Hour }), Add("r", new() { Key = one }));

        Assert.Contains("192.0.2.1 . 22 timeout 1h", table.Listed("p"), StringComparison.Ordinal);
        Assert.Contains("25 . 198.51.100.0/24 timeout 1h", table.Listed("r"), StringComparison.Ordinal);
        Assert.Contains("22 . 203.0.113.9", table.Listed("r"), StringComparison.Ordinal);
        Assert.Equal(pair, table.Client.GetElement(Name, "p", pair)!.Key.ToArray());
        SetElement range = table.Client.GetElement(Name, "r", (byte[])[0, 25, 0, 0, .. Key("198.51.100.42")])!;
        Assert.Equal(first, range.Key.ToArray());
        Assert.Equal(last, range.LastKey.ToArray());
        Assert.Null(table.Client.GetElement(Name, "r", (byte[])[0, 26, 0, 0, .. Key("198.51.100.42")]));
        Assert.Equal(2, table.Client.ListElements(Name, "r").Count);

        table.Commit(Delete("r", new() { Key = first, LastKey = last }), Delete("r", new() { Key = one }));
        Assert.Empty(table.Client.ListElements(Name, "r"));
    }

    [LinuxFact]
    public void Commit_HundredThousandInBatches_DumpEqualsWhatWasAdded()
    {
        using var table = new KernelTable("set s { type ipv4_addr; flags timeout; size 200000; counter; }");
        const int total = 100_000;
        var expected = new HashSet<uint>();
        int next = 0;
        foreach (int size in Enumerable.Repeat(1_000, 20).Concat(Enumerable.Repeat(10_000, 8)))
        {
            var changes = new List<ElementChange>(size);
            for (int i = 0; i < size; i++, next++)
            {
                uint address = 0xC6336400u + ((uint)next * 7919u); // scattered, all different
                expected.Add(address);
                byte[] key = new byte[4];
                BinaryPrimitives.WriteUInt32BigEndian(key, address);
                changes.Add(Add("s", new() { Key = key, Timeout = Hour, Expires = TimeSpan.FromMinutes(10 + (next % 40)), Packets = (ulong)next }));
            }

            table.Client.Commit(Name, changes);
        }

        Assert.Equal(total, expected.Count);
        SetDescription set = Assert.Single(table.Client.ListSets(Name));
        if (set.Count is { } count) Assert.Equal((uint)total, count);
        IReadOnlyList<SetElement> dumped = table.Client.ListElements(Name, "s");
        Assert.True(expected.SetEquals(dumped.Select(e => BinaryPrimitives.ReadUInt32BigEndian(e.Key.Span))));
        Assert.Equal(total, dumped.Count);
        Assert.Equal((ulong)total * (total - 1) / 2, dumped.Aggregate(0ul, (sum, e) => sum + e.Packets!.Value));
    }

    private static void AssertHolds(KernelTable table, string set, string key, string interval) =>
        Assert.Equal(interval, table.Get(set, key) is { } element ? Shown(element) : null);

    private static string Shown(SetElement element) =>
        $"{new System.Net.IPAddress(element.Key.Span)}-{new System.Net.IPAddress(element.LastKey.Span)}";
}
