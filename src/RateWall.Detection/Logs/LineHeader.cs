namespace RateWall.Detection.Logs;

/// <summary>
/// The header of a log line, taken apart: RFC 3164, RFC 5424, ISO 8601 as rsyslog writes it, TAI64N, a daemon's own log
/// file, or none. The stamp is only found here; reading it is left until a rule has matched.
/// </summary>
internal ref partial struct LineHeader
{
    // Those of host names and addresses, and of the chains that syslog-ng makes of them: "s_local@mx/relay".
    private static readonly System.Buffers.SearchValues<byte> HostBytes =
        System.Buffers.SearchValues.Create("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.:-_%@/"u8);

    private static readonly System.Buffers.SearchValues<byte> AddressBytes = System.Buffers.SearchValues.Create("0123456789abcdefABCDEF.:"u8);

    /// <summary>The stamp as it stands; empty when the line has none.</summary>
    public ReadOnlySpan<byte> Stamp;

    /// <summary>The program, without path, "[pid]" and "(...)"; empty when the header names none.</summary>
    public ReadOnlySpan<byte> Program;

    /// <summary>The process id, or 0.</summary>
    public int ProcessId;

    /// <summary>What follows the program, or the stamp where no program is named.</summary>
    public ReadOnlySpan<byte> Message;

    /// <summary>What follows the stamp.</summary>
    public ReadOnlySpan<byte> AfterStamp;

    /// <summary>Takes a line apart. There is no line it cannot take.</summary>
    public static LineHeader Read(ReadOnlySpan<byte> line)
    {
        if (line.Length > 0 && line[0] == '<')
        {
            line = WithoutPriority(line);
            if (line.StartsWith("1 "u8) && TryReadStructured(line, out LineHeader structured)) return structured;
        }
        else if (line.Length > 12 && line[0] == '1' && line[1] == ' ' && line[6] == '-' && line[12] == 'T' && TryReadStructured(line, out LineHeader bare))
        {
            return bare;
        }
        else if (ContainerLine.TryRead(line, out ReadOnlySpan<byte> time, out ReadOnlySpan<byte> text))
        {
            // The engine's stamp has a year and a zone.
            LineHeader inner = Read(text);
            inner.Stamp = time;
            return inner;
        }

        LineHeader header = default;
        line = WithoutProcess(line);
        int length = StampLength(line);
        header.Stamp = line[..length];
        line = length == 0 ? line : line[Math.Min(length + 1, line.Length)..];
        // Two blanks in front of the host, as macOS's `log show --style syslog` has them.
        if (length > 0 && line.Length > 0 && line[0] == ' ') line = line[1..];
        if (length == 0) line = header.TakeInnerStamp(WithoutContainer(line));
        // A container engine's log says which stream the line came from, and that it is a full one.
        if (line.StartsWith("stderr F "u8) || line.StartsWith("stdout F "u8)) line = line["stderr F ".Length..];
        line = header.TakeInnerStamp(length == 25 ? WithoutFacility(header.Stamp, line) : line);
        header.AfterStamp = line;
        header.Message = line;
        header.ReadTag(line, hostAllowed: header.Stamp.Length > 0);
        // "dovecot: Nov 21 04:00:00 Info: ", as dovecot 1 begins the lines of its own log.
        if (header.Stamp.IsEmpty) header.Message = header.TakeInnerStamp(header.Message);
        return header;
    }

    // The daemon's own stamp behind a container engine's: the nearer to the event.
    private ReadOnlySpan<byte> TakeInnerStamp(ReadOnlySpan<byte> line)
    {
        int length = StampLength(line);
        if (length == 0) return line;
        Stamp = line[..length];
        return line[Math.Min(length + 1, line.Length)..];
    }

    // "mail-1  | ", as `docker compose logs` writes it, and "[pod/mail-0/dovecot] " of `kubectl logs --prefix`.
    private static ReadOnlySpan<byte> WithoutContainer(ReadOnlySpan<byte> line)
    {
        if (line.StartsWith("[pod/"u8) && line.IndexOf("] "u8) is > 0 and var end) return line[(end + 2)..];
        int name = ByteClass.Word.Run(line), bar = name;
        while (bar < line.Length && line[bar] == ' ') bar++;
        return name > 0 && bar > name && line[bar..].StartsWith("| "u8) ? line[(bar + 2)..] : line;
    }

    /// <summary>The number these bytes are, or 0.</summary>
    public static int ProcessIdOf(ReadOnlySpan<byte> text)
    {
        int run = ByteClass.Count.Run(text);
        return run > 0 && run == text.Length ? Segment.Number(text) : 0;
    }

    private void ReadTag(ReadOnlySpan<byte> rest, bool hostAllowed)
    {
        if (IsOfPhp(Stamp) || (Stamp.Length == 15 && TakeBracketed(rest))) return;
        int space = rest.IndexOf((byte)' ');
        if (space <= 0) return;
        if (IsPriority(rest[..space]))
        {
            AfterStamp = Message = rest = rest[(space + 1)..];
            space = rest.IndexOf((byte)' ');
            if (space <= 0) return;
        }
        else if (hostAllowed && IsTagWithoutColon(rest, space))
        {
            // The same without a host.
            SetTag(rest[..space]);
            Message = rest[(space + 1)..];
            return;
        }

        if (rest[space - 1] != ':')
        {
            // What is no host name was perhaps begun by a client: "auth(some name,192.0.2.7): ..." of a daemon's own log.
            if (!hostAllowed || (rest[..space].ContainsAnyExcept(HostBytes) && !IsBracketedAddress(rest[..space]))) return;
            ReadOnlySpan<byte> first = rest[..space];
            rest = WithoutForwarder(rest[(space + 1)..]);
            space = rest.IndexOf((byte)' ');
            if (IsProcess(rest, space))
            {
                // "sogod [1234]: " of GNUstep, without a host.
                Program = first;
                ProcessId = ProcessIdOf(rest[1..(space - 2)]);
                Message = rest[(space + 1)..];
                return;
            }

            if (IsTagWithoutColon(rest, space))
            {
                SetTag(rest[..space]);
                Message = rest[(space + 1)..];
                return;
            }

            if (space > 0 && rest[space - 1] != ':' && IsFacility(rest[..space]))
            {
                rest = WithoutForwarder(rest[(space + 1)..]);
                space = rest.IndexOf((byte)' ');
            }

            if (space <= 1 || rest[space - 1] != ':') return;
        }

        if (!SetTag(rest[..(space - 1)])) return;
        rest = rest[(space + 1)..];
        // "[ID 800047 auth.info] " of Solaris.
        if (rest.StartsWith("[ID "u8) && rest.IndexOf("] "u8) is > 0 and < 40 and var close) rest = rest[(close + 2)..];
        Message = rest;
    }

    // "Message forwarded from aix1: ", as AIX's syslogd puts it in front of what it sends on.
    private static ReadOnlySpan<byte> WithoutForwarder(ReadOnlySpan<byte> rest)
    {
        if (!rest.StartsWith("Message forwarded from "u8)) return rest;
        ReadOnlySpan<byte> behind = rest["Message forwarded from ".Length..];
        int space = behind.IndexOf((byte)' ');
        return space > 1 && behind[space - 1] == ':' && !behind[..space].ContainsAnyExcept(HostBytes) ? behind[(space + 1)..] : rest;
    }

    // "[1234]: "
    private static bool IsProcess(ReadOnlySpan<byte> rest, int space) =>
        space > 3 && rest[0] == '[' && rest[space - 1] == ':' && rest[space - 2] == ']' && ProcessIdOf(rest[1..(space - 2)]) > 0;

    // "proftpd[1234] ", as proftpd's SystemLog has it behind the host.
    private static bool IsTagWithoutColon(ReadOnlySpan<byte> rest, int space)
    {
        if (space < 4 || rest[space - 1] != ']') return false;
        int open = rest[..space].IndexOf((byte)'[');
        return open > 0 && ByteClass.Word.Run(rest[..open]) == open && ProcessIdOf(rest[(open + 1)..(space - 1)]) > 0;
    }

    // "[1234] Nov 21 04:00:00 ", as dropbear writes it to stderr.
    private static ReadOnlySpan<byte> WithoutProcess(ReadOnlySpan<byte> line)
    {
        if (line.IsEmpty || line[0] != '[') return line;
        int digits = ByteClass.Num.Run(line[1..]);
        return digits > 0 && line[(digits + 1)..].StartsWith("] "u8) && StampLength(line[(digits + 3)..]) == 15 ? line[(digits + 3)..] : line;
    }

    // "<auth.info>" or "<4.6>", as the syslogd of the BSDs writes it with -v.
    private static bool IsPriority(ReadOnlySpan<byte> word) =>
        word.Length is > 4 and < 24 && word[0] == '<' && word[^1] == '>' && ByteClass.Word.Run(word[1..^1]) == word.Length - 2 && word.Contains((byte)'.');

    // "auth.info: Nov 21 04:00:00 ", as socklog writes it, behind what svlogd and multilog put in front.
    private static ReadOnlySpan<byte> WithoutFacility(ReadOnlySpan<byte> stamp, ReadOnlySpan<byte> line)
    {
        if (stamp[19] != '.' && stamp[0] != '@') return line;
        int space = line.IndexOf((byte)' ');
        return space > 1 && line[space - 1] == ':' && IsFacility(line[..(space - 1)]) && StampLength(line[(space + 1)..]) == 15 ? line[(space + 1)..] : line;
    }

    // "auth.info", as busybox writes it between host and program, and "auth|security:info" of AIX; no host's name.
    private static bool IsFacility(ReadOnlySpan<byte> word)
    {
        int end = word.IndexOfAny((byte)'.', (byte)':');
        return end > 0 && word[..end] is var name && IsGravity(word[(end + 1)..])
            && (name.SequenceEqual("auth"u8) || name.SequenceEqual("authpriv"u8) || name.SequenceEqual("auth|security"u8) || name.SequenceEqual("mail"u8) || name.SequenceEqual("daemon"u8)
                || name.SequenceEqual("ftp"u8) || name.SequenceEqual("user"u8) || name.StartsWith("local"u8));
    }

    private static bool IsGravity(ReadOnlySpan<byte> word) =>
        word.SequenceEqual("info"u8) || word.SequenceEqual("notice"u8) || word.StartsWith("warn"u8) || word.StartsWith("err"u8) || word.StartsWith("crit"u8)
            || word.SequenceEqual("alert"u8) || word.StartsWith("emerg"u8) || word.SequenceEqual("panic"u8) || word.SequenceEqual("debug"u8);

    // "NOTICE: ", as PHP's loggers write it behind the stamp: how grave it is, not who says it.
    private static bool IsLevel(ReadOnlySpan<byte> tag) =>
        tag[0] is >= (byte)'A' and <= (byte)'Z' && (tag.SequenceEqual("NOTICE"u8) || tag.SequenceEqual("INFO"u8) || tag.SequenceEqual("WARN"u8)
            || tag.SequenceEqual("ERR"u8) || tag.SequenceEqual("DEBUG"u8) || tag.SequenceEqual("CRIT"u8) || tag.SequenceEqual("ALERT"u8) || tag.SequenceEqual("EMERG"u8));

    // False when what stands in brackets is more than a word: then it is a message of a daemon's own log.
    private bool SetTag(ReadOnlySpan<byte> tag)
    {
        if (tag.IsEmpty || IsLevel(tag)) return false;
        if (tag[^1] == ']')
        {
            int open = tag.LastIndexOf((byte)'[');
            if (open > 0)
            {
                ProcessId = ProcessIdOf(tag[(open + 1)..^1]);
                tag = tag[..open];
            }
        }

        // "sshd(pam_unix)[123]:" of old PAM, "auth-worker(123):" of dovecot's own log.
        int bracket = tag.IndexOf((byte)'(');
        if (bracket > 0)
        {
            int run = ByteClass.Account.Run(tag[(bracket + 1)..]);
            if (bracket + run + 2 != tag.Length || tag[^1] != ')') return false;
            tag = tag[..bracket];
        }

        if (tag.Length > 0 && tag[0] == '/') tag = tag[(tag.LastIndexOf((byte)'/') + 1)..];
        Program = tag;
        return true;
    }

    // "[21-Nov-2026 04:00:00 +0100]: IMAP Error: ...": what follows is the message, and no host's or program's name.
    private static bool IsOfPhp(ReadOnlySpan<byte> stamp) => stamp.Length > 3 && stamp[0] == '[' && stamp[3] == '-';

    // "[2001:db8::5]" or "[192.0.2.5]": the host, named by its address.
    private static bool IsBracketedAddress(ReadOnlySpan<byte> word) =>
        word.Length > 4 && word[0] == '[' && word[^1] == ']' && !word[1..^1].ContainsAnyExcept(AddressBytes)
            && (word.Count((byte)':') > 1 || word.Count((byte)'.') == 3);

    // "[postfix/smtpd] " of metalog, without a host (src/metalog.c).
    private bool TakeBracketed(ReadOnlySpan<byte> rest)
    {
        if (rest.IsEmpty || rest[0] != '[') return false;
        int run = ByteClass.Word.Run(rest[1..]);
        if (run == 0 || IsBracketedAddress(rest[..Math.Min(run + 2, rest.Length)]) || run == ByteClass.Num.Run(rest[1..]) || !rest[(1 + run)..].StartsWith("] "u8) || !SetTag(rest[1..(1 + run)])) return false;
        Message = rest[(run + 3)..];
        return true;
    }

    private static ReadOnlySpan<byte> WithoutPriority(ReadOnlySpan<byte> line)
    {
        int digits = ByteClass.Port.Run(line[1..]);
        return digits is 0 or > 3 || line.Length <= digits + 1 || line[digits + 1] != '>' ? line : line[(digits + 2)..];
    }

    // "1 2026-11-21T04:00:00.003Z host app procid msgid [data] message" (RFC 5424 section 6).
    private static bool TryReadStructured(ReadOnlySpan<byte> line, out LineHeader header)
    {
        header = default;
        ReadOnlySpan<byte> rest = line[2..];
        ReadOnlySpan<byte> stamp = Word(ref rest);
        Word(ref rest);
        ReadOnlySpan<byte> program = Word(ref rest);
        ReadOnlySpan<byte> process = Word(ref rest);
        Word(ref rest);
        if (!TakeStructured(ref rest)) return false;
        if (rest.StartsWith("\uFEFF"u8)) rest = rest[3..];
        if (!stamp.SequenceEqual("-"u8)) header.Stamp = stamp;
        if (!program.SequenceEqual("-"u8)) header.SetTag(program);
        header.ProcessId = ProcessIdOf(process);
        header.Message = header.AfterStamp = rest;
        return true;
    }

    private static ReadOnlySpan<byte> Word(scoped ref ReadOnlySpan<byte> rest)
    {
        int space = rest.IndexOf((byte)' ');
        ReadOnlySpan<byte> word = space < 0 ? rest : rest[..space];
        rest = space < 0 ? [] : rest[(space + 1)..];
        return word;
    }

    private static bool TakeStructured(scoped ref ReadOnlySpan<byte> rest)
    {
        if (rest.StartsWith("-"u8))
        {
            rest = rest[1..].TrimStart((byte)' ');
            return true;
        }

        bool inside = false, quoted = false;
        for (int i = 0; i < rest.Length; i++)
        {
            byte c = rest[i];
            if (quoted && c == '\\') i++;
            else if (c == '"' && inside) quoted = !quoted;
            else if (!quoted && c == '[') inside = true;
            else if (!quoted && c == ']') inside = false;
            else if (!inside)
            {
                if (c != ' ' || i == 0) return false;
                rest = rest[(i + 1)..];
                return true;
            }
        }

        return false;
    }
}
