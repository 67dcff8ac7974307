using System.Text.RegularExpressions;
using RateWall.Detection;
using RateWall.Output;

namespace RateWall.Policy;

/// <summary>Turns the merged tree of all files into the policy, and says everything that is wrong with it.</summary>
internal sealed partial class PolicyBuilder(MapNode tree, LogFacts facts, PolicyProblems problems)
{
    private const int MostServices = 64;
    private const int MostInterfaces = 64;
    private static readonly string[] TopKeys = ["allow", "defaults", "services", "bans", "trust", "early", "watch", "units"];
    private static readonly string[] BanKeys = ["first", "factor", "cap", "memory", "size"];
    private static readonly string[] EarlyKeys = ["ingress"];
    private static readonly string[] TrustKeys = ["for", "factor"];
    private static readonly TimeSpan OneSecond = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan TenYears = TimeSpan.FromDays(3650);

    private readonly ValueReader reader = new(problems);

    /// <summary>Reads it all. What comes back is only to be used when no problem was found.</summary>
    public EffectivePolicy Build()
    {
        KnownTopKeys();
        MapNode empty = new(tree.Origin, []);
        IReadOnlyList<AddressPrefix> allow = Allow(tree.Find("allow") ?? empty);
        IReadOnlyList<ServicePolicy> services = Services(
            Section("services", "'services: { ssh: { ... } }'") ?? empty,
            Section("defaults", "'defaults: { log: journal }'") ?? empty);
        BanPolicy bans = Bans(Section("bans", "'bans: { first: 10m }'") ?? empty);
        TrustPolicy trust = Trust(Section("trust", "'trust: { for: 30d }'") ?? empty);
        IReadOnlyList<string> ingress = Ingress(Section("early", "'early: { ingress: [eth0] }'") ?? empty);
        var unitReader = new UnitReader(reader, Section("watch", "'watch: { interval: 5s }'") ?? empty, services, ServiceNames());
        TimeSpan interval = unitReader.Interval();
        IReadOnlyList<UnitPolicy> units = Units(unitReader, Section("units", "'units: { dovecot: { ... } }'") ?? empty);
        return new EffectivePolicy(services, allow, bans, trust, reader.Values) { Ingress = ingress, Units = units, WatchInterval = interval };
    }

    // A stand-in for a section that is no map would add "lacks" for each of its keys: one mistake, one problem.
    private MapNode? Section(string key, string example) =>
        tree.Find(key) is { } node && reader.Map(node, key, example) is { } map ? map : null;

    private void KnownTopKeys()
    {
        foreach (MapEntry entry in tree.Entries)
        {
            if (TopKeys.Contains(entry.Key)) continue;
            bool isService = tree.Find("services") is MapNode services && services.Find(entry.Key) is not null;
            problems.Add(entry.KeyOrigin, isService
                ? $"'{ValueReader.Shown(entry.Key)}' is a service; indent it under 'services:'"
                : $"unknown key '{ValueReader.Shown(entry.Key)}'; {ValueReader.Remedy(entry.Key, TopKeys)}");
        }
    }

    private List<AddressPrefix> Allow(PolicyNode node)
    {
        var networks = new List<AddressPrefix>();
        IReadOnlyList<PolicyNode> items = node switch
        {
            ListNode list => list.Items,
            ScalarNode { IsNothing: true } => [],
            ScalarNode single => [single],
            _ => [],
        };
        if (node is MapNode) problems.Add(node.Origin, "allow takes a list of networks, not a map; write 'allow: [192.0.2.0/24]'");
        if (items.Count == 0) reader.Record("allow", "[]", node.Origin);
        for (int i = 0; i < items.Count; i++)
            if (Network(items[i], $"allow[{i}]") is { } network) networks.Add(network);
        return networks;
    }

    private AddressPrefix? Network(PolicyNode node, string path)
    {
        if (node is not ScalarNode scalar || !AddressPrefix.TryParse(scalar.Text, out AddressPrefix network))
        {
            problems.Add(node.Origin, $"{path} is {ValueReader.Describe(node)}, which is no address or network; write it like 192.0.2.1, 192.0.2.0/24 or 2001:db8::/48");
            return null;
        }

        if (network.Length == 0)
        {
            string version = network.IsIPv4 ? "IPv4" : "IPv6";
            problems.Add(node.Origin, $"{path} is {TerminalText.Escape(scalar.Text)}, which would free every {version} source from all limits and bans; name the networks you mean, or switch services off");
            return null;
        }

        reader.Record(path, network.ToString(), scalar.Origin);
        return network;
    }

    private List<ServicePolicy> Services(MapNode node, MapNode defaults)
    {
        var services = new List<ServicePolicy>();
        var serviceReader = new ServiceReader(reader, facts, defaults);
        string[] names = [.. node.Entries.Select(e => e.Key)];
        if (names.Length > MostServices)
        {
            problems.Add(node.Entries[MostServices].KeyOrigin, $"there are {names.Length} services, more than {MostServices}; put ports of one daemon into one service");
            return services;
        }

        serviceReader.CheckDefaults();
        foreach (MapEntry entry in node.Entries)
            if (serviceReader.Read(entry, names) is { } service) services.Add(service);
        serviceReader.SharedPorts();
        return services;
    }

    private string[] ServiceNames() => tree.Find("services") is MapNode map ? [.. map.Entries.Select(e => e.Key)] : [];

    private List<UnitPolicy> Units(UnitReader unitReader, MapNode node)
    {
        var units = new List<UnitPolicy>();
        if (node.Entries.Count > UnitReader.Most)
        {
            problems.Add(node.Entries[UnitReader.Most].KeyOrigin, $"there are {node.Entries.Count} entries of units, more than {UnitReader.Most}; leave out those you can do without");
            return units;
        }

        foreach (MapEntry entry in node.Entries)
            if (unitReader.Read(entry) is { } unit) units.Add(unit);
        return units;
    }

    private BanPolicy Bans(MapNode map)
    {
        if (map.Entries.Count == 0) return new BanPolicy(OneSecond, 1, OneSecond, OneSecond, 2);
        reader.KnownKeys(map, "bans", BanKeys);
        TimeSpan first = reader.Duration(map, "bans", "first", OneSecond, TenYears);
        int factor = reader.Whole(map, "bans", "factor", 1, 100);
        TimeSpan cap = reader.Duration(map, "bans", "cap", OneSecond, TenYears);
        TimeSpan memory = reader.Duration(map, "bans", "memory", OneSecond, TenYears);
        int size = reader.Whole(map, "bans", "size", 2, 1_048_576);
        if (first > cap) reader.FirstAboveCap(map, "bans", first, cap);
        return new BanPolicy(first, factor, cap, memory, size);
    }

    private List<string> Ingress(MapNode early)
    {
        const string path = "early.ingress";
        var names = new List<string>();
        reader.KnownKeys(early, "early", EarlyKeys);
        if (early.Find("ingress") is not { } node) return names;
        IReadOnlyList<PolicyNode> items = node switch
        {
            ListNode list => list.Items,
            ScalarNode { IsNothing: true } => [],
            ScalarNode single => [single],
            _ => [],
        };
        if (node is MapNode) problems.Add(node.Origin, $"{path} takes a list of interfaces, not a map; write 'ingress: [eth0]'");
        if (items.Count > MostInterfaces) problems.Add(node.Origin, $"{path} names {items.Count} interfaces, more than {MostInterfaces}; name those that strangers' packets come in by");
        foreach (PolicyNode item in items)
            if (InterfaceFault(item, names) is { } fault) problems.Add(item.Origin, $"{path} holds {ValueReader.Describe(item)}, {fault}");
            else names.Add(((ScalarNode)item).Text);
        reader.Record(path, $"[{string.Join(", ", names)}]", node.Origin);
        return names;
    }

    private static string? InterfaceFault(PolicyNode node, List<string> before) => node switch
    {
        ScalarNode { Text: "lo" } => "the loopback interface, on which nobody is ever held back; name those that strangers' packets come in by",
        ScalarNode scalar when before.Contains(scalar.Text, StringComparer.Ordinal) => "which stands there already; remove one",
        ScalarNode scalar when InterfaceName().IsMatch(scalar.Text) => null,
        _ => "which is no interface's name; write it as 'ip link' shows it, without '@' and what follows",
    };

    private TrustPolicy Trust(MapNode map)
    {
        if (map.Entries.Count == 0) return new TrustPolicy(OneSecond, 1);
        reader.KnownKeys(map, "trust", TrustKeys);
        return new TrustPolicy(reader.Duration(map, "trust", "for", OneSecond, TenYears), reader.Whole(map, "trust", "factor", 1, 100));
    }

    // The kernel takes any 15 bytes but '/', ':' and blanks (dev_valid_name, net/core/dev.c); these are the ones people use.
    [GeneratedRegex(@"\A[A-Za-z0-9_][A-Za-z0-9_.-]{0,14}\z", RegexOptions.ExplicitCapture, Timeout.Infinite)]
    private static partial Regex InterfaceName();
}
