using RateWall.IntegrationTests.Machine;

namespace RateWall.IntegrationTests.Wall;

/// <summary>The real xt_recent, by way of iptables-legacy: rules for iptables-restore(8).</summary>
internal static class XtRecent
{
    /// <summary>The programs a test needs.</summary>
    public const string Restore4 = "iptables-legacy-restore", Restore6 = "ip6tables-legacy-restore";

    /// <summary>N connections in S seconds: the one after is dropped and leaves no stamp.</summary>
    public static string[] Check(int port, int hitCount, int seconds) =>
    [
        $"-A PREROUTING -p tcp --syn --dport {port} -m recent --name list{port} --rcheck --seconds {seconds} --hitcount {hitCount} -j DROP",
        $"-A PREROUTING -p tcp --syn --dport {port} -m recent --name list{port} --set",
    ];

    /// <summary>The widespread form: every try leaves a stamp, and the N-th in S seconds is dropped and leaves another.</summary>
    public static string[] Update(int port, int hitCount, int seconds) =>
    [
        $"-A PREROUTING -p tcp --syn --dport {port} -m recent --name list{port} --set",
        $"-A PREROUTING -p tcp --syn --dport {port} -m recent --name list{port} --update --seconds {seconds} --hitcount {hitCount} -j DROP",
    ];

    /// <summary>Loads the rules for both IP versions, IPv6 by /64.</summary>
    public static void Load(NetworkNamespace space, IEnumerable<string> rules)
    {
        Load(space, Restore4, rules);
        // A list has one mask, that of the first rule that names it: IPv6 needs lists of its own.
        Load(space, Restore6, rules.Select(r => r.Replace("--name ", "--mask ffff:ffff:ffff:ffff:: --name six", StringComparison.Ordinal)));
    }

    /// <summary>Loads the rules for IPv6 as they stand in most scripts, without a mask.</summary>
    public static void LoadByAddress(NetworkNamespace space, IEnumerable<string> rules) => Load(space, Restore6, rules);

    private static void Load(NetworkNamespace space, string restore, IEnumerable<string> rules) =>
        space.Exec(restore, ["--wait"], string.Join('\n', ["*mangle", .. rules, "COMMIT", ""]), null).MustSucceed(restore);
}
