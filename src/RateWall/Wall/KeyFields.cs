using System.Buffers.Binary;
using RateWall.Detection;

namespace RateWall.Wall;

/// <summary>The fields of a set's key, as nft names them: one, or several in a concatenation ("ipv4_addr . inet_service").</summary>
public sealed class KeyFields
{
    private const int Register = 4; // NFT_REG32_SIZE, linux/netfilter/nf_tables.h: fields of a concatenation are padded to it
    private const int TypeBits = 6; // nft's own TYPE_BITS (its include/datatype.h), by which it puts types together

    private readonly string[] types;

    /// <param name="type">As it stands behind "type" in the nft language.</param>
    /// <exception cref="TemplateException">It is no type that keys of the wall have.</exception>
    public KeyFields(string type)
    {
        ArgumentNullException.ThrowIfNull(type);
        types = type.Split('.', StringSplitOptions.TrimEntries);
        foreach (string field in types)
        {
            (int length, uint number) = Field(field);
            Length += (uint)(types.Length == 1 ? length : Padded(length));
            Number = (Number << TypeBits) | number;
        }
    }

    /// <summary>Bytes in a key.</summary>
    public uint Length { get; }

    /// <summary>nft's number for the type, which the kernel keeps (NFTA_SET_KEY_TYPE).</summary>
    public uint Number { get; }

    /// <summary>A key, or a range of keys, in the nft language.</summary>
    /// <param name="first">The first key.</param>
    /// <param name="last">The last key; empty for a lone one.</param>
    public string Text(ReadOnlySpan<byte> first, ReadOnlySpan<byte> last)
    {
        var texts = new List<string>();
        int offset = 0;
        foreach (string type in types)
        {
            int length = Field(type).Length;
            string low = One(first.Slice(offset, length));
            string high = last.IsEmpty ? low : One(last.Slice(offset, length));
            texts.Add(low == high ? low : $"{low}-{high}");
            offset += Padded(length);
        }

        return string.Join(" . ", texts);
    }

    private static string One(ReadOnlySpan<byte> field) =>
        field.Length == sizeof(ushort) ? $"{BinaryPrimitives.ReadUInt16BigEndian(field)}" : SourceAddress.FromNetworkOrder(field).ToString();

    private static int Padded(int length) => (length + Register - 1) / Register * Register;

    // The numbers are nft's enum datatypes.
    private static (int Length, uint Number) Field(string type) => type switch
    {
        "ipv4_addr" => (4, 7),
        "ipv6_addr" => (16, 8),
        "inet_service" => (2, 13),
        _ => throw new TemplateException($"a set of type '{type}': the wall's keys are ipv4_addr, ipv6_addr and inet_service"),
    };
}
