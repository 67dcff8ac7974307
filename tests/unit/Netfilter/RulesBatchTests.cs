using System.Buffers.Binary;
using System.Runtime.InteropServices;
using RateWall.Netfilter;
using static RateWall.Netfilter.KernelHeaders;

namespace RateWall.UnitTests.Netfilter;

public sealed class RulesBatchTests
{
    private static readonly TableName Wall = new(NetfilterFamily.Inet, "ratewall");

    [Fact]
    public void For_ABatch_NamesTheGenerationAndAsksForOneAcknowledgement()
    {
        byte[] captured = Batch([.. Chain(1, "ratewall", "early"), .. Chain(2, "ratewall", "limits")]);
        RulesBatch batch = RulesBatch.Read(captured, Wall);
        Assert.False(batch.IsEmpty);
        Assert.Null(batch.Foreign);

        byte[] sent = batch.For(0x01020304);

        ReadOnlySpan<byte> rest = sent;
        var seen = new List<string>();
        while (NetlinkMessage.TryTake(ref rest, out NetlinkMessage message, out string? fault))
        {
            Assert.Null(fault);
            AttributeReader attributes = message.Attributes();
            attributes.Next();
            if (message.Type == NFNL_MSG_BATCH_BEGIN) Assert.Equal((NFNL_BATCH_GENID, 0x01020304u), (attributes.Type, attributes.U32()));
            seen.Add($"{message.Type & 0xff} {message.Sequence} {message.Flags & NLM_F_ACK}");
        }

        Assert.Equal(["16 0 0", "3 1 0", "3 2 4", "17 9 0"], seen);
    }

    [Fact]
    public void For_ADryRunWithoutAnEnd_StaysWithoutOne()
    {
        RulesBatch batch = RulesBatch.Read([.. Frame(NFNL_MSG_BATCH_BEGIN, 0), .. Chain(1, "ratewall", "early")], Wall);
        Assert.Equal(28, MemoryMarshal.Read<int>(batch.For(7)));
        Assert.Equal(NFT_MSG_NEWCHAIN, batch.For(7)[28 + 4]);
        Assert.True(RulesBatch.Read(Frame(NFNL_MSG_BATCH_BEGIN, 0), Wall).IsEmpty);
    }

    [Theory]
    [InlineData(NetfilterFamily.Inet, "other")]
    [InlineData(NetfilterFamily.Inet, "ratewal")]
    [InlineData(NetfilterFamily.Inet, "ratewall2")]
    [InlineData(NetfilterFamily.Inet, "ratewall\0other")]
    [InlineData(NetfilterFamily.IPv4, "ratewall")]
    [InlineData(NetfilterFamily.Unspecified, "ratewall")]
    [InlineData(NetfilterFamily.Inet, null)]
    public void Read_AMessageOfAnotherTable_IsForeignAndNeverSent(NetfilterFamily family, string? table)
    {
        RulesBatch batch = RulesBatch.Read(Batch([.. Chain(1, "ratewall", "early"), .. Message(2, NFT_MSG_DELTABLE, family, table), .. Chain(3, "ratewall", "limits")]), Wall);
        Assert.Equal(2u, batch.Foreign?.Sequence);
        Assert.Contains("delete table", batch.Foreign?.Act, StringComparison.Ordinal);
        Assert.Throws<InvalidOperationException>(() => batch.For(1));
    }

    [Fact]
    public void Read_TableNamedTwice_MustBeTheWallBothTimes()
    {
        Assert.NotNull(RulesBatch.Read(Batch(Message(1, NFT_MSG_DELTABLE, NetfilterFamily.Inet, "ratewall", "other")), Wall).Foreign);
        Assert.NotNull(RulesBatch.Read(Batch(Message(1, NFT_MSG_DELTABLE, NetfilterFamily.Inet, "other", "ratewall")), Wall).Foreign);
        Assert.Null(RulesBatch.Read(Batch(Message(1, NFT_MSG_DELTABLE, NetfilterFamily.Inet, "ratewall", "ratewall")), Wall).Foreign);
    }

    [Theory]
    [InlineData(NFT_MSG_GETOBJ + 2)] // NFT_MSG_GETOBJ_RESET
    [InlineData(NFT_MSG_GETTABLE)]
    [InlineData(NFT_MSG_NEWGEN)]
    [InlineData(200)]
    public void Read_WhatIsNoChange_IsForeign(ushort kind) =>
        Assert.NotNull(RulesBatch.Read(Batch(Message(1, kind, NetfilterFamily.Inet, "ratewall")), Wall).Foreign);

    [Fact]
    public void Read_AMessageOfAnotherSubsystem_IsForeign()
    {
        byte[] message = Message(1, NFT_MSG_NEWTABLE, NetfilterFamily.Inet, "ratewall");
        message[5] = 6; // NFNL_SUBSYS_IPSET
        Assert.NotNull(RulesBatch.Read(Batch(message), Wall).Foreign);
    }

    [Fact]
    public void Read_Garbage_IsRefused()
    {
        byte[] whole = Batch(Chain(1, "ratewall", "early"));
        byte[] otherSubsystem = [.. whole];
        BinaryPrimitives.WriteUInt16BigEndian(otherSubsystem.AsSpan(NLMSG_HDRLEN + 2), 6);
        byte[][] broken =
        [
            [], whole[..10], whole[..30], whole[20..], [.. whole, .. whole], [.. whole, .. Chain(2, "ratewall", "late")], [.. whole[..^1]], otherSubsystem,
            [.. Frame(NFNL_MSG_BATCH_BEGIN, 0), 16, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        ];
        Assert.All(broken, b => Assert.Equal(EBADMSG, Assert.Throws<NetfilterException>(() => RulesBatch.Read(b, Wall)).Errno));
    }

    [Fact]
    public void ActOf_MessagesThatShareANumber_AreToldByTheirKind()
    {
        RulesBatch batch = RulesBatch.Read(Batch([.. Message(1, NFT_MSG_NEWTABLE, NetfilterFamily.Inet, "ratewall"), .. Chain(1, "ratewall", "early")]), Wall);
        Assert.Equal("add table inet ratewall", batch.ActOf(Message(1, NFT_MSG_NEWTABLE, NetfilterFamily.Inet, "ratewall").AsSpan(0, NLMSG_HDRLEN)));
        Assert.Equal("add chain early in inet ratewall", batch.ActOf(Chain(1, "ratewall", "early").AsSpan(0, NLMSG_HDRLEN)));
        Assert.Null(batch.ActOf(Chain(5, "ratewall", "early").AsSpan(0, NLMSG_HDRLEN)));
        Assert.Null(batch.ActOf(Frame(NFNL_MSG_BATCH_BEGIN, 0).AsSpan(0, NLMSG_HDRLEN)));
    }

    private static byte[] Batch(byte[] messages) => [.. Frame(NFNL_MSG_BATCH_BEGIN, 0), .. messages, .. Frame(NFNL_MSG_BATCH_END, 9)];

    private static byte[] Frame(ushort type, uint sequence)
    {
        byte[] buffer = new byte[NLMSG_HDRLEN + NFGENMSG_LEN];
        var writer = new MessageWriter(buffer);
        writer.EndMessage(writer.BeginMessage(type, NLM_F_REQUEST, sequence, NetfilterFamily.Unspecified, NFNL_SUBSYS_NFTABLES));
        return buffer;
    }

    private static byte[] Chain(uint sequence, string table, string chain)
    {
        byte[] buffer = new byte[512];
        var writer = new MessageWriter(buffer);
        int message = writer.BeginMessage(NfTables(NFT_MSG_NEWCHAIN), NLM_F_REQUEST, sequence, NetfilterFamily.Inet);
        writer.Text(NFTA_TABLE_NAME, table);
        writer.Text(NFTA_CHAIN_NAME, chain);
        writer.EndMessage(message);
        return buffer[..writer.Length];
    }

    private static byte[] Message(uint sequence, ushort kind, NetfilterFamily family, params string?[]? tables)
    {
        byte[] buffer = new byte[512];
        var writer = new MessageWriter(buffer);
        int message = writer.BeginMessage(NfTables(kind), NLM_F_REQUEST, sequence, family);
        foreach (string? table in tables ?? []) if (table is not null) writer.Text(NFTA_TABLE_NAME, table);
        writer.EndMessage(message);
        return buffer[..writer.Length];
    }
}
