using System.Buffers.Binary;
using System.Net;
using RateWall.Netfilter;
using static RateWall.Netfilter.KernelHeaders;

namespace RateWall.UnitTests.Netfilter;

public sealed class ElementBatchTests
{
    private static readonly TableName Table = new(NetfilterFamily.Inet, "rw");

    [Fact]
    public void Write_IntervalsV4_ElementsAreTheBytesOfNft()
    {
        ElementBatch batch = Write(Shape("ban4", NFT_SET_INTERVAL, 4),
            Add("ban4", Element("192.0.2.1", null, TimeSpan.FromMinutes(10))),
            Add("ban4", Element("198.51.100.0", "198.51.100.255", TimeSpan.FromHours(1))));

        // nft begins a new set with the end of nothing, at zero; the kernel does not need it.
        Assert.Equal(string.Join('\n', Elements(Goldens.IntervalsV4).Skip(1)), string.Join('\n', Elements(Messages(batch)[1].Body)));
    }

    [Fact]
    public void Write_IntervalsV6_ElementsAreTheBytesOfNft()
    {
        ElementBatch batch = Write(Shape("ban6", NFT_SET_INTERVAL, 16),
            Add("ban6", Element("2001:db8::", "2001:db8::ffff:ffff:ffff:ffff", TimeSpan.FromMinutes(10))));

        Assert.Equal(string.Join('\n', Elements(Goldens.IntervalsV6).Skip(1)), string.Join('\n', Elements(Messages(batch)[1].Body)));
    }

    [Fact]
    public void Write_OneElement_IsFramedAsABatch()
    {
        ElementBatch batch = Write(Shape("s", 0, 4), Add("s", Element("192.0.2.1")));

        List<(ushort Type, ushort Flags, uint Sequence, byte[] Body)> messages = Messages(batch);
        Assert.Equal(3, messages.Count);
        Assert.Equal((NFNL_MSG_BATCH_BEGIN, NLM_F_REQUEST, 100u), (messages[0].Type, messages[0].Flags, messages[0].Sequence));
        Assert.Equal([.. Goldens.BatchFrame, 8, 0, 1, 0, 0, 0, 0, 9], messages[0].Body); // NFNL_BATCH_GENID 9
        batch.MoveTo(0x01020304);
        Assert.Equal([.. Goldens.BatchFrame, 8, 0, 1, 0, 1, 2, 3, 4], Messages(batch)[0].Body);
        Assert.Equal((0x0a0c, 0x0405), (messages[1].Type, messages[1].Flags));
        Assert.Equal((NFNL_MSG_BATCH_END, NLM_F_REQUEST, 102u), (messages[2].Type, messages[2].Flags, messages[2].Sequence));
        Assert.Equal(Goldens.BatchFrame, messages[2].Body);
        Assert.Equal(101u, batch.LastSequence);
    }

    [Fact]
    public void Write_IntervalToTheLastAddress_HasNoEnd()
    {
        ElementBatch batch = Write(Shape("n", NFT_SET_INTERVAL, 4), Add("n", Element("203.0.113.0", "255.255.255.255")));

        Assert.Single(Elements(Messages(batch)[1].Body));
    }

    [Fact]
    public void Write_Delete_CarriesKeysOnly()
    {
        SetElement element = Element("192.0.2.1", null, TimeSpan.FromHours(1)) with { Packets = 1, Bytes = 2 };
        ElementBatch batch = Write(Shape("s", 0, 4), new ElementChange(ElementOperation.Delete, "s", element));

        (ushort type, ushort flags, _, byte[] body) = Messages(batch)[1];
        Assert.Equal((0x0a0e, 5), (type, flags));
        Assert.Equal("0C000180080001" + "00C0000201", Assert.Single(Elements(body)));
    }

    [Fact]
    public void Write_ManyChanges_PacksThemAndFindsEveryOneByOffset()
    {
        ElementChange[] changes = [.. Enumerable.Range(0, 20_000).Select(i => Add("n", Numbered(i * 4)))];
        ElementBatch batch = Write(Shape("n", NFT_SET_INTERVAL, 4), changes);

        List<(ushort Type, ushort Flags, uint Sequence, byte[] Body)> messages = Messages(batch);
        Assert.InRange(messages.Count, 10, 30);
        Assert.True(batch.IsPacked);
        Assert.All(messages, m => Assert.True(m.Body.Length <= ushort.MaxValue));
        Assert.All(messages.SkipLast(2), m => Assert.Equal(0, m.Flags & NLM_F_ACK));
        int change = 0;
        foreach ((_, _, uint sequence, byte[] body) in messages.Skip(1).SkipLast(1))
        {
            List<int> offsets = ElementOffsets(body);
            for (int i = 0; i < offsets.Count; i += 2, change++)
            {
                Assert.Equal(change, batch.ChangeAt(sequence, (uint)(NLMSG_HDRLEN + offsets[i])));
                Assert.Equal(change, batch.ChangeAt(sequence, (uint)(NLMSG_HDRLEN + offsets[i + 1])));
                Assert.Equal(change, batch.ChangeAt(sequence, (uint)(NLMSG_HDRLEN + offsets[i] + 8))); // an attribute inside
            }

            Assert.Null(batch.ChangeAt(sequence, 20)); // the table's name
            Assert.Null(batch.ChangeAt(sequence, null));
            Assert.Null(batch.ChangeAt(sequence, 1_000_000));
            Assert.Null(batch.ChangeAt(sequence, uint.MaxValue));
        }

        Assert.Equal(changes.Length, change);
        Assert.Null(batch.ChangeAt(batch.FirstSequence, null));
        Assert.Null(batch.ChangeAt(batch.FirstSequence - 1, null));
        Assert.Null(batch.ChangeAt(batch.LastSequence + 1, null));
    }

    [Fact]
    public void Write_Unpacked_EveryMessageNamesItsChangeWithoutAnOffset()
    {
        ElementChange[] changes = [.. Enumerable.Range(0, 50).Select(i => Add("s", Numbered(i)))];
        ElementBatch batch = ElementBatch.Write(Table, changes, Shape("s", 0, 4), 9, 100, packed: false);

        Assert.Equal(52, Messages(batch).Count);
        Assert.False(batch.IsPacked);
        for (int i = 0; i < changes.Length; i++) Assert.Equal(i, batch.ChangeAt(101 + (uint)i, null));
    }

    [Fact]
    public void Write_SequenceNumbersWrapAround_ChangesAreStillFound()
    {
        ElementBatch batch = ElementBatch.Write(
            Table, [Add("s", Numbered(1)), new(ElementOperation.Delete, "s", Numbered(1))], Shape("s", 0, 4), 9, uint.MaxValue - 1, packed: true);

        Assert.Equal(0, batch.ChangeAt(uint.MaxValue, null));
        Assert.Equal(1, batch.ChangeAt(0, null));
    }

    [Theory]
    [InlineData(0, 10)]
    [InlineData(-10_000, 10)]
    [InlineData(1, 10)]
    [InlineData(100_000, 10)]
    [InlineData(100_001, 11)]
    [InlineData(110_000, 11)]
    [InlineData(long.MaxValue, 922_337_203_685_478)]
    [InlineData(long.MinValue, 10)]
    public void Milliseconds_FromTimeSpan_RoundsUpAndIsNeverZero(long ticks, ulong expected) =>
        Assert.Equal(expected, Milliseconds.FromTimeSpan(TimeSpan.FromTicks(ticks)));

    private static ElementBatch Write(IReadOnlyDictionary<string, SetShape> shapes, params ElementChange[] changes) =>
        ElementBatch.Write(Table, changes, shapes, generation: 9, firstSequence: 100, packed: true);

    private static Dictionary<string, SetShape> Shape(string set, uint flags, uint keyLength) => new(StringComparer.Ordinal)
    {
        [set] = new(new(set, flags, 7, keyLength, null, null, null), (flags & NFT_SET_INTERVAL) != 0 ? ElementForm.Interval : ElementForm.Single),
    };

    private static ElementChange Add(string set, SetElement element) => new(ElementOperation.Add, set, element);

    private static SetElement Element(string first, string? last = null, TimeSpan? timeout = null) => new()
    {
        Key = IPAddress.Parse(first).GetAddressBytes(),
        LastKey = last is null ? default : IPAddress.Parse(last).GetAddressBytes(),
        Timeout = timeout,
    };

    private static SetElement Numbered(int number)
    {
        byte[] key = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(key, number);
        return new() { Key = key };
    }

    private static List<(ushort Type, ushort Flags, uint Sequence, byte[] Body)> Messages(ElementBatch batch)
    {
        var messages = new List<(ushort, ushort, uint, byte[])>();
        ReadOnlySpan<byte> rest = batch.Bytes;
        string? fault;
        while (NetlinkMessage.TryTake(ref rest, out NetlinkMessage message, out fault))
            messages.Add((message.Type, message.Flags, message.Sequence, message.Body.ToArray()));
        Assert.Null(fault);
        return messages;
    }

    /// <summary>Each element's payload in hexadecimal; the list's own numbering is left out.</summary>
    private static List<string> Elements(byte[] body) => [.. ElementOffsets(body).Select(o =>
        Convert.ToHexString(body.AsSpan(o + NLA_HDRLEN, BinaryPrimitives.ReadUInt16LittleEndian(body.AsSpan(o)) - NLA_HDRLEN)))];

    private static List<int> ElementOffsets(byte[] body)
    {
        var offsets = new List<int>();
        var attributes = new AttributeReader(body.AsSpan(NFGENMSG_LEN));
        while (attributes.Next())
        {
            if (attributes.Type != NFTA_SET_ELEM_LIST_ELEMENTS) continue;
            AttributeReader list = attributes.Nested();
            while (list.Next())
            {
                body.AsSpan().Overlaps(list.Payload, out int offset);
                offsets.Add(offset - NLA_HDRLEN);
            }

            Assert.Null(list.Fault);
        }

        Assert.Null(attributes.Fault);
        return offsets;
    }
}
