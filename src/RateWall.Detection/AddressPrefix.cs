using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace RateWall.Detection;

/// <summary>
/// A network, or one address as a network of its own: what is counted, banned, allowed or trusted. Always canonical:
/// the bits behind the length are zero, so equal networks are equal values.
/// </summary>
public readonly record struct AddressPrefix : IComparable<AddressPrefix>
{
    private AddressPrefix(SourceAddress address, byte length)
    {
        Address = address;
        Length = length;
    }

    /// <summary>The first address of the network.</summary>
    public SourceAddress Address { get; }

    /// <summary>The prefix length in its own family: 0 to 32 for IPv4, 0 to 128 for IPv6.</summary>
    public byte Length { get; }

    /// <summary>True for an IPv4 network.</summary>
    public bool IsIPv4 => Address.IsIPv4;

    /// <summary>True when the network is one address (/32 or /128).</summary>
    public bool IsSingle => Length == Width;

    /// <summary>The last address of the network.</summary>
    public SourceAddress Last => new(Address.High | HighHostBits(Width - Length), Address.Low | LowHostBits(Width - Length));

    private int Width => IsIPv4 ? 32 : 128;

    /// <summary>The network of <paramref name="length"/> bits that holds <paramref name="address"/>.</summary>
    /// <param name="address">Any address of the network.</param>
    /// <param name="length">0 to 32 for IPv4, 0 to 128 for IPv6.</param>
    /// <exception cref="ArgumentOutOfRangeException">The length does not fit the family.</exception>
    public static AddressPrefix Of(SourceAddress address, int length)
    {
        int width = address.IsIPv4 ? 32 : 128;
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, width);
        return new(Network(address, width - length), (byte)length);
    }

    /// <summary>The network that is just this IPv4 address, which the caller knows it to be: made for every try of a log.</summary>
    internal static AddressPrefix OfIPv4(SourceAddress address) => new(address, 32);

    /// <summary>The network that was taken apart into these two.</summary>
    internal static AddressPrefix OfKnown(SourceAddress address, byte length) => new(address, length);

    /// <summary>The network that is just this address.</summary>
    public static AddressPrefix Single(SourceAddress address) => Of(address, address.IsIPv4 ? 32 : 128);

    /// <summary>
    /// Reads "192.0.2.1", "192.0.2.0/24" or "2001:db8::/32". Bits behind the length are cleared, as nft does.
    /// </summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out AddressPrefix prefix)
    {
        prefix = default;
        if (text is null) return false;
        int slash = text.IndexOf('/', StringComparison.Ordinal);
        string host = slash < 0 ? text : text[..slash];
        if (!SourceAddress.TryParse(host, out SourceAddress address)) return false;
        int length = address.IsIPv4 ? 32 : 128;
        if (slash >= 0)
        {
            // "::ffff:192.0.2.0/120" is written in IPv6 terms; its first 96 bits are the mapping.
            bool mapped = address.IsIPv4 && host.Contains(':', StringComparison.Ordinal);
            if (!int.TryParse(text.AsSpan(slash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out int written)) return false;
            int own = mapped ? written - 96 : written;
            if (own < 0 || own > length) return false;
            length = own;
        }

        prefix = Of(address, length);
        return true;
    }

    /// <summary>Reads what <see cref="TryParse"/> reads.</summary>
    /// <exception cref="FormatException">It is not an address or a network.</exception>
    public static AddressPrefix Parse(string text) => TryParse(text, out AddressPrefix prefix)
        ? prefix
        : throw new FormatException($"'{text}' is not an address or network (try 192.0.2.1, 192.0.2.0/24 or 2001:db8::/64)");

    /// <summary>True when <paramref name="address"/> lies in this network.</summary>
    public bool Contains(SourceAddress address) =>
        address.IsIPv4 == IsIPv4 && Network(address, Width - Length) == Address;

    /// <summary>True when every address of <paramref name="other"/> lies in this network.</summary>
    public bool Contains(AddressPrefix other) => other.Length >= Length && Contains(other.Address);

    /// <summary>True when the two share at least one address; of prefixes, one then holds the other.</summary>
    public bool Overlaps(AddressPrefix other) => Contains(other) || other.Contains(this);

    /// <summary>"192.0.2.1" for one address, "192.0.2.0/24" for a network.</summary>
    public override string ToString() => IsSingle ? Address.ToString() : $"{Address}/{Length}";

    /// <inheritdoc/>
    public bool Equals(AddressPrefix other) => Address.Equals(other.Address) && Length == other.Length;

    /// <inheritdoc/>
    public override int GetHashCode() => Address.Mixed + Length;

    /// <inheritdoc/>
    public int CompareTo(AddressPrefix other)
    {
        int byAddress = Address.CompareTo(other.Address);
        return byAddress != 0 ? byAddress : Length.CompareTo(other.Length);
    }

    private static SourceAddress Network(SourceAddress address, int hostBits) =>
        new(address.High & ~HighHostBits(hostBits), address.Low & ~LowHostBits(hostBits));

    private static ulong HighHostBits(int count) => count <= 64 ? 0 : ulong.MaxValue >> (128 - count);

    private static ulong LowHostBits(int count) => count >= 64 ? ulong.MaxValue : (1UL << count) - 1;
}
