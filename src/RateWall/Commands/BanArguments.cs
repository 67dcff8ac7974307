using RateWall.Detection;
using RateWall.Output;
using RateWall.Policy;

namespace RateWall.Commands;

/// <summary>What an operator may write behind ban, unban, list and trace.</summary>
internal static class BanArguments
{
    private const int NarrowestIPv4 = 8;
    private const int NarrowestIPv6 = 16;

    /// <summary>The longest ban by hand: longer is a firewall rule, or the allow list's opposite, not a ban.</summary>
    private static readonly TimeSpan Longest = TimeSpan.FromDays(3650);

    /// <exception cref="CommandException">It is not an address or network.</exception>
    public static AddressPrefix ReadTarget(string text) => AddressPrefix.TryParse(text, out AddressPrefix target)
        ? target
        : throw new CommandException(
            ExitCode.Usage, $"'{TerminalText.Escape(text)}' is not an address or network (try 192.0.2.1, 192.0.2.0/24 or 2001:db8::/64)");

    /// <exception cref="CommandException">It is not a duration a ban can have.</exception>
    public static TimeSpan ReadDuration(string? text, TimeSpan standard)
    {
        if (text is null) return standard;
        if (!DurationText.TryParse(text, out TimeSpan duration))
            throw new CommandException(ExitCode.Usage, $"'{TerminalText.Escape(text)}' is not a duration (try 90s, 10m, 2h, 7d)");
        if (duration < TimeSpan.FromSeconds(1) || duration > Longest)
            throw new CommandException(ExitCode.Usage, $"a ban lasts from 1s to {DurationText.Format(Longest)}, not {DurationText.Format(duration)}");
        return duration;
    }

    /// <exception cref="CommandException">It is not positive.</exception>
    public static int ReadLimit(int? limit) => limit switch
    {
        null => int.MaxValue,
        > 0 => limit.Value,
        _ => throw new CommandException(ExitCode.Usage, $"--limit is a number from 1 on, not {limit}"),
    };

    /// <summary>True for a network so wide that a slip of the finger is likelier than intent.</summary>
    public static bool IsVeryWide(AddressPrefix target) => target.Length < (target.IsIPv4 ? NarrowestIPv4 : NarrowestIPv6);
}
