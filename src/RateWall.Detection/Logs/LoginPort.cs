using System.Buffers;
using System.Buffers.Binary;
using System.Buffers.Text;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace RateWall.Detection.Logs;

/// <summary>
/// The remote port in a line that tells of a login: which of a source's connections it is about. Read is only what stands
/// directly behind the address, and dovecot's session id. Whoever has the credentials to log in may forge it: then one of his
/// own connections passes for another of his own.
/// </summary>
internal static class LoginPort
{
    private const int CharactersOfIPv4 = 16;

    // What stands between address and port: sshd; dropbear with IPv4; postfix, exim, dropbear with IPv6; courier.
    private static readonly byte[][] Leads = [" port "u8.ToArray(), ":"u8.ToArray(), "]:"u8.ToArray(), "], port=["u8.ToArray()];

    /// <summary>The port, or 0 where the line names none.</summary>
    /// <param name="behind">The message behind its address.</param>
    /// <param name="source">The address.</param>
    public static int Of(ReadOnlySpan<byte> behind, SourceAddress source)
    {
        // Nothing but a lead begins with these bytes.
        foreach (byte[] lead in !behind.IsEmpty && behind[0] is (byte)' ' or (byte)':' or (byte)']' ? Leads : [])
        {
            if (!behind.StartsWith(lead)) continue;
            ReadOnlySpan<byte> rest = behind[lead.Length..];
            int digits = ByteClass.Port.Run(rest);
            bool ends = digits > 0 && (digits == rest.Length || !char.IsAsciiLetterOrDigit((char)rest[digits]));
            if (ends && Utf8Parser.TryParse(rest[..digits], out int port, out _) && port is > 0 and <= ushort.MaxValue) return port;
        }

        return OfSession(behind, source);
    }

    /// <summary>
    /// dovecot's session id (client_get_session_id, src/login-common/client-common.c) is the base64 form of 48 bits of time,
    /// the remote port with the lower byte first, and the address. A proxy in front may hand on an id of its own: that one
    /// holds another address. Early 2.2 lost the port's upper byte, so a port below 256 is none.
    /// </summary>
    private static int OfSession(ReadOnlySpan<byte> behind, SourceAddress source)
    {
        const int portAt = 6, addressAt = 8;
        int start = behind.LastIndexOf((byte)'<');
        while (start >= 0 && !behind[..start].EndsWith("session="u8)) start = behind[..start].LastIndexOf((byte)'<');
        if (start < 0) return 0;
        ReadOnlySpan<byte> text = behind[(start + 1)..];
        int end = text.IndexOf((byte)'>');
        // Nearly always: of an IPv4 address, and nothing but the alphabet.
        if (end == CharactersOfIPv4 && TryDecode(text[..CharactersOfIPv4], out ulong last))
            return SourceAddress.FromIPv4((uint)last) == source ? PortOf((byte)(last >> 40), (byte)(last >> 32)) : 0;
        Span<byte> id = stackalloc byte[24];
        if (end is not (16 or 32) || Base64.DecodeFromUtf8(text[..end], id, out _, out int length) != OperationStatus.Done) return 0;
        if (length is not (12 or 24) || SourceAddress.FromNetworkOrder(id[addressAt..length]) != source) return 0;
        return PortOf(id[portAt], id[portAt + 1]);
    }

    private static int PortOf(byte low, byte high) => high == 0 ? 0 : low | (high << 8);

    /// <summary>The last six of the twelve bytes that sixteen characters of base64 stand for, as one number, the first one highest.</summary>
    /// <param name="characters">The characters, sixteen.</param>
    /// <param name="last">Those bytes.</param>
    /// <returns>False when there is any other character, padding or a blank among them.</returns>
    // Not of a vector: what takes one cannot be compiled ahead.
    internal static bool TryDecode(ReadOnlySpan<byte> characters, out ulong last)
    {
        Vector128<byte> text = Vector128.Create(characters);
        Vector128<byte> upper = Within(text, 'A', 25), lower = Within(text, 'a', 25), digits = Within(text, '0', 9), plus = Within(text, '+', 0), slash = Within(text, '/', 0);
        Vector128<byte> values = text + (upper & Vector128.Create(unchecked((byte)-'A'))) + (lower & Vector128.Create(unchecked((byte)(26 - 'a'))))
            + (digits & Vector128.Create((byte)(52 - '0'))) + (plus & Vector128.Create((byte)(62 - '+'))) + (slash & Vector128.Create((byte)(63 - '/')));
        // Six bits in each of eight bytes, then twelve in each of four pairs, twenty-four in each half.
        ulong six = BinaryPrimitives.ReverseEndianness(values.AsUInt64().GetElement(1));
        ulong twelve = ((six & 0x3F00_3F00_3F00_3F00) >> 2) | (six & 0x003F_003F_003F_003F);
        ulong half = ((twelve & 0x0FFF_0000_0FFF_0000) >> 4) | (twelve & 0x0000_0FFF_0000_0FFF);
        last = ((half >> 32) << 24) | (half & 0xFF_FFFF);
        return BitConverter.IsLittleEndian && (upper | lower | digits | plus | slash) == Vector128<byte>.AllBitsSet;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<byte> Within(Vector128<byte> text, char first, int more) =>
        Vector128.LessThanOrEqual(text - Vector128.Create((byte)first), Vector128.Create((byte)more));
}
