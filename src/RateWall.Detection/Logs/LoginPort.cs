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

    private static ReadOnlySpan<byte> SessionLead => "session=<"u8;

    /// <summary>The port, or 0 where the line names none.</summary>
    /// <param name="behind">The message behind its address.</param>
    /// <param name="source">The address.</param>
    public static int Of(ReadOnlySpan<byte> behind, SourceAddress source)
    {
        int at = behind.IsEmpty ? 0 : LeadOf(behind);
        return at > 0 && Number(behind[at..]) is > 0 and var port ? port : OfSession(behind, source);
    }

    // The length of what stands between address and port: of sshd; of dropbear with IPv4; of postfix, exim, dropbear with IPv6; of
    // courier. 0: it is none of these.
    private static int LeadOf(ReadOnlySpan<byte> behind) => behind[0] switch
    {
        (byte)' ' when behind.StartsWith(" port "u8) => " port ".Length,
        (byte)':' => 1,
        (byte)']' when behind.StartsWith("]:"u8) => 2,
        (byte)']' when behind.StartsWith("], port=["u8) => "], port=[".Length,
        _ => 0,
    };

    // The port that a text begins with, or 0.
    private static int Number(ReadOnlySpan<byte> text)
    {
        int port = 0, digits = 0;
        for (; digits < text.Length && char.IsAsciiDigit((char)text[digits]); digits++)
        {
            if (digits == ByteClass.Port.Max) return 0;
            port = (port * 10) + (text[digits] - '0');
        }

        bool ends = digits == text.Length || !char.IsAsciiLetter((char)text[digits]);
        return ends && port <= ushort.MaxValue ? port : 0;
    }

    /// <summary>
    /// dovecot's session id (client_get_session_id, src/login-common/client-common.c) is the base64 form of 48 bits of time,
    /// the remote port with the lower byte first, and the address. A proxy in front may hand on an id of its own: that one
    /// holds another address. Early 2.2 lost the port's upper byte, so a port below 256 is none.
    /// </summary>
    private static int OfSession(ReadOnlySpan<byte> behind, SourceAddress source)
    {
        // Nearly always: the line's last words, of an IPv4 address, and nothing but the alphabet.
        int at = behind.Length - CharactersOfIPv4 - 1;
        return at >= SessionLead.Length && behind[^1] == '>' && behind.Slice(at - SessionLead.Length, SessionLead.Length).SequenceEqual(SessionLead)
            && TryDecode(behind.Slice(at, CharactersOfIPv4), out ulong last) ? PortOf(last, source) : OfSessionWithin(behind, source);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int OfSessionWithin(ReadOnlySpan<byte> behind, SourceAddress source)
    {
        const int portAt = 6, addressAt = 8;
        int start = behind.LastIndexOf((byte)'<');
        while (start >= 0 && !behind[..(start + 1)].EndsWith(SessionLead)) start = behind[..start].LastIndexOf((byte)'<');
        if (start < 0) return 0;
        ReadOnlySpan<byte> text = behind[(start + 1)..];
        int end = text.IndexOf((byte)'>');
        if (end == CharactersOfIPv4 && TryDecode(text[..CharactersOfIPv4], out ulong last)) return PortOf(last, source);
        Span<byte> id = stackalloc byte[24];
        if (end is not (16 or 32) || Base64.DecodeFromUtf8(text[..end], id, out _, out int length) != OperationStatus.Done) return 0;
        if (length is not (12 or 24) || SourceAddress.FromNetworkOrder(id[addressAt..length]) != source) return 0;
        return PortOf(id[portAt], id[portAt + 1]);
    }

    private static int PortOf(ulong last, SourceAddress source) =>
        source.IsIPv4 && source.IPv4Value == (uint)last ? PortOf((byte)(last >> 40), (byte)(last >> 32)) : 0;

    private static int PortOf(byte low, byte high) => high == 0 ? 0 : low | (high << 8);

    /// <summary>The last six of the twelve bytes that sixteen characters of base64 stand for, as one number, the first one highest.</summary>
    /// <param name="characters">The characters, sixteen.</param>
    /// <param name="last">Those bytes.</param>
    /// <returns>False when there is any other character, padding or a blank among them.</returns>
    // Not of a vector: what takes one cannot be compiled ahead.
    internal static bool TryDecode(ReadOnlySpan<byte> characters, out ulong last)
    {
        Vector128<byte> text = Vector128.Create(characters), upper = text >>> 4;
        // By its lower and by its upper half a character has bits, one in common when it is none of the alphabet. Upper halves
        // are of punctuation, of digits, of the first letters, of the last ones, or wrong with any lower half.
        Vector128<byte> ofLower = Vector128.Create((byte)0x15, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x13, 0x1A, 0x1B, 0x1B, 0x1B, 0x1A);
        Vector128<byte> ofUpper = Vector128.Create((byte)0x10, 0x10, 0x01, 0x02, 0x04, 0x08, 0x04, 0x08, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10);
        Vector128<byte> wrong = Vector128.ShuffleNative(ofLower, text & Vector128.Create((byte)15)) & Vector128.ShuffleNative(ofUpper, upper);
        // What is added is the same for all of an upper half, but for '/', which has the place of one that is wrong.
        Vector128<byte> added = Vector128.Create(0, 63 - '/', 62 - '+', 52 - '0', -'A', -'A', 26 - 'a', 26 - 'a', 0, 0, 0, 0, 0, 0, 0, (sbyte)0).AsByte();
        Vector128<byte> values = text + Vector128.ShuffleNative(added, upper + Vector128.Equals(text, Vector128.Create((byte)'/')));
        // Six bits in each of eight bytes, then twelve in each of four pairs, twenty-four in each half.
        ulong six = BinaryPrimitives.ReverseEndianness(values.AsUInt64().GetElement(1));
        ulong twelve = ((six & 0x3F00_3F00_3F00_3F00) >> 2) | (six & 0x003F_003F_003F_003F);
        ulong half = ((twelve & 0x0FFF_0000_0FFF_0000) >> 4) | (twelve & 0x0000_0FFF_0000_0FFF);
        last = ((half >> 32) << 24) | (half & 0xFF_FFFF);
        return BitConverter.IsLittleEndian && wrong == Vector128<byte>.Zero;
    }
}
