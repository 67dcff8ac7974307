using System.Text.RegularExpressions;
using RateWall.Detection.Correlation;
using RateWall.Output;

namespace RateWall.Policy;

/// <summary>Reads services: what each says itself, over what `defaults` says for all.</summary>
internal sealed partial class ServiceReader(ValueReader reader, LogFacts facts, MapNode defaults)
{
    /// <summary>The word for every service, on command lines and as the scope of a ban.</summary>
    private const string AllServices = "all";

    private static readonly string[] Keys = ["enabled", "family", "ports", "limit", "siege", .. DetectionReader.Keys, "log", "units"];
    private static readonly string[] DefaultKeys = ["enabled", "limit", "siege", .. DetectionReader.Keys, "log", "units"];
    private static readonly string[] Required = ["family", "ports"];
    private static readonly string[] Families = ["ssh", "mail", "ftp", "web"];
    private static readonly string[] SiegeKeys = ["connections", "per"];

    private readonly LimitReader limits = new(reader);
    private readonly DetectionReader detections = new(reader);
    private readonly LogReader logs = new(reader, facts);
    private readonly List<ClaimedPort> ports = [];

    private PolicyProblems Problems => reader.Problems;

    /// <summary>Refuses what `defaults` cannot hold. Its values are judged where a service takes them.</summary>
    public void CheckDefaults()
    {
        foreach (MapEntry entry in defaults.Entries)
        {
            if (entry.Key is not ("family" or "ports")) continue;
            Problems.Add(entry.KeyOrigin, $"'{entry.Key}' belongs to a service, not to all of them; move it under the service's name");
        }

        reader.KnownKeys(new MapNode(defaults.Origin, [.. defaults.Entries.Where(e => e.Key is not ("family" or "ports"))]), "defaults", DefaultKeys);
    }

    /// <summary>Reads one service; null, and a problem, when it cannot be told what it is.</summary>
    public ServicePolicy? Read(MapEntry entry, IReadOnlyList<string> names)
    {
        string name = entry.Key, path = $"services.{name}";
        if (!ServiceName().IsMatch(name))
        {
            Problems.Add(entry.KeyOrigin, $"'{ValueReader.Shown(name)}' is no name for a service; begin with a lower case letter, go on with lower case letters, digits or '_', 16 at most");
            return null;
        }

        if (name == AllServices)
        {
            Problems.Add(entry.KeyOrigin, $"'{name}' means every service and is no name for one; write another");
            return null;
        }

        if (reader.Map(entry.Value, path, $"'{name}: {{ enabled: true }}'") is not { } own) return null;
        reader.KnownKeys(own, path, Keys);
        if (!IsDefined(entry, own, names)) return null;

        MapNode all = new MapNode(own.Origin, [.. defaults.Entries.Where(e => DefaultKeys.Contains(e.Key))]).With(own);
        bool enabled = reader.Truth(all, path, "enabled");
        string family = reader.Word(all, path, "family", Families) ?? "mail";
        IReadOnlyList<int> servicePorts = Ports(all.Find("ports")!, name, enabled);
        LimitPolicy limit = limits.Read(all, path);
        SiegePolicy siege = Siege(all, path);
        DetectionSet set = detections.Read(all, path);
        IReadOnlyList<LogSource> read = logs.ReadAll(all, path, family, enabled);
        return new ServicePolicy(name, family, enabled, servicePorts, limit, set, read[0], Units(all, path)) { Siege = siege, FurtherLogs = [.. read.Skip(1)] };
    }

    /// <summary>Refuses a port that two enabled services want: the kernel asks one service only.</summary>
    public void SharedPorts()
    {
        foreach (ClaimedPort port in ports)
        {
            List<ClaimedPort> owners = [.. ports.Where(p => p.Port == port.Port).DistinctBy(p => p.Service, StringComparer.Ordinal)];
            // Told once for each port.
            if (owners.Count < 2 || !ReferenceEquals(owners[0], port)) continue;
            // What the operator wrote is to blame, not what was built in.
            int blamed = owners.FindLastIndex(o => o.Origin.File != PolicyReader.BuiltIn);
            ClaimedPort one = owners[blamed < 0 ? owners.Count - 1 : blamed], other = owners.First(o => o.Service != one.Service);
            Problems.Add(one.Origin, $"port {one.Port} of services.{one.Service} belongs to services.{other.Service} too ({TerminalText.Escape(other.Origin.ToString())}); take it from one, or write 'enabled: false' there");
        }
    }

    // A name nobody built in is a new service, or a slip of the finger; a new one must say what it is.
    private bool IsDefined(MapEntry entry, MapNode own, IReadOnlyList<string> names)
    {
        string[] missing = [.. Required.Where(k => own.Find(k) is null)];
        if (missing.Length == 0) return true;
        string? meant = Spelling.Nearest(entry.Key, names.Where(n => n != entry.Key));
        string remedy = meant is null ? "" : $", or did you mean '{meant}'?";
        Problems.Add(entry.KeyOrigin, $"'{entry.Key}' is a new service and lacks {string.Join(" and ", missing)}; add 'family: mail' and 'ports: [25]' or what it has{remedy}");
        return false;
    }

    private List<int> Ports(PolicyNode node, string service, bool enabled)
    {
        string path = $"services.{service}.ports";
        IReadOnlyList<PolicyNode> items = node switch
        {
            ListNode list => list.Items,
            ScalarNode { IsNothing: false } single => [single],
            _ => [],
        };
        if (items.Count == 0) Problems.Add(node.Origin, $"{path} names no port; write 'ports: [25]', or 'enabled: false' under services.{service}");
        var found = new List<int>();
        foreach (PolicyNode item in items)
        {
            if (reader.Whole(item, path, 1, 65_535) is not { } port) continue;
            if (found.Contains(port))
            {
                Problems.Add(item.Origin, $"port {port} stands in {path} twice; remove one");
                continue;
            }

            found.Add(port);
            if (enabled) ports.Add(new(port, service, item.Origin));
        }

        reader.Record(path, $"[{string.Join(", ", found)}]", node.Origin);
        return found;
    }

    private SiegePolicy Siege(MapNode all, string service)
    {
        string path = $"{service}.siege";
        // Absent only where `defaults` is no map, which is told already.
        if (all.Find("siege") is not { } node) return SiegePolicy.Standard;
        if (reader.Map(node, path, "'siege: { connections: 30, per: 60s }'") is not { } map) return SiegePolicy.Standard;
        reader.KnownKeys(map, path, SiegeKeys);
        int connections = reader.Whole(map, path, "connections", 1, 100_000);
        return new SiegePolicy(connections, reader.Duration(map, path, "per", TimeSpan.FromSeconds(1), TimeSpan.FromDays(1)));
    }

    private List<string> Units(MapNode all, string service)
    {
        string path = $"{service}.units";
        var units = new List<string>();
        PolicyNode? node = all.Find("units");
        if (node is null) return units;
        if (node is not ListNode list)
        {
            Problems.Add(node.Origin, $"{path} takes a list, not {ValueReader.Describe(node)}; write 'units: [dovecot.service]'");
            return units;
        }

        foreach (PolicyNode item in list.Items)
        {
            if (item is ScalarNode scalar && UnitName().IsMatch(scalar.Text)) units.Add(scalar.Text);
            else Problems.Add(item.Origin, $"{path} holds {ValueReader.Describe(item)}, which is no unit's full name; write it like 'dovecot.service'");
        }

        reader.Record(path, $"[{string.Join(", ", units)}]", node.Origin);
        return units;
    }

    [GeneratedRegex(@"\A[a-z][a-z0-9_]{0,15}\z", RegexOptions.ExplicitCapture, Timeout.Infinite)]
    private static partial Regex ServiceName();

    // systemd.unit(5): the prefix takes letters, digits and ":-_.\", an instance follows "@"; 255 characters in all.
    [GeneratedRegex(@"\A[A-Za-z0-9:_.\\-]{1,200}(?:@[A-Za-z0-9:_.\\-]{0,40})?\.(?:service|socket|scope|slice)\z", RegexOptions.ExplicitCapture, Timeout.Infinite)]
    private static partial Regex UnitName();

    // Of an enabled service. A class: see TrustedKey.
    private sealed record ClaimedPort(int Port, string Service, ValueOrigin Origin);
}
