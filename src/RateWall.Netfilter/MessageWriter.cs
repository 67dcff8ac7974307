using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using static RateWall.Netfilter.KernelHeaders;

namespace RateWall.Netfilter;

/// <summary>
/// Writes netlink messages and attributes into a span. Want of room sticks: <see cref="Overflowed"/> is true, nothing more is
/// written, and the caller looks once at the end. Headers are host-endian, nf_tables' integers in network order.
/// </summary>
internal ref struct MessageWriter
{
    private readonly Span<byte> space;

    public MessageWriter(Span<byte> space) => this.space = space;

    /// <summary>Bytes written so far; always a multiple of 4.</summary>
    public int Length { get; private set; }

    /// <summary>True once something did not fit.</summary>
    public bool Overflowed { get; private set; }

    /// <summary>Begins a message: nlmsghdr and nfgenmsg. Gives the position for <see cref="EndMessage"/>.</summary>
    public int BeginMessage(ushort type, ushort flags, uint sequence, NetfilterFamily family, ushort resource = 0)
    {
        int start = BeginMessage(type, flags, sequence);
        Span<byte> header = Take(NFGENMSG_LEN);
        if (header.IsEmpty) return start;
        header[0] = (byte)family;
        header[1] = NFNETLINK_V0;
        BinaryPrimitives.WriteUInt16BigEndian(header[2..], resource);
        return start;
    }

    /// <summary>Begins a message of any protocol: nlmsghdr alone. Gives the position for <see cref="EndMessage"/>.</summary>
    public int BeginMessage(ushort type, ushort flags, uint sequence)
    {
        int start = Length;
        Span<byte> header = Take(NLMSG_HDRLEN);
        if (header.IsEmpty) return start;
        MemoryMarshal.Write(header[4..], type);
        MemoryMarshal.Write(header[6..], flags);
        MemoryMarshal.Write(header[8..], sequence);
        return start;
    }

    /// <summary>Room for a protocol's own struct, zeroed; empty when there is none left.</summary>
    public Span<byte> Struct(int length) => Take(Align(length));

    /// <summary>Closes a message: its length is now known.</summary>
    public readonly void EndMessage(int start)
    {
        if (!Overflowed) MemoryMarshal.Write(space[start..], (uint)(Length - start));
    }

    /// <summary>Opens a nest. Gives the position for <see cref="Close"/>.</summary>
    public int Open(ushort type)
    {
        int start = Length;
        Span<byte> header = Take(NLA_HDRLEN);
        if (!header.IsEmpty) MemoryMarshal.Write(header[2..], (ushort)(type | NLA_F_NESTED));
        return start;
    }

    /// <summary>Closes a nest.</summary>
    public void Close(int start)
    {
        int length = Length - start;
        if (length > ushort.MaxValue) Overflowed = true;
        if (!Overflowed) MemoryMarshal.Write(space[start..], (ushort)length);
    }

    public void U32(ushort type, uint value)
    {
        Span<byte> payload = Attribute(type, sizeof(uint));
        if (!payload.IsEmpty) BinaryPrimitives.WriteUInt32BigEndian(payload, value);
    }

    public void U64(ushort type, ulong value)
    {
        Span<byte> payload = Attribute(type, sizeof(ulong));
        if (!payload.IsEmpty) BinaryPrimitives.WriteUInt64BigEndian(payload, value);
    }

    public void Bytes(ushort type, scoped ReadOnlySpan<byte> value)
    {
        Span<byte> payload = Attribute(type, value.Length);
        if (!payload.IsEmpty) value.CopyTo(payload);
    }

    /// <summary>A string with its closing NUL.</summary>
    public void Text(ushort type, string value)
    {
        int length = Encoding.UTF8.GetByteCount(value);
        Span<byte> payload = Attribute(type, length + 1);
        if (!payload.IsEmpty) Encoding.UTF8.GetBytes(value, payload);
    }

    private Span<byte> Attribute(ushort type, int length)
    {
        if (NLA_HDRLEN + length > ushort.MaxValue) Overflowed = true;
        Span<byte> attribute = Take(Align(NLA_HDRLEN + length));
        if (attribute.IsEmpty) return default;
        MemoryMarshal.Write(attribute, (ushort)(NLA_HDRLEN + length));
        MemoryMarshal.Write(attribute[2..], type);
        return attribute.Slice(NLA_HDRLEN, length);
    }

    private Span<byte> Take(int length)
    {
        if (Overflowed || length > space.Length - Length)
        {
            Overflowed = true;
            return default;
        }

        Span<byte> taken = space.Slice(Length, length);
        taken.Clear();
        Length += length;
        return taken;
    }
}
