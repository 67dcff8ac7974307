using System.Text;
using System.Text.RegularExpressions;

namespace RateWall.Detection.Logs;

/// <summary>
/// The escape hatch for a daemon whose lines no template can take: a regular expression that the whole message must
/// match. It never backtracks (RegexOptions.NonBacktracking: linear in the line), has a time limit besides, and needs no
/// code made at run time. Bytes are matched as the characters U+0000 to U+00FF.
/// </summary>
internal sealed class RegexPattern
{
    /// <summary>The most characters a pattern may have.</summary>
    public const int MaxLength = 1000;

    /// <summary>The most patterns a rule file may have.</summary>
    public const int MaxPerFile = 64;

    // A line has at most 8 KiB and the matcher is linear: beyond this the machine is stuck, not the pattern slow.
    private static readonly TimeSpan Limit = TimeSpan.FromMilliseconds(250);

    private static readonly string[] Groups = ["address", "user", "port", "count"];

    private readonly Lazy<Regex> regex;
    private long timeouts;

    private RegexPattern(string pattern, string place, bool later)
    {
        Literals = RegexLiterals.Of(pattern);
        FindsAddress = pattern.Contains("(?<address>", StringComparison.Ordinal);
        regex = new(() => Compile(pattern, place));
        if (!later) _ = regex.Value;
    }

    /// <summary>Lines that were given up because the time limit was reached; they are taken for no login try.</summary>
    public long Timeouts => Interlocked.Read(ref timeouts);

    /// <summary>What every message holds that it matches. Without them it is not worth asking.</summary>
    public byte[][] Literals { get; }

    /// <summary>True when it can find an address.</summary>
    public bool FindsAddress { get; }

    /// <summary>Compiles a pattern.</summary>
    /// <param name="pattern">The pattern.</param>
    /// <param name="place">"file:line", for messages.</param>
    /// <param name="later">
    /// True to compile it only when a line needs it, for patterns known to be right: the engine takes 13 MB (measured).
    /// </param>
    /// <exception cref="RuleException">It is too long, no regular expression, or one that only backtracking can match.</exception>
    public static RegexPattern Read(string pattern, string place, bool later = false) => new(pattern, place, later);

    private static Regex Compile(string pattern, string place)
    {
        if (pattern.Length > MaxLength) throw new RuleException($"{place}: a pattern of {pattern.Length} characters; write at most {MaxLength}");
        Regex compiled;
        try
        {
            compiled = new(@"\A(?:" + pattern + @")\z", RegexOptions.NonBacktracking | RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture | RegexOptions.Singleline, Limit);
        }
        catch (RegexParseException e)
        {
            throw new RuleException($"{place}: {e.Error} in the regular expression; mend it, or write a template");
        }
        catch (NotSupportedException e)
        {
            throw new RuleException($"{place}: only backtracking could match this ({e.Message.TrimEnd('.')}); write it without look-around, back references and large repetitions");
        }

        if (compiled.GetGroupNames().FirstOrDefault(n => !char.IsAsciiDigit(n[0]) && !Groups.Contains(n)) is { } unknown)
            throw new RuleException($"{place}: '{unknown}' is no group; name groups {string.Join(", ", Groups)}");
        if (compiled.IsMatch("")) throw new RuleException($"{place}: the pattern matches an empty line; give it text that every such line has");
        return compiled;
    }

    /// <summary>Matches a whole message.</summary>
    public bool Match(ReadOnlySpan<byte> message, ref Captures captures)
    {
        Span<char> text = stackalloc char[Math.Min(message.Length, LogLines.MaxLine)];
        if (message.Length > text.Length) return false;
        Encoding.Latin1.GetChars(message, text);
        try
        {
            if (!regex.Value.IsMatch(text)) return false;
            Take(regex.Value.Match(text.ToString()), message, ref captures);
            return true;
        }
        catch (RegexMatchTimeoutException)
        {
            Interlocked.Increment(ref timeouts);
            return false;
        }
    }

    private static void Take(Match match, ReadOnlySpan<byte> message, ref Captures captures)
    {
        captures = Captures.Empty;
        Group address = match.Groups["address"], user = match.Groups["user"], count = match.Groups["count"];
        if (address.Success) (captures.AddressStart, captures.AddressLength) = (address.Index, address.Length);
        if (user.Success) (captures.UserStart, captures.UserLength) = (user.Index, user.Length);
        if (!count.Success) return;
        ReadOnlySpan<byte> digits = message.Slice(count.Index, count.Length);
        if (ByteClass.Count.Run(digits) == digits.Length) captures.Count = Math.Clamp(Segment.Number(digits), 1, Captures.MaxCount);
    }
}
