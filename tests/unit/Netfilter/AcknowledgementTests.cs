using System.Runtime.InteropServices;
using FsCheck;
using FsCheck.Fluent;
using RateWall.Netfilter;
using static RateWall.Netfilter.KernelHeaders;

namespace RateWall.UnitTests.Netfilter;

public sealed class AcknowledgementTests
{
    [Fact]
    public void Read_CappedWithText_GivesErrnoTextAndOffset()
    {
        Acknowledgement answer = Read(NLM_F_CAPPED | NLM_F_ACK_TLVS, -ENOENT, "gone", 44);

        Assert.Equal(new Acknowledgement(ENOENT, "gone", 44), answer);
    }

    [Fact]
    public void Read_WithoutTheFlag_DoesNotLookForText() =>
        Assert.Equal(new Acknowledgement(ENOENT, null, null), Read(NLM_F_CAPPED, -ENOENT, "gone", 44));

    [Theory]
    [InlineData(1)]
    [InlineData(-4096)]
    [InlineData(int.MinValue)]
    public void Read_ImpossibleErrno_IsAFault(int error)
    {
        ReadOnlySpan<byte> datagram = Message(0, error, "", 0);
        Assert.True(NetlinkMessage.TryTake(ref datagram, out NetlinkMessage message, out _));
        Acknowledgement.Read(message, out string? fault);
        Assert.NotNull(fault);
    }

    [Fact]
    public void Read_Garbage_NeverThrows() => Prop.ForAll<byte[], ushort>((body, flags) =>
    {
        byte[] datagram = new byte[16 + body.Length];
        body.CopyTo(datagram, 16);
        MemoryMarshal.Write(datagram, (uint)datagram.Length);
        MemoryMarshal.Write(datagram.AsSpan(4), NLMSG_ERROR);
        MemoryMarshal.Write(datagram.AsSpan(6), (ushort)(flags | NLM_F_ACK_TLVS));
        ReadOnlySpan<byte> rest = datagram;
        Assert.True(NetlinkMessage.TryTake(ref rest, out NetlinkMessage message, out _));
        return Acknowledgement.Read(message, out _).Errno is >= 0 and <= 4095;
    }).QuickCheckThrowOnFailure();

    [Theory]
    [InlineData(1, true, false)]
    [InlineData(13, true, false)]
    [InlineData(2, false, true)]
    [InlineData(17, false, false)]
    public void Refused_Errno_IsToldApart(int errno, bool notPermitted, bool notFound)
    {
        NetfilterException refused = KernelError.Refused("do something", errno, "the kernel's words", 3);

        Assert.Equal((notPermitted, notFound, 3), (refused.IsNotPermitted, refused.IsNotFound, refused.ChangeIndex));
        Assert.StartsWith("do something: ", refused.Message, StringComparison.Ordinal);
        Assert.EndsWith("(the kernel's words)", refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1, true, false)]
    [InlineData(2, false, true)]
    [InlineData(95, false, false)]
    public void LibNftables_ErrorText_GivesTheErrno(int errno, bool notPermitted, bool notFound)
    {
        NetfilterException refused = LibNftables.Refused("nftables", $"Error: cache initialization failed: {Marshal.GetPInvokeErrorMessage(errno)}\n");

        Assert.Equal((errno, notPermitted, notFound), (refused.Errno, refused.IsNotPermitted, refused.IsNotFound));
    }

    private static Acknowledgement Read(int flags, int error, string text, uint offset)
    {
        ReadOnlySpan<byte> datagram = Message((ushort)flags, error, text, offset);
        Assert.True(NetlinkMessage.TryTake(ref datagram, out NetlinkMessage message, out _));
        Acknowledgement answer = Acknowledgement.Read(message, out string? fault);
        Assert.Null(fault);
        return answer;
    }

    private static byte[] Message(ushort flags, int error, string text, uint offset)
    {
        byte[] space = new byte[256];
        var writer = new MessageWriter(space.AsSpan(16 + 4 + 16));
        writer.Text(NLMSGERR_ATTR_MSG, text);
        byte[] host = new byte[4];
        MemoryMarshal.Write(host, offset);
        writer.Bytes(NLMSGERR_ATTR_OFFS, host);
        int length = 16 + 4 + 16 + writer.Length;
        MemoryMarshal.Write(space, (uint)length);
        MemoryMarshal.Write(space.AsSpan(4), NLMSG_ERROR);
        MemoryMarshal.Write(space.AsSpan(6), flags);
        MemoryMarshal.Write(space.AsSpan(16), error);
        MemoryMarshal.Write(space.AsSpan(20), 60_000u); // the refused request was this long; capped, only its header is here
        return space[..length];
    }
}
