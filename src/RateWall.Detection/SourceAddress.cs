using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;

namespace RateWall.Detection;

/// <summary>
/// The address a login try came from, always in full. IPv4 is held in its IPv4-mapped form (::ffff:a.b.c.d, RFC 4291
/// section 2.5.5.2), so the same host seen over a dual-stack socket and over plain IPv4 is one value.
/// </summary>
/// <remarks>
/// Held as two numbers: code that has a UInt128 in its hands cannot be compiled ahead (its calling convention is not
/// settled), and nearly all code here has an address in its hands.
/// </remarks>
public readonly partial record struct SourceAddress : IComparable<SourceAddress>
{
    /// <summary>The longest text an address can have: an IPv6 address with an embedded IPv4 tail (RFC 4291 section 2.2).</summary>
    public const int MaxTextLength = 45;

    private const ulong MappedTop = 0x0000_FFFF_0000_0000UL;

    /// <summary>Drawn anew by each run.</summary>
    internal static readonly ulong Seed = (ulong)Random.Shared.NextInt64();

    /// <param name="value">The 128 address bits, most significant first (network order read as one number).</param>
    public SourceAddress(UInt128 value)
        : this((ulong)(value >> 64), (ulong)value)
    {
    }

    /// <param name="high">The first 64 address bits.</param>
    /// <param name="low">The last 64.</param>
    internal SourceAddress(ulong high, ulong low)
    {
        High = high;
        Low = low;
    }

    /// <summary>The 128 address bits, most significant first (network order read as one number).</summary>
    public UInt128 Value => new(High, Low);

    /// <summary>The first 64 address bits.</summary>
    internal ulong High { get; }

    /// <summary>The last 64 address bits.</summary>
    internal ulong Low { get; }

    /// <summary>True for ::ffff:0:0/96, which is how IPv4 is held here.</summary>
    public bool IsIPv4 => High == 0 && (Low & 0xFFFF_FFFF_0000_0000UL) == MappedTop;

    /// <summary>The IPv4 address as a number, most significant byte first. Only meaningful when <see cref="IsIPv4"/>.</summary>
    public uint IPv4Value => (uint)Low;

    /// <summary>
    /// A hash that differs from run to run, so that nobody can choose addresses that meet in one place of a table; every
    /// bit of it depends on every bit of the address.
    /// </summary>
    internal int Mixed => MixedWith(Seed);

    /// <summary>That hash, for whoever keeps <see cref="Seed"/> beside what is found by it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal int MixedWith(ulong seed)
    {
        ulong mixed = (Low ^ seed) * 0x9E37_79B9_7F4A_7C15UL;
        mixed ^= (mixed >> 29) ^ High;
        mixed = (mixed ^ (mixed >> 32)) * 0xD6E8_FEB8_6659_FD93UL;
        return (int)(mixed >> 32);
    }

    /// <summary>Makes the IPv4 address whose number, most significant byte first, is <paramref name="value"/>.</summary>
    public static SourceAddress FromIPv4(uint value) => new(0, MappedTop | value);

    /// <summary>Converts from the base library's address; IPv4-mapped IPv6 becomes IPv4, a scope id is dropped.</summary>
    public static SourceAddress From(IPAddress address)
    {
        ArgumentNullException.ThrowIfNull(address);
        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out int written);
        return FromNetworkOrder(bytes[..written]);
    }

    /// <summary>Reads 4 (IPv4) or 16 (IPv6) bytes in network order.</summary>
    /// <exception cref="ArgumentException">The length is neither 4 nor 16.</exception>
    public static SourceAddress FromNetworkOrder(ReadOnlySpan<byte> bytes) => bytes.Length switch
    {
        4 => FromIPv4(System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(bytes)),
        16 => new(
            System.Buffers.Binary.BinaryPrimitives.ReadUInt64BigEndian(bytes),
            System.Buffers.Binary.BinaryPrimitives.ReadUInt64BigEndian(bytes[8..])),
        _ => throw new ArgumentException($"an address has 4 or 16 bytes, not {bytes.Length}", nameof(bytes)),
    };

    /// <summary>The address in network order: 4 bytes for IPv4, 16 for IPv6, as set elements hold it.</summary>
    public byte[] ToNetworkOrder()
    {
        if (IsIPv4)
        {
            byte[] four = new byte[4];
            System.Buffers.Binary.BinaryPrimitives.WriteUInt32BigEndian(four, IPv4Value);
            return four;
        }

        byte[] sixteen = new byte[16];
        System.Buffers.Binary.BinaryPrimitives.WriteUInt64BigEndian(sixteen, High);
        System.Buffers.Binary.BinaryPrimitives.WriteUInt64BigEndian(sixteen.AsSpan(8), Low);
        return sixteen;
    }

    /// <summary>
    /// Reads an address as a daemon or an operator writes it. A zone id ("%eth0") and the "IPv6:" of mail (RFC 5321
    /// section 4.1.3) are dropped. Refused: names, leading
    /// zeros and shortened IPv4 ("127.1"), brackets, anything over <see cref="MaxTextLength"/>.
    /// </summary>
    public static bool TryParse(ReadOnlySpan<char> text, out SourceAddress address)
    {
        address = default;
        int zone = text.IndexOf('%');
        if (zone > 0) text = text[..zone];
        if (text.StartsWith("IPv6:", StringComparison.Ordinal))
        {
            text = text["IPv6:".Length..];
            if (!text.Contains(':')) return false;
        }

        if (text.IsEmpty || text.Length > MaxTextLength) return false;
        bool dotted = text.IndexOf(':') < 0;
        if (dotted && !IsStrictDottedQuad(text)) return false;
        if (!IPAddress.TryParse(text, out IPAddress? parsed)) return false;
        if (parsed.AddressFamily is not (AddressFamily.InterNetwork or AddressFamily.InterNetworkV6)) return false;
        if (text[0] == '[') return false;
        address = From(parsed);
        return true;
    }

    /// <inheritdoc cref="TryParse(ReadOnlySpan{char}, out SourceAddress)"/>
    public static bool TryParse([NotNullWhen(true)] string? text, out SourceAddress address) =>
        TryParse(text.AsSpan(), out address);

    /// <summary>The base library's form of this address.</summary>
    public IPAddress ToIPAddress() => new(ToNetworkOrder());

    /// <summary>The canonical text: dotted quad, or RFC 5952.</summary>
    public override string ToString() => ToIPAddress().ToString();

    /// <inheritdoc/>
    public int CompareTo(SourceAddress other)
    {
        int byHigh = High.CompareTo(other.High);
        return byHigh != 0 ? byHigh : Low.CompareTo(other.Low);
    }

    /// <inheritdoc/>
    public bool Equals(SourceAddress other) => High == other.High && Low == other.Low;

    /// <inheritdoc/>
    public override int GetHashCode() => Mixed;

    // inet_aton's octal and short forms mean another host than the reader thinks; a log never has them honestly.
    private static bool IsStrictDottedQuad(ReadOnlySpan<char> text)
    {
        int parts = 0, digits = 0;
        foreach (char c in text)
        {
            if (c == '.')
            {
                if (digits == 0) return false;
                parts++;
                digits = 0;
            }
            else if (char.IsAsciiDigit(c))
            {
                if (++digits > 3) return false;
            }
            else
            {
                return false;
            }
        }

        return parts == 3 && digits > 0 && !HasLeadingZero(text);
    }

    private static bool HasLeadingZero(ReadOnlySpan<char> text)
    {
        for (int i = 0; i < text.Length - 1; i++)
        {
            bool starts = i == 0 || text[i - 1] == '.';
            if (starts && text[i] == '0' && char.IsAsciiDigit(text[i + 1])) return true;
        }

        return false;
    }
}
