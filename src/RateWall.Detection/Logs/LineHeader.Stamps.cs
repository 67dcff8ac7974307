using System.Runtime.CompilerServices;

namespace RateWall.Detection.Logs;

/// <content>How long the stamp is that a line begins with: 0 where there is none.</content>
internal ref partial struct LineHeader
{
    private static readonly System.Buffers.SearchValues<byte> HexDigits = System.Buffers.SearchValues.Create("0123456789abcdefABCDEF"u8);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int StampLength(ReadOnlySpan<byte> line)
    {
        // "Nov 21 04:00:00 " first: it is what most files hold.
        if (line.Length > 15 && line[3] == ' ' && line[6] == ' ' && line[9] == ':' && line[12] == ':' && line[15] == ' ') return 15;
        return line.Length > 19 ? OtherStampLength(line) : 0;
    }

    private static int OtherStampLength(ReadOnlySpan<byte> line)
    {
        if (line[0] == '@')
        {
            return line.Length > 25 && line[25] == ' ' && !line[1..25].ContainsAnyExcept(HexDigits) ? 25 : 0;
        }

        if (line[0] == '[' && MonotonicLength(line) is > 0 and var monotonic) return monotonic;

        // "Nov 21 04:00:00.123456", the journal's "short-precise".
        if (line[3] == ' ' && line[6] == ' ' && line[9] == ':' && line[12] == ':' && line[15] == '.')
        {
            int digits = ByteClass.Num.Run(line[16..]);
            return digits > 0 && line.Length > 16 + digits && line[16 + digits] == ' ' ? 16 + digits : 0;
        }

        // "Nov 1 04:00:00", where nothing stands for a day's first digit.
        if (line[3] == ' ' && line[5] == ' ' && line[8] == ':' && line[11] == ':' && line[14] == ' ' && char.IsAsciiDigit((char)line[4])) return StampReader.Unpadded;

        // "1795230000.123456", the journal's "short-unix".
        if (line[10] == '.' && line[17] == ' ' && ByteClass.Num.Run(line) == 10 && ByteClass.Num.Run(line[11..]) == 6) return 17;
        if (line[4] != '-' || line[7] != '-' || line[13] != ':' || line[16] != ':' || line[10] is not ((byte)'T' or (byte)' ' or StampReader.Svlogd)) return StampForm.HeaderLength(line);
        int end = line[19..].IndexOf((byte)' ');
        return end is < 0 or > 16 ? 0 : 19 + end;
    }

    // "[ 4711.123456]", the journal's "short-monotonic": since when the machine has been running, which is no time of day.
    private static int MonotonicLength(ReadOnlySpan<byte> line)
    {
        int at = 1;
        while (at < 6 && line[at] == ' ') at++;
        int digits = ByteClass.Num.Run(line[at..]);
        if (digits == 0) return 0;
        at += digits;
        return line.Length > at + 8 && line[at] == '.' && ByteClass.Num.Run(line[(at + 1)..]) == 6 && line[at + 7] == ']' && line[at + 8] == ' ' ? at + 8 : 0;
    }
}
