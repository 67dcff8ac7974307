using System.Runtime.InteropServices;
using static RateWall.Netfilter.KernelHeaders;

namespace RateWall.Netfilter;

/// <summary>One message of a datagram: its header (struct nlmsghdr) and what follows it.</summary>
internal readonly ref struct NetlinkMessage
{
    private NetlinkMessage(ReadOnlySpan<byte> whole) => Whole = whole;

    /// <summary>The message as it came, header and all, without padding behind it.</summary>
    public ReadOnlySpan<byte> Whole { get; }

    public ushort Type => MemoryMarshal.Read<ushort>(Whole[4..]);

    public ushort Flags => MemoryMarshal.Read<ushort>(Whole[6..]);

    public uint Sequence => MemoryMarshal.Read<uint>(Whole[8..]);

    /// <summary>Everything after the header.</summary>
    public ReadOnlySpan<byte> Body => Whole[NLMSG_HDRLEN..];

    /// <summary>The attributes after the protocol's own struct; a body too short for that gives a reader with a fault.</summary>
    /// <param name="after">The length of that struct: nfgenmsg's, if not said otherwise.</param>
    public AttributeReader Attributes(int after = NFGENMSG_LEN)
    {
        if (Body.Length >= after) return new(Body[after..]);
        var broken = new AttributeReader(default);
        broken.Fail($"a message body of {Body.Length} bytes");
        return broken;
    }

    /// <summary>Takes the next message off a datagram.</summary>
    /// <param name="datagram">What is left of the datagram.</param>
    /// <param name="message">The message.</param>
    /// <param name="fault">What was wrong with it; null at the plain end.</param>
    public static bool TryTake(ref ReadOnlySpan<byte> datagram, out NetlinkMessage message, out string? fault)
    {
        message = default;
        fault = null;
        if (datagram.IsEmpty) return false;
        if (datagram.Length < NLMSG_HDRLEN)
        {
            fault = $"{datagram.Length} bytes where a message should begin";
            return false;
        }

        uint length = MemoryMarshal.Read<uint>(datagram);
        if (length < NLMSG_HDRLEN || length > (uint)datagram.Length)
        {
            fault = $"a message of {length} bytes where {datagram.Length} are left";
            return false;
        }

        message = new(datagram[..(int)length]);
        datagram = datagram[Math.Min(Align((int)length), datagram.Length)..];
        return true;
    }
}
