using System.Buffers.Binary;

namespace RateWall.Wall;

/// <summary>A TCP port as the kernel's sets hold it (inet_service: two bytes in network order).</summary>
internal static class PortKey
{
    /// <summary>As the whole key of a set of ports.</summary>
    public static byte[] Alone(int port) => Padded(port)[..sizeof(ushort)];

    /// <summary>As a field of a concatenation, each of which is padded to 32 bits.</summary>
    public static byte[] Padded(int port)
    {
        byte[] field = new byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt16BigEndian(field, checked((ushort)port));
        return field;
    }

    /// <summary>The port in a key, or in the field that begins a concatenation.</summary>
    public static int Read(ReadOnlySpan<byte> key) => BinaryPrimitives.ReadUInt16BigEndian(key);
}
