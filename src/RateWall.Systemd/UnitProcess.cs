using System.Buffers;

namespace RateWall.Systemd;

/// <summary>A process of a unit.</summary>
/// <param name="ControlGroup">The control group it is in, the unit's or one below it.</param>
/// <param name="ProcessId">Its number.</param>
/// <param name="CommandLine">
/// Its command line as `systemctl status` shows it, cut off after a kibibyte. The process itself may write anything there.
/// </param>
public sealed record UnitProcess(string ControlGroup, int ProcessId, string CommandLine)
{
    // Blanks, and the quotes that close what systemd quoted.
    private static readonly SearchValues<char> WordEnds = SearchValues.Create(" \t\r\n\"'");

    /// <summary>
    /// What it is called: the last part of its command line's first word, without a colon at the end. "dovecot/imap-login" is
    /// "imap-login", "/usr/sbin/dovecot -F" is "dovecot", "sshd: bob [priv]" is "sshd", "[imap]", of a process that has no
    /// command line any more, is "imap". "" when there is none.
    /// </summary>
    public string Name => NameOf(CommandLine);

    internal static string NameOf(string commandLine)
    {
        ReadOnlySpan<char> rest = commandLine.AsSpan().TrimStart();
        // systemd quotes a word that a shell would read otherwise (systemd's quote_command_line).
        if (rest.StartsWith("$'")) rest = rest[2..];
        else if (rest is ['"' or '\'', ..]) rest = rest[1..];

        if (rest is ['[', .. var kernels])
        {
            int close = kernels.IndexOf(']');
            return (close < 0 ? kernels : kernels[..close]).ToString();
        }

        int end = rest.IndexOfAny(WordEnds);
        if (end >= 0) rest = rest[..end];
        return rest[(rest.LastIndexOf('/') + 1)..].TrimEnd(':').ToString();
    }
}
