using RateWall.IntegrationTests.Machine;

namespace RateWall.IntegrationTests.Wall;

/// <summary>
/// Beside other firewalls' tables: of all that the program sends to nf_tables and receives, nothing is about a table that is not the
/// wall's, and no question is one that the kernel answers with everybody's.
/// </summary>
public sealed class OneTableTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    private readonly NetworkNamespace network = new();
    private readonly RateWallProgram ratewall;
    private readonly List<NetfilterMessage> traffic = [];

    public OneTableTests()
    {
        ratewall = new(network);
        foreach (string table in OtherFirewalls.Tables) network.NftLoad(OtherFirewalls.Table(table));
        network.NftLoad(OtherFirewalls.Firewalld(22));
        network.Exec("iptables-nft-restore", [], OtherFirewalls.DockerAndUfw(22), null).MustSucceed("iptables-nft-restore");
    }

    public void Dispose()
    {
        ratewall.Dispose();
        network.Dispose();
    }

    [LinuxFact("strace", "iptables-nft-restore")]
    public void EveryVerb_BesideOthersTables_SendsAndReceivesNothingOfTheirs()
    {
        string before = Theirs();
        Traced("apply", "--check");
        Traced("apply");
        Traced("apply");
        Traced("correlate");
        Traced("plan");
        Traced("plan", "--full");
        Traced("ban", "198.51.100.7", "--for", "1h");
        Traced("ban", "198.51.100.64/26", "--for", "1h");
        Traced("siege", "ssh", "--for", "1h");
        Traced("lockdown", "ssh", "--for", "1h");
        Traced("status");
        Traced("list");
        network.Nft("flush chain inet ratewall early; flush set inet ratewall ban4");
        Assert.Contains("mended", Traced("correlate").Error, StringComparison.Ordinal);
        network.Nft("delete table inet ratewall");
        Assert.Contains("it was gone", Traced("correlate").Error, StringComparison.Ordinal);
        network.Nft("add rule inet ratewall early tcp dport 7 drop");
        File.AppendAllText(ratewall.ConfigFile, "allow: [192.0.2.200]\nbans: { size: 4000 }\n");
        Assert.Equal(1, Trace("plan").ExitCode);
        Traced("apply");
        Traced("unban", "198.51.100.7");
        Traced("clear", "--yes");
        Traced("remove");

        AssertOfTheWallAlone();
        Assert.Equal(before, Theirs());
        // That all of it was seen, both ways.
        string[] sent = ["NEWTABLE", "DELTABLE", "NEWCHAIN", "GETCHAIN", "NEWRULE", "DELRULE", "GETRULE", "NEWSET", "GETSET", "NEWSETELEM", "GETSETELEM", "DELSETELEM", "NEWOBJ", "GETOBJ", "GETFLOWTABLE"];
        Assert.Empty(sent.Except(traffic.Where(m => m.Sent).Select(m => m.Kind), StringComparer.Ordinal));
        string[] received = ["NEWGEN", "NEWTABLE", "NEWCHAIN", "NEWRULE", "NEWSET", "NEWSETELEM", "NEWOBJ"];
        Assert.Empty(received.Except(traffic.Where(m => !m.Sent).Select(m => m.Kind), StringComparer.Ordinal));
    }

    [LinuxFact("strace", "iptables-nft-restore")]
    public void Confirm_WallThatIsTakenBack_SendsAndReceivesNothingOfTheirs()
    {
        ratewall.Run("apply").MustSucceed("apply");
        string before = Theirs(), wall = network.Nft("-s", "-t", "list", "table", "inet", "ratewall");
        File.AppendAllText(ratewall.ConfigFile, "services: { ssh: { limit: { mode: bucket, connections: 9, per: 60s } } }\n");
        // strace goes on until the keeper, who takes the wall back, has ended.
        Traced("apply", "--confirm", "2s");
        Eventually.True("the wall is the one before", Patience, () => network.Nft("-s", "-t", "list", "table", "inet", "ratewall").Split('\n').Order(StringComparer.Ordinal)
            .SequenceEqual(wall.Split('\n').Order(StringComparer.Ordinal), StringComparer.Ordinal));
        AssertOfTheWallAlone();
        Assert.Equal(before, Theirs());
        Assert.True(traffic.Count(m => m is { Sent: true, Kind: "NEWTABLE" }) >= 2, "two transactions");
    }

    [LinuxFact("strace", "iptables-nft-restore")]
    public void Correlate_ChainThatNobodyKnows_IsTakenOutThoughAllMustBeAskedForThen()
    {
        ratewall.Run("apply").MustSucceed("apply");
        network.Nft("add chain inet ratewall stranger");
        Assert.Contains("mended", Traced("correlate").Error, StringComparison.Ordinal);
        Assert.DoesNotContain("stranger", network.Nft("list", "table", "inet", "ratewall"), StringComparison.Ordinal);
        // The control, too: this is what reading of others looks like.
        Assert.Contains(traffic, m => m is { Sent: true, Kind: "GETCHAIN", Everything: true });
        Assert.Contains(traffic, m => m is { Sent: false, Kind: "NEWCHAIN", Table: "firewalld" });

        traffic.Clear();
        Traced("correlate");
        Traced("plan");
        AssertOfTheWallAlone();
    }

    [LinuxFact("strace", "iptables-nft-restore")]
    public void Nft_ListingTheWall_IsSeenToReadOthers()
    {
        ratewall.Run("apply").MustSucceed("apply");
        string trace = ratewall.Scratch("trace");
        network.Exec("strace", [.. NetfilterTraffic.Options(trace), "nft", "list", "table", "inet", "ratewall"]).MustSucceed("nft");
        IReadOnlyList<NetfilterMessage> seen = NetfilterTraffic.Read(trace);
        Assert.Contains(seen, m => m.Sent && !m.IsOfTheWall);
        Assert.Contains(seen, m => !m.Sent && !m.IsOfTheWall && m.Table == "firewalld");
    }

    private void AssertOfTheWallAlone()
    {
        Assert.Empty(traffic.Where(m => !m.IsOfTheWall).Distinct());
        Assert.Contains(traffic, m => m.Sent);
    }

    private string Theirs() => string.Concat(((string[])[.. OtherFirewalls.Tables, "inet firewalld", "ip nat", "ip filter"])
        .Select(t => network.Nft(["-a", "-s", "list", "table", .. t.Split(' ')])));

    private Answer Traced(params string[] verb) => Trace(verb).MustSucceed(string.Join(' ', verb));

    private Answer Trace(params string[] verb)
    {
        string trace = ratewall.Scratch("trace");
        Answer answer = ratewall.Trace(NetfilterTraffic.Options(trace), verb);
        traffic.AddRange(NetfilterTraffic.Read(trace));
        return answer;
    }
}
