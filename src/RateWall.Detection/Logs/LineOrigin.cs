namespace RateWall.Detection.Logs;

/// <summary>Who wrote a line, where the header or the journal says so.</summary>
public readonly ref struct LineOrigin
{
    /// <summary>The syslog tag without its "[pid]" ("sshd", "dovecot", "postfix/smtpd"); empty: not known.</summary>
    public ReadOnlySpan<byte> Program { get; init; }

    /// <summary>The process id, or 0.</summary>
    public int ProcessId { get; init; }

    /// <summary>When, in milliseconds since 1970; 0: not known.</summary>
    public long UnixMilliseconds { get; init; }

    /// <summary>The syslog priority, 0 to 7 (RFC 5424 section 6.2.1); null: not known.</summary>
    public int? Priority { get; init; }
}
