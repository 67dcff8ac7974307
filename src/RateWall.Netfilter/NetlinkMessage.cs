using System.Runtime.InteropServices;
using static RateWall.Netfilter.KernelHeaders;

namespace RateWall.Netfilter;

/// <summary>One message of a datagram: its header (struct nlmsghdr) and what follows it.</summary>
internal readonly ref struct NetlinkMessage
{
    private NetlinkMessage(ushort type, ushort flags, uint sequence, ReadOnlySpan<byte> body)
    {
        Type = type;
        Flags = flags;
        Sequence = sequence;
        Body = body;
    }

    public ushort Type { get; }

    public ushort Flags { get; }

    public uint Sequence { get; }

    /// <summary>Everything after the header.</summary>
    public ReadOnlySpan<byte> Body { get; }

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

        message = new(
            MemoryMarshal.Read<ushort>(datagram[4..]), MemoryMarshal.Read<ushort>(datagram[6..]),
            MemoryMarshal.Read<uint>(datagram[8..]), datagram[NLMSG_HDRLEN..(int)length]);
        datagram = datagram[Math.Min(Align((int)length), datagram.Length)..];
        return true;
    }
}
