namespace RateWall.Detection.Logs;

/// <summary>
/// Turns a line's stamp into milliseconds since 1970. A stamp without a year belongs to the last year in which it is not
/// more than a day in the future; a stamp without a zone belongs to the zone given.
/// </summary>
internal sealed class StampReader(DateTimeOffset now, TimeZoneInfo zone)
{
    // TAI64 labels count from 2^62; daemontools writes them ten seconds ahead of Unix time (tai.c), as TAI was in 1970.
    private const ulong Tai64Epoch = (1UL << 62) + 10;

    /// <summary>The length of "Nov 1 04:00:00".</summary>
    public const int Unpadded = 14;

    /// <summary>What `svlogd -tt` has between day and time: "2026-11-21_04:00:00.12345" is always UTC (svlogd.8).</summary>
    public const byte Svlogd = (byte)'_';

    // The length of "Nov 21 04:00:".
    private const int Minute = 13;

    private static ReadOnlySpan<byte> Months => "JanFebMarAprMayJunJulAugSepOctNovDec"u8;

    private readonly byte[] last = new byte[15];
    private readonly long nowMilliseconds = now.ToUnixTimeMilliseconds();
    private long lastValue = long.MinValue;
    // "Nov 21 04:00:" and when that minute begins, if its seconds follow one another as they should.
    private readonly byte[] lastMinute = new byte[Minute];
    private long lastMinuteValue = long.MinValue;

    /// <summary>The time of a stamp; the time of reading when there is none or it is no time at all.</summary>
    public long Read(ReadOnlySpan<byte> stamp)
    {
        if (stamp.Length == 15)
        {
            if (lastValue != long.MinValue && stamp.SequenceEqual(last)) return lastValue;
            if (!TryReadInMinute(stamp, out long value) && !TryReadClassic(stamp, out value)) return nowMilliseconds;
            stamp.CopyTo(last);
            return lastValue = value;
        }

        if (stamp.Length == Unpadded)
        {
            Span<byte> padded = stackalloc byte[Unpadded + 1];
            stamp[..4].CopyTo(padded);
            padded[4] = (byte)' ';
            stamp[4..].CopyTo(padded[5..]);
            return Read(padded);
        }

        if (stamp.Length > 16 && stamp[15] == '.' && stamp[3] == ' ') return Read(stamp[..15]);
        if (stamp.Length == 25 && stamp[0] == '@') return TryReadTai(stamp, out long tai) ? tai : nowMilliseconds;
        if (stamp.Length == 17 && stamp[10] == '.') return TryReadUnix(stamp, out long unix) ? unix : nowMilliseconds;
        if (stamp.Length < 19) return nowMilliseconds;
        if (TryReadIso(stamp, out long iso)) return iso;
        return StampForm.TryReadHeader(stamp, out StampParts parts) && TryPlace(parts, stamp, out long own) ? own : nowMilliseconds;
    }

    /// <summary>The time of a stamp inside a line; the time of reading when it is none.</summary>
    public long ReadInner(ReadOnlySpan<byte> text) =>
        StampForm.TryReadInner(text, out StampParts parts) && TryPlace(parts, text, out long value) ? value : nowMilliseconds;

    private bool TryPlace(in StampParts parts, ReadOnlySpan<byte> text, out long value)
    {
        value = 0;
        if (parts.Year is < 1970 or > 9998 || parts.Month is < 1 or > 12 || parts.Day < 1 || parts.Day > DateTime.DaysInMonth(parts.Year, parts.Month)
            || !IsTime(parts.Hour, parts.Minute, parts.Second)) return false;
        var local = new DateTime(parts.Year, parts.Month, parts.Day, parts.Hour, parts.Minute, Math.Min(parts.Second, 59), DateTimeKind.Unspecified);
        ReadOnlySpan<byte> named = parts.ZoneStart < 0 ? [] : text.Slice(parts.ZoneStart, parts.ZoneLength);
        TimeSpan offset = default;
        bool known = !named.IsEmpty && (TryReadOffset(named, out offset) || named.SequenceEqual("UTC"u8) || named.SequenceEqual("GMT"u8));
        // A zone's name, such as CET, is no more than a name: it is taken for this machine's own.
        value = known
            ? new DateTimeOffset(DateTime.SpecifyKind(local, DateTimeKind.Utc)).ToUnixTimeMilliseconds() - (long)offset.TotalMilliseconds
            : ToUnix(local);
        value += parts.Milliseconds;
        return true;
    }

    // A log has most minutes from their first second to their last.
    private bool TryReadInMinute(ReadOnlySpan<byte> stamp, out long value)
    {
        value = 0;
        uint tens = stamp[Minute] - (uint)'0', ones = stamp[Minute + 1] - (uint)'0';
        if (tens > 5 || ones > 9) return false;
        ReadOnlySpan<byte> own = stamp[..Minute];
        if (lastMinuteValue == long.MinValue || !own.SequenceEqual(lastMinute))
        {
            // Not before its second stamp: of stamps in any order each would cost two more.
            if (lastValue == long.MinValue || !own.SequenceEqual(last.AsSpan(0, Minute)) || !TryReadMinute(own)) return false;
        }

        value = lastMinuteValue + (1000 * ((10 * tens) + ones));
        return true;
    }

    // False when the minute's last second is not as far from its first one as it should be.
    private bool TryReadMinute(ReadOnlySpan<byte> own)
    {
        Span<byte> stamp = stackalloc byte[Minute + 2];
        own.CopyTo(stamp);
        "00"u8.CopyTo(stamp[Minute..]);
        if (!TryReadClassic(stamp, out long first)) return false;
        "59"u8.CopyTo(stamp[Minute..]);
        if (!TryReadClassic(stamp, out long end) || end - first != 59_000) return false;
        own.CopyTo(lastMinute);
        lastMinuteValue = first;
        return true;
    }

    private bool TryReadClassic(ReadOnlySpan<byte> stamp, out long value)
    {
        value = 0;
        int month = Months.IndexOf(stamp[..3]);
        if (month < 0 || month % 3 != 0) return false;
        month = (month / 3) + 1;
        int day = stamp[4] == ' ' ? Digits(stamp[5..6]) : Digits(stamp[4..6]);
        int hour = Digits(stamp[7..9]), minute = Digits(stamp[10..12]), second = Digits(stamp[13..15]);
        if (day < 1 || !IsTime(hour, minute, second)) return false;
        long latest = nowMilliseconds + (24 * 3600 * 1000L);
        // Eight years back there is a 29 February, even around a century without one.
        int year = now.UtcDateTime.Year + 1;
        for (int tries = 0; tries < 10 && year > 1; tries++, year--)
        {
            if (day > DateTime.DaysInMonth(year, month)) continue;
            value = ToUnix(new(year, month, day, hour, minute, Math.Min(second, 59), DateTimeKind.Unspecified));
            if (value <= latest) return true;
        }

        return false;
    }

    // Of the two readings of an hour that clocks go through twice, the later one, unless that would be in the future.
    private long ToUnix(DateTime local)
    {
        if (!zone.IsAmbiguousTime(local)) return new DateTimeOffset(local, zone.GetUtcOffset(local)).ToUnixTimeMilliseconds();
        TimeSpan[] offsets = zone.GetAmbiguousTimeOffsets(local);
        long later = new DateTimeOffset(local, offsets.Min()).ToUnixTimeMilliseconds();
        return later <= nowMilliseconds + 60_000 ? later : new DateTimeOffset(local, offsets.Max()).ToUnixTimeMilliseconds();
    }

    private bool TryReadIso(ReadOnlySpan<byte> stamp, out long value)
    {
        value = 0;
        int year = Digits(stamp[..4]), month = Digits(stamp[5..7]), day = Digits(stamp[8..10]);
        int hour = Digits(stamp[11..13]), minute = Digits(stamp[14..16]), second = Digits(stamp[17..19]);
        if (year < 1970 || month is < 1 or > 12 || day < 1 || day > DateTime.DaysInMonth(year, month) || !IsTime(hour, minute, second)) return false;
        var local = new DateTime(year, month, day, hour, minute, Math.Min(second, 59), DateTimeKind.Unspecified);
        ReadOnlySpan<byte> rest = stamp[19..];
        int milliseconds = 0;
        if (!rest.IsEmpty && rest[0] is (byte)'.' or (byte)',')
        {
            int digits = ByteClass.Num.Run(rest[1..]);
            for (int i = 0; i < 3; i++) milliseconds = (milliseconds * 10) + (i < digits ? rest[1 + i] - '0' : 0);
            rest = rest[(1 + digits)..];
        }

        bool universal = stamp[10] == Svlogd;
        if (rest.IsEmpty && !universal)
        {
            value = ToUnix(local) + milliseconds;
            return true;
        }

        TimeSpan offset = default;
        if (!universal && !TryReadOffset(rest, out offset)) return false;
        value = new DateTimeOffset(DateTime.SpecifyKind(local, DateTimeKind.Utc)).ToUnixTimeMilliseconds() - (long)offset.TotalMilliseconds + milliseconds;
        return true;
    }

    private static bool TryReadOffset(ReadOnlySpan<byte> text, out TimeSpan offset)
    {
        offset = default;
        if (text is [(byte)'Z' or (byte)'z']) return true;
        if (text.Length is not (3 or 5 or 6) || text[0] is not ((byte)'+' or (byte)'-')) return false;
        int hours = Digits(text[1..3]), minutes = text.Length == 3 ? 0 : Digits(text[^2..]);
        if (hours is < 0 or > 14 || minutes is < 0 or > 59) return false;
        offset = new TimeSpan(hours, minutes, 0);
        if (text[0] == '-') offset = -offset;
        return true;
    }

    // "1795230000.123456"
    private static bool TryReadUnix(ReadOnlySpan<byte> stamp, out long value)
    {
        value = 0;
        if (!long.TryParse(stamp[..10], System.Globalization.NumberStyles.None, null, out long seconds)) return false;
        if (!int.TryParse(stamp[11..], System.Globalization.NumberStyles.None, null, out int micro)) return false;
        value = (seconds * 1000) + (micro / 1000);
        return true;
    }

    private static bool TryReadTai(ReadOnlySpan<byte> stamp, out long value)
    {
        value = 0;
        if (!ulong.TryParse(stamp[1..17], System.Globalization.NumberStyles.AllowHexSpecifier, null, out ulong label)) return false;
        if (!uint.TryParse(stamp[17..25], System.Globalization.NumberStyles.AllowHexSpecifier, null, out uint nano)) return false;
        if (label < Tai64Epoch || label - Tai64Epoch > uint.MaxValue) return false;
        value = ((long)(label - Tai64Epoch) * 1000) + (nano / 1_000_000);
        return true;
    }

    private static bool IsTime(int hour, int minute, int second) => hour is >= 0 and < 24 && minute is >= 0 and < 60 && second is >= 0 and <= 60;

    private static int Digits(ReadOnlySpan<byte> text)
    {
        int value = 0;
        foreach (byte c in text)
        {
            if (c is < (byte)'0' or > (byte)'9') return -1;
            value = (value * 10) + (c - '0');
        }

        return value;
    }
}
