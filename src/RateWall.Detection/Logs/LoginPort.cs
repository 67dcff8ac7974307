using System.Buffers;
using System.Buffers.Binary;
using System.Buffers.Text;

namespace RateWall.Detection.Logs;

/// <summary>
/// The remote port in a line that tells of a login: which of a source's connections it is about. Read is only what stands
/// directly behind the address, and dovecot's session id. Whoever has the credentials to log in may forge it: then one of his
/// own connections passes for another of his own.
/// </summary>
internal static class LoginPort
{
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
        Span<byte> id = stackalloc byte[24];
        if (end is not (16 or 32) || Base64.DecodeFromUtf8(text[..end], id, out _, out int length) != OperationStatus.Done) return 0;
        if (length is not (12 or 24) || SourceAddress.FromNetworkOrder(id[addressAt..length]) != source) return 0;
        int port = BinaryPrimitives.ReadUInt16LittleEndian(id[portAt..]);
        return port > byte.MaxValue ? port : 0;
    }
}
