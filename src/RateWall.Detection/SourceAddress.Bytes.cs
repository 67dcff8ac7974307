namespace RateWall.Detection;

/// <content>The byte form of the reader, for log lines: no text is made, nothing is allocated.</content>
public readonly partial record struct SourceAddress
{
    // "255.255.255.255".
    private const int LongestIPv4 = 15;

    /// <inheritdoc cref="TryParse(ReadOnlySpan{char}, out SourceAddress)"/>
    public static bool TryParse(ReadOnlySpan<byte> text, out SourceAddress address)
    {
        // Nearly always.
        if (text.Length <= LongestIPv4 && TryParseIPv4(text, out uint value))
        {
            address = FromIPv4(value);
            return true;
        }

        address = default;
        int zone = text.IndexOf((byte)'%');
        if (zone > 0) text = text[..zone];
        if (text.StartsWith("IPv6:"u8))
        {
            text = text["IPv6:".Length..];
            if (text.IndexOf((byte)':') < 0) return false;
        }

        if (text.IsEmpty || text.Length > MaxTextLength) return false;
        if (text.IndexOf((byte)':') >= 0) return TryParseIPv6(text, out address);
        if (!TryParseIPv4(text, out value)) return false;
        address = FromIPv4(value);
        return true;
    }

    private static bool TryParseIPv4Slowly(ReadOnlySpan<byte> text, out uint value)
    {
        value = 0;
        uint part = 0;
        int digits = 0, dots = 0;
        foreach (byte c in text)
        {
            uint digit = c - (uint)'0';
            if (digit <= 9)
            {
                if (digits > 0 && part == 0) return false;
                part = (part * 10) + digit;
                digits++;
                if (part > 255) return false;
            }
            else if (c == '.' && digits > 0 && dots < 3)
            {
                value = (value << 8) | part;
                part = 0;
                digits = 0;
                dots++;
            }
            else
            {
                return false;
            }
        }

        value = (value << 8) | part;
        return dots == 3 && digits > 0;
    }

    // RFC 4291 section 2.2: up to eight groups of one to four digits, one "::", an IPv4 tail in place of the last two.
    private static bool TryParseIPv6(ReadOnlySpan<byte> text, out SourceAddress address)
    {
        address = default;
        // The groups one behind the other as they come; those behind the gap are moved to the end afterwards.
        Span<ushort> read = stackalloc ushort[8];
        read.Clear();
        int groups = 0, afterGap = -1;
        int at = 0;
        if (text[0] == ':' && (text.Length < 2 || text[1] != ':')) return false;
        while (at < text.Length)
        {
            if (text[at] == ':')
            {
                // Here a colon can only be the first of "::": single ones are taken with the group before them.
                if (afterGap >= 0 || at + 1 >= text.Length || text[at + 1] != ':') return false;
                afterGap = 0;
                at += 2;
                continue;
            }

            uint group = 0;
            int start = at;
            while (at < text.Length && HexValue(text[at]) is var digit and >= 0)
            {
                if (at - start == 4) return false;
                group = (group << 4) | (uint)digit;
                at++;
            }

            int width = 1;
            if (at < text.Length && text[at] == '.')
            {
                if (!TryParseIPv4(text[start..], out group)) return false;
                width = 2;
                at = text.Length;
            }
            else if (at == start)
            {
                return false;
            }

            if (groups + width > 8) return false;
            if (width == 2) read[groups++] = (ushort)(group >> 16);
            read[groups++] = (ushort)group;
            if (afterGap >= 0) afterGap += width;

            if (at == text.Length) break;
            if (text[at] != ':') return false;
            if (at + 1 == text.Length) return false;
            if (text[at + 1] != ':') at++;
        }

        // "::" stands for at least one group.
        if (afterGap < 0 ? groups != 8 : groups > 7) return false;
        if (afterGap >= 0 && groups < 8)
        {
            int before = groups - afterGap;
            read[before..groups].CopyTo(read[(8 - afterGap)..]);
            read[before..(8 - afterGap)].Clear();
        }

        address = new(Four(read), Four(read[4..]));
        return true;
    }

    private static ulong Four(ReadOnlySpan<ushort> groups) =>
        ((ulong)groups[0] << 48) | ((ulong)groups[1] << 32) | ((ulong)groups[2] << 16) | groups[3];

    private static int HexValue(byte c) => c switch
    {
        >= (byte)'0' and <= (byte)'9' => c - '0',
        >= (byte)'a' and <= (byte)'f' => c - 'a' + 10,
        >= (byte)'A' and <= (byte)'F' => c - 'A' + 10,
        _ => -1,
    };
}
