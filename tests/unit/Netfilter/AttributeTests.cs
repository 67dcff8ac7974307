using FsCheck;
using FsCheck.Fluent;
using RateWall.Netfilter;
using static RateWall.Netfilter.KernelHeaders;

namespace RateWall.UnitTests.Netfilter;

public sealed class AttributeTests
{
    [Fact]
    public void Reader_WhatTheWriterWrote_ComesBack()
    {
        Prop.ForAll<ulong, byte[], NonNull<string>>((large, bytes, text) =>
        {
            uint small = unchecked((uint)(large * 2654435761));
            string name = text.Get.Replace("\0", "", StringComparison.Ordinal);
            byte[] space = new byte[4096 + bytes.Length + (name.Length * 4)];
            var writer = new MessageWriter(space);
            writer.U32(1, small);
            int nest = writer.Open(2);
            writer.U64(3, large);
            writer.Bytes(4, bytes);
            writer.Close(nest);
            writer.Text(5, name);

            var reader = new AttributeReader(space.AsSpan(0, writer.Length));
            bool right = reader.Next() && reader.Type == 1 && reader.U32() == small;
            right &= reader.Next() && reader.Type == 2;
            AttributeReader inner = reader.Nested();
            right &= inner.Next() && inner.Type == 3 && inner.U64() == large;
            right &= inner.Next() && inner.Type == 4 && inner.Payload.SequenceEqual(bytes);
            right &= !inner.Next() && inner.Fault is null;
            right &= reader.Next() && reader.Type == 5 && reader.Text() == System.Text.Encoding.UTF8.GetString(System.Text.Encoding.UTF8.GetBytes(name));
            return right && !reader.Next() && reader.Fault is null && !writer.Overflowed && writer.Length % 4 == 0;
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void Writer_SpaceTooSmall_StopsAndSaysSo()
    {
        for (int size = 0; size < 60; size++)
        {
            byte[] space = new byte[size];
            var writer = new MessageWriter(space);
            int message = writer.BeginMessage(1, 2, 3, NetfilterFamily.Inet);
            int nest = writer.Open(1);
            writer.Text(2, "twelve bytes");
            writer.U64(3, 1);
            writer.Close(nest);
            writer.EndMessage(message);
            Assert.Equal(size < 20 + 4 + 20 + 12, writer.Overflowed);
        }
    }

    [Fact]
    public void Writer_AttributeBeyondSixteenBits_SaysSo()
    {
        var writer = new MessageWriter(new byte[200_000]);
        writer.Bytes(1, new byte[ushort.MaxValue - 4]);
        Assert.False(writer.Overflowed);
        writer.Bytes(1, new byte[ushort.MaxValue - 3]);
        Assert.True(writer.Overflowed);
    }

    [Fact]
    public void Reader_IntegerOfAWrongLength_FaultSticks()
    {
        var reader = new AttributeReader([6, 0, 1, 0, 1, 2, 0, 0, 8, 0, 2, 0, 0, 0, 0, 1]);
        Assert.True(reader.Next());
        Assert.Equal(0u, reader.U32());
        Assert.Equal("attribute 1 has 2 bytes instead of 4", reader.Fault);
        Assert.False(reader.Next());
        Assert.Equal("attribute 1 has 2 bytes instead of 4", reader.Fault);
    }

    [Fact]
    public void Reader_NestedWithoutEnd_IsBounded()
    {
        byte[] bytes = new byte[400];
        for (int i = 0; i < bytes.Length; i += 4) BitConverter.TryWriteBytes(bytes.AsSpan(i), (ushort)(bytes.Length - i));
        var reader = new AttributeReader(bytes);
        int depth = 0;
        while (reader.Next())
        {
            reader = reader.Nested();
            depth++;
        }

        Assert.Contains("nested deeper", reader.Fault, StringComparison.Ordinal);
        Assert.InRange(depth, 1, 20);
    }

    [Fact]
    public void Decoders_Garbage_EndWithAFaultOrAnAnswer() =>
        Prop.ForAll(Gen.OneOf(Garbage(), Damaged(Goldens.IntervalsV4), Damaged(Goldens.IntervalsV6)).ToArbitrary(), bytes =>
        {
            DecodeEverything(bytes);
            return true;
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(5_000));

    [Fact]
    public void Decoders_EveryTruncationOfAGolden_EndsWithAFaultOrAnAnswer()
    {
        foreach (byte[] golden in new[] { Goldens.IntervalsV4, Goldens.IntervalsV6 })
        {
            for (int length = 0; length <= golden.Length; length++) DecodeEverything(golden[..length]);
        }
    }

    [Fact]
    public void ReadList_Golden_GivesTheElementsNftWrote()
    {
        var elements = new List<KernelElement>();
        var reader = new AttributeReader(Goldens.IntervalsV4.AsSpan(NFGENMSG_LEN));
        KernelElement.ReadList(ref reader, 4, elements);
        Assert.Null(reader.Fault);

        List<SetElement> intervals = Intervals.Join(elements, null);

        Assert.Equal(2, intervals.Count);
        Assert.Equal([192, 0, 2, 1], intervals[0].Key.ToArray());
        Assert.Equal([192, 0, 2, 1], intervals[0].LastKey.ToArray());
        Assert.Equal(TimeSpan.FromMinutes(10), intervals[0].Timeout);
        Assert.Equal([198, 51, 100, 255], intervals[1].LastKey.ToArray());
        Assert.Equal(TimeSpan.FromHours(1), intervals[1].Timeout);
    }

    private static Gen<byte[]> Garbage() => Gen.ArrayOf(Gen.Frequency((3, Gen.Choose(0, 12)), (1, Gen.Choose(0, 255))).Select(i => (byte)i));

    private static Gen<byte[]> Damaged(byte[] golden) =>
        from places in Gen.ListOf(Gen.Choose(0, golden.Length - 1))
        from value in Gen.Choose(0, 255)
        from length in Gen.Choose(0, golden.Length)
        select Damage(golden, places, (byte)value, length);

    private static byte[] Damage(byte[] golden, IEnumerable<int> places, byte value, int length)
    {
        byte[] copy = [.. golden];
        foreach (int place in places) copy[place] ^= value;
        return copy[..Math.Max(length, golden.Length / 2)];
    }

    /// <summary>Whatever the bytes: no exception, and no more elements than bytes could hold.</summary>
    private static void DecodeEverything(byte[] bytes)
    {
        foreach (int keyLength in (int[])[4, 16])
        {
            var elements = new List<KernelElement>();
            var list = new AttributeReader(bytes.AsSpan(Math.Min(NFGENMSG_LEN, bytes.Length)));
            KernelElement.ReadList(ref list, keyLength, elements);
            Assert.True(elements.Count <= bytes.Length / NLA_HDRLEN);
            Assert.All(elements, e => Assert.Equal(keyLength, e.Key.Length));
            Intervals.Join(elements, null);
        }

        var set = new AttributeReader(bytes);
        SetShape.Read(ref set, out _);
        var counter = new AttributeReader(bytes);
        KernelElement.ReadCounter(ref counter);

        ReadOnlySpan<byte> datagram = bytes;
        while (NetlinkMessage.TryTake(ref datagram, out NetlinkMessage message, out _))
        {
            Acknowledgement answer = Acknowledgement.Read(message, out _);
            Assert.InRange(answer.Errno, 0, 4095);
            AttributeReader attributes = message.Attributes();
            while (attributes.Next()) attributes.Text();
        }
    }
}
