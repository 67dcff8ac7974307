using System.Buffers.Binary;
using RateWall.IntegrationTests.Machine;
using RateWall.Netfilter;
using static RateWall.Netfilter.KernelHeaders;

namespace RateWall.IntegrationTests.Netfilter;

/// <summary>What libnftables is told in the kernel's place, asked message by message, and what no version of it should ask.</summary>
public sealed partial class KernelStandInTests : IDisposable
{
    private readonly KernelTable table = new("chain c { tcp dport { 22, 25 } drop; }\n chain d { }\n set s { type ipv4_addr; elements = { 192.0.2.1 }; }\n counter hits { }");

    public KernelStandInTests() => table.Namespace.NftLoad("table inet other {\n chain theirs { tcp dport 22 drop; }\n set theirset { type ipv4_addr; }\n counter theirhits { }\n}\ntable ip t {\n chain theirs { }\n}\n");

    public void Dispose() => table.Dispose();

    [LinuxFact]
    public void Questions_OfEverything_AreAnsweredWithTheOneTable()
    {
        string[] told = [.. ((ushort[])[NFT_MSG_GETTABLE, NFT_MSG_GETCHAIN, NFT_MSG_GETSET, NFT_MSG_GETOBJ, NFT_MSG_GETFLOWTABLE, NFT_MSG_GETRULE])
            .Select(kind => string.Join(' ', Ask(Request(kind, NLM_F_DUMP, NetfilterFamily.Unspecified))))];
        Assert.Equal(["NEWTABLE:t done", "NEWCHAIN:t NEWCHAIN:t done", "NEWSET:t NEWSET:t done", "NEWOBJ:t done", "done", "NEWRULE:t done"], told);
    }

    [LinuxFact]
    public void Questions_ByName_AreAnsweredLikeTheKernel()
    {
        Assert.Equal(["NEWTABLE:t", "error 0"], Ask(Request(NFT_MSG_GETTABLE, NLM_F_ACK, NetfilterFamily.Inet, "t")));
        Assert.Equal(["error 2"], Ask(Request(NFT_MSG_GETTABLE, NLM_F_ACK, NetfilterFamily.Inet, "other")));
        Assert.Equal(["error 2"], Ask(Request(NFT_MSG_GETTABLE, NLM_F_ACK, NetfilterFamily.IPv4, "t")));
        Assert.Equal(["done"], Ask(Request(NFT_MSG_GETRULE, NLM_F_DUMP, NetfilterFamily.Inet, "other")));
        Assert.Equal(["done"], Ask(Request(NFT_MSG_GETSET, NLM_F_DUMP, NetfilterFamily.IPv4)));
        Assert.Equal(["NEWGEN:", "error 0"], Ask(Request(NFT_MSG_GETGEN, 0, NetfilterFamily.Unspecified)));
        // The kernel may send a list without elements too.
        Assert.Equal(["NEWSETELEM:t", "done"], Ask(Request(NFT_MSG_GETSETELEM, NLM_F_DUMP, NetfilterFamily.Inet, "t", "s")).Distinct(StringComparer.Ordinal), StringComparer.Ordinal);
        Assert.Equal(["done"], Ask(Request(NFT_MSG_GETSETELEM, NLM_F_DUMP, NetfilterFamily.Inet, "t", "nothere")));
        Assert.Equal(["done"], Ask(Request(NFT_MSG_GETSETELEM, NLM_F_DUMP, NetfilterFamily.Inet, "t", "s"), bare: true));
    }

    [LinuxTheory]
    [InlineData(NFT_MSG_GETSETELEM, "other")]
    [InlineData(21, "t")] // NFT_MSG_GETOBJ_RESET
    [InlineData(25, "t")] // NFT_MSG_GETRULE_RESET
    [InlineData(NFT_MSG_DELTABLE, "t")]
    [InlineData(NFT_MSG_NEWTABLE, "other")]
    [InlineData(99, null)]
    public void Questions_ThatNobodyShouldAsk_AreRefusedAndReachNobody(ushort kind, string? named)
    {
        string before = table.Namespace.Nft("-a", "list", "ruleset");
        Assert.Equal(["error 95"], Ask(Request(kind, NLM_F_DUMP, NetfilterFamily.Inet, named, "theirset")));
        Assert.Equal(before, table.Namespace.Nft("-a", "list", "ruleset"));
    }

    [LinuxFact]
    public void Datagrams_OfRubbish_EndWithTheirSender()
    {
        byte[] whole = Request(NFT_MSG_GETTABLE, NLM_F_DUMP, NetfilterFamily.Inet, "t");
        byte[] bodiless = [16, 0, 0, 0, (byte)NFT_MSG_GETTABLE, (byte)NFNL_SUBSYS_NFTABLES, 0, 3, 7, 0, 0, 0, 0, 0, 0, 0];
        foreach (byte[] rubbish in (byte[][])[whole[..7], whole[..^3], new byte[40], [.. Enumerable.Repeat((byte)255, 70_000)]]) Assert.Empty(Ask(rubbish));
        Assert.Equal(["error 95"], Ask(bodiless));
        Assert.Equal(EBADMSG, Assert.Throws<NetfilterException>(() => Ask([20, 0, 0, 0, (byte)NFNL_MSG_BATCH_BEGIN, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 6])).Errno);
    }

    private static byte[] Request(ushort kind, ushort flags, NetfilterFamily family, string? named = null, string? second = null)
    {
        byte[] buffer = new byte[256];
        var writer = new MessageWriter(buffer);
        int message = writer.BeginMessage(NfTables(kind), (ushort)(NLM_F_REQUEST | flags), 7, family);
        if (named is not null) writer.Text(NFTA_TABLE_NAME, named);
        if (second is not null) writer.Text(2, second);
        writer.EndMessage(message);
        return buffer[..writer.Length];
    }

    // Each message of the answer, with the table it names; one question, then the far end is closed.
    private List<string> Ask(byte[] question, bool bare = false)
    {
        using SocketPair pair = SocketPair.Open();
        var standIn = new KernelStandIn(pair, table.Client, table.Client.ReadFrame(KernelTable.Name, []), bare);
        Assert.Equal(question.Length, Libc.send(pair.Far, question, (nuint)question.Length, MSG_NOSIGNAL));
        Task served = Task.Run(() =>
        {
            using (pair.Near) standIn.Serve();
        });
        // Nothing more is asked; what has been sent can be read to its end.
        Assert.Equal(0, shutdown(pair.Far, SHUT_WR));
        var told = new List<string>();
        byte[] received = new byte[70_000];
        while (Libc.recv(pair.Far, received, (nuint)received.Length, 0) is var length and > 0)
        {
            ReadOnlySpan<byte> rest = received.AsSpan(0, (int)length);
            while (NetlinkMessage.TryTake(ref rest, out NetlinkMessage message, out _))
            {
                Assert.Equal(7u, message.Sequence);
                told.Add(Named(message));
            }
        }

        served.GetAwaiter().GetResult();
        return told;
    }

    private static string Named(in NetlinkMessage message)
    {
        if (message.Type == NLMSG_DONE) return "done";
        if (message.Type == NLMSG_ERROR) return $"error {-BinaryPrimitives.ReadInt32LittleEndian(message.Body)}";
        string kind = (message.Type & 0xff) switch
        {
            NFT_MSG_NEWTABLE => "NEWTABLE",
            NFT_MSG_NEWCHAIN => "NEWCHAIN",
            NFT_MSG_NEWSET => "NEWSET",
            NFT_MSG_NEWOBJ => "NEWOBJ",
            NFT_MSG_NEWRULE => "NEWRULE",
            NFT_MSG_NEWGEN => "NEWGEN",
            NFT_MSG_NEWSETELEM => "NEWSETELEM",
            var other => $"{other}",
        };
        AttributeReader attributes = message.Attributes();
        string owner = "";
        while (kind != "NEWGEN" && attributes.Next()) if (attributes.Type == NFTA_TABLE_NAME) owner = attributes.Text();
        return $"{kind}:{owner}";
    }

    private const int SHUT_WR = 1; // sys/socket.h

    [System.Runtime.InteropServices.LibraryImport("libc", SetLastError = true)]
    private static partial int shutdown(SocketHandle socket, int how);
}
