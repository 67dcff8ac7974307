namespace RateWall.Detection.Logs;

/// <summary>
/// A part of a daemon and what it serves: one that names itself at the start of its messages ("imap-login: "), or one that
/// has a syslog tag of its own ("postfix/submission/smtpd").
/// </summary>
/// <param name="Name">Its name, or its tag.</param>
/// <param name="Service">What its tries are counted under.</param>
/// <param name="IsTag">True when the header names it and not the message.</param>
internal sealed record Part(byte[] Name, string Service, bool IsTag = false)
{
    /// <summary>Its name, as messages begin with it.</summary>
    public Literal Start { get; } = new(Name);

    /// <summary>The rules that hold for it; set by its file when the first message comes.</summary>
    public RuleTree Tree { get; set; } = null!;
}
