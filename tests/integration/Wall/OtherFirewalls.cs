namespace RateWall.IntegrationTests.Wall;

/// <summary>What other programs write into the same kernel, each in the shape it gives it.</summary>
internal static class OtherFirewalls
{
    /// <summary>Tables beside the wall with one of everything in it, also such as differ from it in family or name alone.</summary>
    public static IReadOnlyList<string> Tables { get; } = ["ip other", "inet ratewall2", "netdev ratewall", "ip ratewall"];

    /// <summary>One of <see cref="Tables"/>, in the nft language.</summary>
    public static string Table(string table) =>
        // A regular chain, for no table's family is like another's in its hooks.
        $$"""
        table {{table}} {
            set blocked { type ipv4_addr; flags interval; elements = { 203.0.113.0/25 }; }
            set seen { type ipv4_addr; flags timeout; elements = { 203.0.113.200 timeout 1h }; }
            map ports { type inet_service : verdict; elements = { 22 : accept }; }
            counter hits { }
            chain user { counter name hits; drop; }
        }

        """;

    /// <summary>firewalld's table, which lets in whoever comes to one port, in the nft language.</summary>
    public static string Firewalld(int open) =>
        $$"""
        table inet firewalld {
          chain mangle_PREROUTING { type filter hook prerouting priority mangle + 10; policy accept; jump mangle_PREROUTING_ZONES; }
          chain mangle_PREROUTING_ZONES { iifname "eth0" goto mangle_PRE_public; goto mangle_PRE_public; }
          chain mangle_PRE_public { meta mark set meta mark | 0x10; }
          chain nat_PREROUTING { type nat hook prerouting priority dstnat + 10; policy accept; tcp dport 2022 redirect to :{{open}}; }
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
          chain filter_IN_public_allow { tcp dport {{open}} ct state new,untracked accept; }
        }
        """;

    /// <summary>Docker's and ufw's chains, which let in whoever comes to one port, for iptables-nft-restore.</summary>
    public static string DockerAndUfw(int open) =>
        $"""
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
        -A ufw-user-input -p tcp -m tcp --dport {open} -j ACCEPT
        COMMIT

        """.ReplaceLineEndings("\n");
}
