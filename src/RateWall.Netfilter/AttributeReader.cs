using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using static RateWall.Netfilter.KernelHeaders;

namespace RateWall.Netfilter;

/// <summary>
/// Reads a run of netlink attributes (struct nlattr: host-endian length and type, payload, padding to 4). A fault sticks:
/// after it <see cref="Next"/> is false and every value is empty, so a decoder loops, switches and looks once at the end.
/// nf_tables sends its integers in network order (NLA_BE32, NLA_BE64 by convention of nf_tables.h).
/// </summary>
internal ref struct AttributeReader
{
    /// <summary>nf_tables nests five deep at most; anything beyond this is no answer of the kernel.</summary>
    private const int DepthLimit = 10;

    private readonly int depth;
    private ReadOnlySpan<byte> rest;

    public AttributeReader(ReadOnlySpan<byte> attributes)
        : this(attributes, 0, null)
    {
    }

    private AttributeReader(ReadOnlySpan<byte> attributes, int depth, string? fault)
    {
        rest = attributes;
        this.depth = depth;
        Fault = fault;
    }

    /// <summary>The first thing that was wrong, or null.</summary>
    public string? Fault { get; private set; }

    /// <summary>The current attribute's number, without NLA_F_NESTED and NLA_F_NET_BYTEORDER.</summary>
    public ushort Type { get; private set; }

    /// <summary>The current attribute's bytes.</summary>
    public ReadOnlySpan<byte> Payload { get; private set; }

    /// <summary>Steps to the next attribute; false at the end and at a fault.</summary>
    public bool Next()
    {
        Payload = default;
        if (Fault is not null || rest.IsEmpty) return false;
        if (rest.Length < NLA_HDRLEN) return Fail($"{rest.Length} bytes where an attribute should begin");

        int length = MemoryMarshal.Read<ushort>(rest);
        if (length < NLA_HDRLEN || length > rest.Length) return Fail($"an attribute of {length} bytes where {rest.Length} are left");

        Type = (ushort)(MemoryMarshal.Read<ushort>(rest[2..]) & NLA_TYPE_MASK);
        Payload = rest[NLA_HDRLEN..length];
        rest = rest[Math.Min(Align(length), rest.Length)..];
        return true;
    }

    /// <summary>The attributes inside the current one.</summary>
    public readonly AttributeReader Nested() => depth >= DepthLimit
        ? new(default, depth, $"attributes nested deeper than {DepthLimit}")
        : new(Payload, depth + 1, null);

    /// <summary>Takes over the fault of a nested reader.</summary>
    public void Absorb(scoped in AttributeReader inner) => Fault ??= inner.Fault;

    /// <summary>A 32-bit integer in network order.</summary>
    public uint U32() => Expect(sizeof(uint)) ? BinaryPrimitives.ReadUInt32BigEndian(Payload) : 0;

    /// <summary>A 64-bit integer in network order.</summary>
    public ulong U64() => Expect(sizeof(ulong)) ? BinaryPrimitives.ReadUInt64BigEndian(Payload) : 0;

    /// <summary>A 32-bit integer in host order (netlink's own attributes, not nf_tables').</summary>
    public uint HostU32() => Expect(sizeof(uint)) ? MemoryMarshal.Read<uint>(Payload) : 0;

    /// <summary>A string; the closing NUL is optional. Bytes that are no UTF-8 become U+FFFD.</summary>
    public readonly string Text()
    {
        int end = Payload.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? Payload : Payload[..end]);
    }

    /// <summary>Declares the run wrong for a reason only the decoder knows.</summary>
    public bool Fail(string fault)
    {
        Fault ??= fault;
        Payload = default;
        rest = default;
        return false;
    }

    private bool Expect(int bytes) =>
        Payload.Length == bytes || Fail($"attribute {Type} has {Payload.Length} bytes instead of {bytes}");
}
