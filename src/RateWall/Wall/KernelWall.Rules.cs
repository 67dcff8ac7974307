using System.Globalization;
using System.Net.NetworkInformation;
using System.Text.RegularExpressions;
using RateWall.Netfilter;

namespace RateWall.Wall;

/// <summary>How the rules are sent: hooked where this kernel takes hooks, and with errors that name the template.</summary>
public sealed partial class KernelWall
{
    // One run asks for the same few texts again and again.
    private readonly Dictionary<string, IReadOnlySet<string>> chainsOf = new(StringComparer.Ordinal);

    /// <summary>Interfaces that a ruleset hooks into and that are not there now.</summary>
    public static IReadOnlyList<string> AbsentInterfaces(Ruleset ruleset)
    {
        ArgumentNullException.ThrowIfNull(ruleset);
        IReadOnlyList<string> named = IngressHooks.In(ruleset.Text);
        return named.Count == 0 ? [] : [.. named.Except(PresentInterfaces(), StringComparer.Ordinal)];
    }

    private static IEnumerable<string> PresentInterfaces() => NetworkInterface.GetAllNetworkInterfaces().Select(i => i.Name);

    /// <summary>
    /// Chains that the table has, if it is as it was applied, and those of a text: the kernel is asked for each by its name, because
    /// it could give all of them only together with everybody else's.
    /// </summary>
    private HashSet<string> ExpectedChains(string text = "") => [.. ChainsOf(text), .. ChainsOf(AppliedWall.ReadText(stateDirectory) ?? "")];

    private IReadOnlySet<string> ChainsOf(string text)
    {
        if (!chainsOf.TryGetValue(text, out IReadOnlySet<string>? chains)) chainsOf.Add(text, chains = RulesetRenderer.ChainsIn(text));
        return chains;
    }

    /// <param name="ruleset">What is wanted.</param>
    /// <param name="before">What was applied before, or null.</param>
    /// <param name="checkOnly">True: the kernel validates, nothing changes.</param>
    private void RunRules(Ruleset ruleset, AppliedWall? before, bool checkOnly = false)
    {
        Ruleset fitting = Fitting(ruleset);
        string transaction = Outdated(before, fitting) + Transaction(fitting);
        try
        {
            Rules.Run(transaction, checkOnly: checkOnly, chains: ExpectedChains(fitting.Text));
        }
        catch (NetfilterException refused) when (fitting.Origins.Count > 0)
        {
            throw Placed(refused, transaction, fitting);
        }
    }

    /// <summary>
    /// A meter lives in its source's element: under another rate it would go on with the old one for as long as the source
    /// comes back, and that is what somebody does who is worth limiting. And what rules put into a set lives as long as it
    /// was given then: after a limit of a day was made one of a minute, who had reached it would stay out for the day. Such
    /// sets begin anew.
    /// </summary>
    private string Outdated(AppliedWall? before, Ruleset ruleset)
    {
        if (before is null || !Present) return "";
        Dictionary<string, string> old = Meters(before.Text), wanted = Meters(ruleset.Text);
        bool IsMeteredOtherwise(string set) => wanted.TryGetValue(set, out string? rate) && old.TryGetValue(set, out string? earlier) && rate != earlier;
        bool LivedLonger(SetDescription set) => ruleset.Sets.TryGetValue(set.Name, out DeclaredSet? declared)
            && declared.Features.HasFlag(SetFeatures.Dynamic) && set.Timeout > declared.Timeout;
        return string.Concat(kernel.ListSets(WallTable.Name)
            .Where(s => IsMeteredOtherwise(s.Name) || LivedLonger(s))
            .Select(s => $"flush set {WallTable.Nft} {s.Name}\n"));
    }

    private static Dictionary<string, string> Meters(string text)
    {
        var meters = new Dictionary<string, string>(StringComparer.Ordinal);
        // Several roads of a service share a set; they meter alike.
        foreach (Match meter in Meter().Matches(text)) meters[meter.Groups["set"].Value] = meter.Groups["rate"].Value;
        return meters;
    }

    /// <summary>An interface that is not there must not keep the whole wall from coming up.</summary>
    private Ruleset Fitting(Ruleset ruleset)
    {
        IReadOnlyList<string> absent = AbsentInterfaces(ruleset);
        return absent.Count == 0 || HooksWait() ? ruleset : RulesetRenderer.Describe(IngressHooks.Keep(ruleset.Text, i => !absent.Contains(i, StringComparer.Ordinal)));
    }

    /// <summary>Asks the kernel, which changes nothing, whether it takes a hook into an interface that is not there.</summary>
    private bool HooksWait()
    {
        try
        {
            Rules.Run($"table {WallTable.Nft} {{\n chain ingress_probe {{\n type filter hook ingress device \"rw-absent\" priority 0;\n }}\n}}\n", checkOnly: true, chains: ExpectedChains());
            return true;
        }
        catch (NetfilterException refused) when (refused.IsNotFound)
        {
            return false;
        }
    }

    /// <summary>
    /// Interfaces that are to be hooked, are there, and are not in the kernel's listing: those that came after an `apply` on a
    /// kernel that takes no absent ones.
    /// </summary>
    internal static IReadOnlyList<string> MissingHooks(string text, string listing)
    {
        string[] lost = [.. IngressHooks.In(text).Except(IngressHooks.In(listing), StringComparer.Ordinal)];
        return lost.Length == 0 ? [] : [.. lost.Intersect(PresentInterfaces(), StringComparer.Ordinal)];
    }

    /// <summary>libnftables names lines of the transaction; whoever mends a template wants its own.</summary>
    private static NetfilterException Placed(NetfilterException refused, string transaction, Ruleset ruleset)
    {
        int before = transaction.AsSpan(0, transaction.IndexOf(ruleset.Text, StringComparison.Ordinal)).Count('\n');
        bool own = false;
        string text = RuleLine().Replace(refused.Message, match =>
        {
            int line = int.Parse(match.Groups["line"].ValueSpan, CultureInfo.InvariantCulture) - before;
            if (line < 1 || line > ruleset.Origins.Count || ruleset.Origins[line - 1] is not { File.Length: > 0 } origin) return match.Value;
            own |= Path.IsPathRooted(origin.File);
            return string.Create(CultureInfo.InvariantCulture, $"{origin.File}:{origin.Line}:");
        });
        const string Remedy = "\nMend the template, or move it away to have the built-in one back. Nothing was changed.";
        return new(refused.Operation, refused.Errno, text[(refused.Operation.Length + 2)..] + (own ? Remedy : ""));
    }

    [GeneratedRegex(@"update @(?<set>\w+) \{ [^}]*(?<rate>limit rate [^}]*) \}", RegexOptions.ExplicitCapture, Timeout.Infinite)]
    private static partial Regex Meter();

    [GeneratedRegex("rules:(?<line>[0-9]{1,7}):", RegexOptions.ExplicitCapture, Timeout.Infinite)]
    private static partial Regex RuleLine();
}
