using System.Buffers.Binary;
using System.Net;
using System.Runtime.InteropServices;
using FsCheck;
using FsCheck.Fluent;
using RateWall.Netfilter;
using static RateWall.Netfilter.KernelHeaders;

namespace RateWall.UnitTests.Netfilter;

public sealed class SocketMessagesTests
{
    private static readonly TcpState[] Open = [TcpState.Established, TcpState.CloseWait];

    // Laid out by hand from linux/inet_diag.h; that the kernel takes it so is an integration test.
    private const string TwoPorts =
        "6000000014000100" + "0000000000000000" + // nlmsghdr: 96 bytes, SOCK_DIAG_BY_FAMILY
        "0206000002010000" + // AF_INET, IPPROTO_TCP, no extension, states 1 and 8
        "0000000000000000" + "0000000000000000" + "0000000000000000" + "0000000000000000" + "0000000000000000" + "0000000000000000" +
        "18000100" + // INET_DIAG_REQ_BYTECODE
        "0b080c00" + "00001600" + // S_EQ 22: else 12 on, to the next test
        "01040c00" + // JMP to the end: yes
        "0b080c00" + "0000ae08"; // S_EQ 2222: else 4 beyond the end: no

    [Fact]
    public void DumpRequest_TwoPorts_IsWhatTheKernelReads() => Assert.Equal(TwoPorts, Hex(SocketMessages.DumpRequest(AF_INET, new(Open, [2222, 22, 22]))));

    [Fact]
    public void DumpRequest_NoPortsWithTimes_HasNoFilterAndAsksForInfo()
    {
        MessageBytes request = SocketMessages.DumpRequest(AF_INET6, new(Open, [], WithTimes: true));
        Assert.Equal(NLMSG_HDRLEN + INET_DIAG_REQ_V2_LEN, request.Length);
        Assert.Equal([AF_INET6, IPPROTO_TCP, 2], request.Buffer[16..19]);
    }

    [Fact]
    public void DumpRequest_MorePortsThanAFilterHolds_IsRefused()
    {
        Assert.Equal(NLMSG_HDRLEN + INET_DIAG_REQ_V2_LEN + (5000 * 12), SocketMessages.DumpRequest(AF_INET, new(Open, [.. Enumerable.Range(1, 5000)])).Length);
        Assert.Throws<ArgumentOutOfRangeException>(() => SocketMessages.DumpRequest(AF_INET, new(Open, [.. Enumerable.Range(1, 5001)])));
        Assert.Throws<ArgumentOutOfRangeException>(() => SocketMessages.DumpRequest(AF_INET, new(Open, [65536])));
    }

    [Fact]
    public void Read_MappedSocketWithTimes_GivesAllOfIt()
    {
        byte[] info = new byte[232];
        MemoryMarshal.Write(info.AsSpan(44), 3000u);
        MemoryMarshal.Write(info.AsSpan(52), 1500u);
        MemoryMarshal.Write(info.AsSpan(56), 20u);
        TcpSocket socket = Read(Message(AF_INET6, "::ffff:192.0.2.1", "::ffff:198.51.100.7", cookie: 0x1_0000_0002, info))!;
        Assert.Equal(TcpState.Established, socket.State);
        Assert.Equal(new IPEndPoint(IPAddress.Parse("::ffff:192.0.2.1"), 22), socket.Local);
        Assert.Equal(new IPEndPoint(IPAddress.Parse("::ffff:198.51.100.7"), 40000), socket.Remote);
        Assert.Equal((0x1_0000_0002UL, 1000u, 4711u), (socket.Cookie, socket.UserId, socket.Inode));
        Assert.Equal(new TcpTimes(TimeSpan.FromSeconds(1.5), TimeSpan.FromSeconds(3), TimeSpan.FromMilliseconds(20)), socket.Times);
    }

    [Fact]
    public void DestroyRequest_DumpedSocket_CarriesItsIdAndCookie()
    {
        byte[] dumped = Message(AF_INET, "192.0.2.1", "198.51.100.7", cookie: 0x1_0000_0002);
        MessageBytes request = SocketMessages.DestroyRequest(Read(dumped)!);
        Assert.Equal(NLMSG_HDRLEN + INET_DIAG_REQ_V2_LEN, request.Length);
        Assert.Equal(SOCK_DESTROY, MemoryMarshal.Read<ushort>(request.Buffer.AsSpan(4)));
        Assert.Equal([AF_INET, IPPROTO_TCP], request.Buffer[16..18]);
        Assert.Equal(dumped[(16 + 4)..(16 + 4 + 48)], request.Buffer[(16 + 8)..(16 + 8 + 48)]);
    }

    [Theory]
    [InlineData(0UL)]
    [InlineData(ulong.MaxValue)]
    public void DestroyRequest_WithoutACookie_IsNeverMade(ulong cookie) =>
        Assert.Throws<ArgumentException>(() => SocketMessages.DestroyRequest(Read(Message(AF_INET, "192.0.2.1", "198.51.100.7", cookie))!));

    [Theory]
    [InlineData(0, SocketDestruction.Destroyed)]
    [InlineData(ENOENT, SocketDestruction.Gone)]
    [InlineData(ESTALE, SocketDestruction.Gone)]
    [InlineData(EOPNOTSUPP, SocketDestruction.Unsupported)]
    public void Outcome_Errno_IsTold(int errno, SocketDestruction outcome) =>
        Assert.Equal(outcome, SocketDiagnostics.Outcome("destroy", new(errno, null, null)));

    [Fact]
    public void Outcome_NotPermitted_IsAnException() =>
        Assert.True(Assert.Throws<NetfilterException>(() => SocketDiagnostics.Outcome("destroy", new(EPERM, null, null))).IsNotPermitted);

    [Theory]
    [InlineData(3)]
    [InlineData(0)]
    public void Read_UnknownFamily_IsAFault(byte family)
    {
        Assert.Null(Read(Message(family, "192.0.2.1", "198.51.100.7", 1), out string? fault));
        Assert.NotNull(fault);
    }

    [Fact]
    public void Read_ShortInfo_HasNoTimes() => Assert.Null(Read(Message(AF_INET, "192.0.2.1", "198.51.100.7", 1, new byte[40]))!.Times);

    [Fact]
    public void Read_Garbage_NeverThrows() => Prop.ForAll<byte[], bool>((body, wellBegun) =>
    {
        byte[] datagram = new byte[16 + (wellBegun ? 72 : 0) + body.Length];
        body.CopyTo(datagram, datagram.Length - body.Length);
        if (wellBegun) datagram[16] = AF_INET6;
        MemoryMarshal.Write(datagram, (uint)datagram.Length);
        return Read(datagram, out string? fault) is null == (fault is not null);
    }).QuickCheckThrowOnFailure();

    private static TcpSocket? Read(byte[] datagram)
    {
        TcpSocket? socket = Read(datagram, out string? fault);
        Assert.Null(fault);
        return socket;
    }

    private static TcpSocket? Read(byte[] datagram, out string? fault)
    {
        ReadOnlySpan<byte> rest = datagram;
        Assert.True(NetlinkMessage.TryTake(ref rest, out NetlinkMessage message, out _));
        return SocketMessages.Read(message, out fault);
    }

    private static byte[] Message(byte family, string local, string remote, ulong cookie, byte[]? info = null)
    {
        byte[] bytes = new byte[16 + 72 + (info is null ? 0 : 4 + info.Length)];
        MemoryMarshal.Write(bytes, (uint)bytes.Length);
        MemoryMarshal.Write(bytes.AsSpan(4), SOCK_DIAG_BY_FAMILY);
        Span<byte> body = bytes.AsSpan(16);
        body[0] = family;
        body[1] = (byte)TcpState.Established;
        Span<byte> id = body[4..];
        BinaryPrimitives.WriteUInt16BigEndian(id, 22);
        BinaryPrimitives.WriteUInt16BigEndian(id[2..], 40000);
        IPAddress.Parse(local).GetAddressBytes().CopyTo(id[4..]);
        IPAddress.Parse(remote).GetAddressBytes().CopyTo(id[20..]);
        MemoryMarshal.Write(id[40..], (uint)cookie);
        MemoryMarshal.Write(id[44..], (uint)(cookie >> 32));
        MemoryMarshal.Write(body[64..], 1000u);
        MemoryMarshal.Write(body[68..], 4711u);
        if (info is null) return bytes;
        MemoryMarshal.Write(body[72..], (ushort)(4 + info.Length));
        MemoryMarshal.Write(body[74..], INET_DIAG_INFO);
        info.CopyTo(body[76..]);
        return bytes;
    }

    private static string Hex(MessageBytes request) => Convert.ToHexStringLower(request.Buffer.AsSpan(0, request.Length));
}
