using RateWall.Detection;
using RateWall.IntegrationTests.Machine;
using RateWall.Wall;

namespace RateWall.IntegrationTests.Wall;

/// <summary>
/// Beside other firewalls, each in the shape its program gives it: nothing of theirs is read or changed, and both sides'
/// verdicts count.
/// </summary>
public sealed class CoexistenceTests : IDisposable
{
    private const byte NfprotoInet = 1; // NFPROTO_INET, linux/netfilter.h
    private const int Open = 22;
    private const int ClosedByTheOther = 2222;

    private readonly TwoHosts hosts = new(Open, ClosedByTheOther);
    private readonly RateWallProgram ratewall;

    public CoexistenceTests()
    {
        ratewall = new(hosts.Server);
        File.AppendAllText(ratewall.ConfigFile, $"services: {{ ssh: {{ ports: [{Open}, {ClosedByTheOther}], limit: {{ mode: window, connections: 2, per: 60s }} }} }}\n");
    }

    public void Dispose()
    {
        ratewall.Dispose();
        hosts.Dispose();
    }

    [LinuxFact]
    public void Commands_BesideFirewalld_TouchNothingAndBothCount()
    {
        hosts.Server.NftLoad($$"""
            table inet firewalld {
              chain mangle_PREROUTING { type filter hook prerouting priority mangle + 10; policy accept; jump mangle_PREROUTING_ZONES; }
              chain mangle_PREROUTING_ZONES { iifname "eth0" goto mangle_PRE_public; goto mangle_PRE_public; }
              chain mangle_PRE_public { meta mark set meta mark | 0x10; }
              chain nat_PREROUTING { type nat hook prerouting priority dstnat + 10; policy accept; tcp dport 2022 redirect to :{{Open}}; }
              chain nat_POSTROUTING { type nat hook postrouting priority srcnat + 10; policy accept; }
              chain filter_PREROUTING { type filter hook prerouting priority filter + 10; policy accept; icmpv6 type { nd-router-advert, nd-neighbor-solicit } accept; }
              chain filter_INPUT {
                type filter hook input priority filter + 10; policy accept;
                ct state { established, related } accept
                iifname "lo" accept
                ct state invalid drop
                jump filter_INPUT_ZONES
                reject with icmpx admin-prohibited
              }
              chain filter_INPUT_ZONES { iifname "eth0" goto filter_IN_public; goto filter_IN_public; }
              chain filter_IN_public { jump filter_IN_public_allow; meta l4proto { icmp, ipv6-icmp } accept; }
              chain filter_IN_public_allow { tcp dport {{Open}} ct state new,untracked accept; }
            }
            """);
        BothCount(() => hosts.Server.Nft("-a", "-s", "list", "table", "inet", "firewalld"));
    }

    [LinuxFact("iptables-nft-restore")]
    public void Commands_BesideDockerAndUfwThroughIptables_TouchNothingAndBothCount()
    {
        Restore("iptables-nft-restore", $"""
            *nat
            :PREROUTING ACCEPT [0:0]
            :OUTPUT ACCEPT [0:0]
            :POSTROUTING ACCEPT [0:0]
            :DOCKER - [0:0]
            -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
            -A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER
            -A POSTROUTING -s 203.0.113.0/24 ! -o docker0 -j MASQUERADE
            -A DOCKER ! -i docker0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 203.0.113.2:80
            COMMIT
            *filter
            :INPUT DROP [0:0]
            :FORWARD DROP [0:0]
            :OUTPUT ACCEPT [0:0]
            :DOCKER-USER - [0:0]
            :ufw-before-input - [0:0]
            :ufw-user-input - [0:0]
            -A INPUT -j ufw-before-input
            -A FORWARD -j DOCKER-USER
            -A DOCKER-USER -j RETURN
            -A ufw-before-input -i lo -j ACCEPT
            -A ufw-before-input -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
            -A ufw-before-input -m conntrack --ctstate INVALID -j DROP
            -A ufw-before-input -p icmp -j ACCEPT
            -A ufw-before-input -j ufw-user-input
            -A ufw-user-input -p tcp -m tcp --dport {Open} -j ACCEPT
            COMMIT

            """);
        BothCount(() => hosts.Server.Nft("-a", "-s", "list", "table", "ip", "nat") + hosts.Server.Nft("-a", "-s", "list", "table", "ip", "filter"));
    }

    [LinuxFact("iptables-legacy-restore")]
    public void Commands_BesideIptablesLegacy_TouchNothingAndBothCount()
    {
        Restore("iptables-legacy-restore", $"*filter\n:INPUT DROP [0:0]\n-A INPUT -p tcp -m tcp --dport {Open} -j ACCEPT\nCOMMIT\n");
        BothCount(() => hosts.Server.Exec("iptables-legacy-save", "-t", "filter").MustSucceed("iptables-legacy-save").Out
            .Split('\n').Where(l => l.StartsWith('-')).Aggregate("", (all, line) => all + line + "\n"));
    }

    [LinuxFact]
    public void Commands_BesideAnotherRateWallInAnotherNamespace_TouchNothingOfIt()
    {
        using var other = new RateWallProgram(hosts.Client);
        other.Run("apply").MustSucceed("apply");
        other.Run("ban", "203.0.113.77", "--for", "1h").MustSucceed("ban");
        string before = hosts.Client.Nft("-a", "-s", "list", "ruleset");

        ratewall.Run("apply").MustSucceed("apply");
        ratewall.Run("clear", "--yes").MustSucceed("clear");
        ratewall.Run("remove").MustSucceed("remove");

        Assert.Equal(before, hosts.Client.Nft("-a", "-s", "list", "ruleset"));
        Assert.Contains("203.0.113.77", before, StringComparison.Ordinal);
        Assert.DoesNotContain("ratewall", hosts.Server.Nft("list", "ruleset"), StringComparison.Ordinal);
    }

    [LinuxFact("strace")]
    public void Commands_BesideOthersTables_AskForNoRuleAndNoElementOfTheirs()
    {
        string[] theirs = ["ip nat", "ip filter", "inet firewalld", "inet ratewall2", "netdev ratewall", "ip ratewall"];
        foreach (string table in theirs)
        {
            // A regular chain, for no table's family is like another's in its hooks.
            hosts.Server.NftLoad($$"""
                table {{table}} {
                    set blocked { type ipv4_addr; flags interval; elements = { 203.0.113.0/25 }; }
                    set seen { type ipv4_addr; flags timeout; elements = { 203.0.113.200 timeout 1h }; }
                    map ports { type inet_service : verdict; elements = { 22 : accept }; }
                    counter hits { }
                    chain user { counter name hits; drop; }
                }

                """);
        }

        string before = Theirs();
        var asked = new List<NetfilterRequest>();
        Traced("apply");
        Traced("plan");
        Traced("ban", "198.51.100.7", "--for", "1h");
        Traced("ban", "198.51.100.64/26", "--for", "1h");
        Traced("status");
        hosts.Server.Nft("flush chain inet ratewall early; flush set inet ratewall ban4");
        Assert.Contains("mended", Traced("correlate").Error, StringComparison.Ordinal);
        hosts.Server.Nft("delete table inet ratewall");
        Assert.Contains("it was gone", Traced("correlate").Error, StringComparison.Ordinal);
        File.AppendAllText(ratewall.ConfigFile, "allow: [192.0.2.200]\nbans: { size: 4000 }\n");
        Traced("apply");
        Traced("unban", "198.51.100.7");
        Traced("clear", "--yes");
        Traced("remove");

        Assert.Equal(before, Theirs());
        // libnftables wants to know which tables there are, and what chains, sets, flow tables and counters are in them. Of nobody
        // else a rule or an element is asked for, and nothing is changed.
        string[] ofOthers = [.. asked.Where(r => (r.Family, r.Table) != (NfprotoInet, "ratewall")).Select(r => r.Kind).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
        Assert.Empty(ofOthers.Except(["GETCHAIN", "GETFLOWTABLE", "GETGEN", "GETOBJ", "GETSET", "GETTABLE"], StringComparer.Ordinal));
        // That all of it was seen.
        string[] kinds = ["NEWTABLE", "DELTABLE", "NEWCHAIN", "NEWRULE", "DELRULE", "GETRULE", "NEWSET", "NEWSETELEM", "GETSETELEM", "DELSETELEM", "NEWOBJ"];
        Assert.Empty(kinds.Except(asked.Where(r => (r.Family, r.Table) == (NfprotoInet, "ratewall")).Select(r => r.Kind), StringComparer.Ordinal));

        string Theirs() => string.Concat(theirs.Select(t => hosts.Server.Nft(["-a", "-s", "list", "table", .. t.Split(' ')])));
        Answer Traced(params string[] verb)
        {
            string trace = ratewall.Scratch("trace");
            Answer answer = ratewall.Trace(NetfilterRequests.Options(trace), verb).MustSucceed(string.Join(' ', verb));
            asked.AddRange(NetfilterRequests.Read(trace));
            return answer;
        }
    }

    // Every verb that writes, and each packet's fate at both: what the other closes stays closed, what it opens is limited
    // and banned here.
    private void BothCount(Func<string> theirs)
    {
        Assert.Equal("-", hosts.Tries(TwoHosts.Client4, ClosedByTheOther, 1));
        string before = theirs();
        ratewall.Run("apply").MustSucceed("apply");
        Assert.Equal("++-", hosts.Tries(TwoHosts.Client4, Open, 3));
        Assert.Equal("-", hosts.Tries(TwoHosts.Client4, ClosedByTheOther, 1));
        Kernel(bans => bans.Put([new(AddressPrefix.Parse(TwoHosts.Client4), DateTimeOffset.UtcNow.AddHours(1))]));
        Assert.Equal("-", hosts.Tries(TwoHosts.Client4, Open, 1));
        hosts.Server.Nft("flush chain inet ratewall early");
        Assert.Contains("mended", ratewall.Run("correlate").MustSucceed("correlate").Error, StringComparison.Ordinal);
        Assert.Equal(before, theirs());
        ratewall.Run("remove").MustSucceed("remove");
        Assert.Equal(before, theirs());
        Assert.Equal("+", hosts.Tries(TwoHosts.Client4, Open, 1));
        Assert.Equal("-", hosts.Tries(TwoHosts.Client4, ClosedByTheOther, 1));
    }

    private void Kernel(Action<KernelBans> use) => hosts.Server.Run(() =>
    {
        using KernelBans bans = KernelBans.Open(TimeProvider.System);
        use(bans);
    });

    private void Restore(string program, string rules) =>
        hosts.Server.Exec(program, [], rules.ReplaceLineEndings("\n"), null).MustSucceed(program);
}
