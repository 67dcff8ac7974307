using System.Text.RegularExpressions;

namespace RateWall.Wall;

/// <summary>
/// The interfaces a ruleset hooks into before anything else sees their packets. Since Linux 6.16 a hook waits for an
/// interface that is not there; an older kernel refuses it, and with it the whole wall, and loses the hook of one that goes.
/// </summary>
internal static partial class IngressHooks
{
    /// <summary>The interfaces that a ruleset's text or the kernel's listing of it names.</summary>
    public static IReadOnlyList<string> In(string text) =>
        [.. Hook().Matches(text).SelectMany(m => m.Groups["names"].Value.Split(',')).Select(n => n.Trim(' ', '"'))];

    /// <summary>The text with hooks into some of its interfaces only; with none left the chain goes too.</summary>
    public static string Keep(string text, Func<string, bool> wanted)
    {
        string[] kept = [.. In(text).Where(wanted)];
        return kept.Length == 0
            ? Chain().Replace(text, "")
            : Hook().Replace(text, $"hook ingress devices = {{ {Names(kept)} }}");
    }

    /// <summary>Interface names as the nft language writes them.</summary>
    public static string Names(IEnumerable<string> interfaces) => string.Join(", ", interfaces.Select(i => $"\"{i}\""));

    // nft lists one interface as `device "eth0"`, several as `devices = { eth0, eth1 }`.
    [GeneratedRegex(@"hook ingress devices?( =)? \{? ?(?<names>[^{}\n]*?) ?\}?(?= priority)", RegexOptions.ExplicitCapture, Timeout.Infinite)]
    private static partial Regex Hook();

    [GeneratedRegex(@"^(?<indent>[ \t]*)chain ingress \{.*?^\k<indent>\}[ \t]*\n", RegexOptions.Multiline | RegexOptions.Singleline | RegexOptions.ExplicitCapture, Timeout.Infinite)]
    private static partial Regex Chain();
}
