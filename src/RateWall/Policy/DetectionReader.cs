using RateWall.Detection.Correlation;

namespace RateWall.Policy;

/// <summary>Reads what is detected in a service's lines.</summary>
internal sealed class DetectionReader(ValueReader reader)
{
    private const int MostTries = 10_000;
    private const int MostTogether = 1000;
    private static readonly TimeSpan OneSecond = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestWindow = TimeSpan.FromDays(30);
    private static readonly TimeSpan LongestHold = TimeSpan.FromHours(1);
    private static readonly TimeSpan LongestBan = TimeSpan.FromDays(3650);

    /// <summary>The keys of a service, and of `defaults`, that are read here.</summary>
    public static readonly string[] Keys = ["failures", "slow", "users", "probes", "daemon_limit", "prefix", "account", "pressure", "holders", "capacity"];

    /// <summary>Reads a service over whose map the defaults have been laid.</summary>
    public DetectionSet Read(MapNode all, string service) => new()
    {
        Failures = Tries(all, service, "failures"),
        Slow = Tries(all, service, "slow"),
        Users = Users(all, service),
        Probes = Tries(all, service, "probes"),
        DaemonLimit = Tries(all, service, "daemon_limit"),
        Prefix = Prefix(all, service),
        Account = Account(all, service),
        Pressure = Pressure(all, service),
        Holders = Holders(all, service),
        Capacity = Capacity(all, service),
    };

    private Threshold? Tries(MapNode all, string service, string key) =>
        Section(all, service, key, "count: 10, within: 10m", "count", "within") is { } map ? Count(map, $"{service}.{key}", MostTries) : null;

    private UsersThreshold? Users(MapNode all, string service)
    {
        if (Section(all, service, "users", "count: 5, within: 10m", "count", "within", "trusted") is not { } map) return null;
        string path = $"{service}.users";
        return new(Count(map, path, MostTries), Tries(map, path, "trusted"));
    }

    private PrefixThreshold? Prefix(MapNode all, string service)
    {
        if (Section(all, service, "prefix", "count: 5, within: 1h", "count", "within", "first", "cap") is not { } map) return null;
        string path = $"{service}.prefix";
        Threshold count = Count(map, path, MostTogether);
        TimeSpan first = Lasting(map, path, "first"), cap = Lasting(map, path, "cap");
        if (first > cap) reader.FirstAboveCap(map, path, first, cap);
        return new(count, first, cap);
    }

    private AccountThreshold? Account(MapNode all, string service)
    {
        if (Section(all, service, "account", "count: 10, within: 1h", "count", "within", "for") is not { } map) return null;
        string path = $"{service}.account";
        return new(Count(map, path, MostTogether), Lasting(map, path, "for"));
    }

    private PressureThreshold? Pressure(MapNode all, string service)
    {
        if (Section(all, service, "pressure", "count: 200, within: 5m", "count", "within", "for") is not { } map) return null;
        string path = $"{service}.pressure";
        return new(Count(map, path, MostTries), Lasting(map, path, "for"));
    }

    private HoldersThreshold? Holders(MapNode all, string service)
    {
        if (Section(all, service, "holders", "count: 5, for: 60s", "count", "for") is not { } map) return null;
        string path = $"{service}.holders";
        int count = reader.Whole(map, path, "count", 1, MostTries);
        return new(count, reader.Duration(map, path, "for", OneSecond, LongestHold));
    }

    private int? Capacity(MapNode all, string service)
    {
        string path = $"{service}.capacity";
        if (all.Find("capacity") is not { } node) return null;
        reader.Record(path, node is ScalarNode { IsOff: true } ? "off" : node is ScalarNode scalar ? scalar.Text : "", node.Origin);
        return node is ScalarNode { IsOff: true } ? null : reader.Whole(node, path, 1, 1_000_000, "write how many connections without a login the daemon carries at once, or 'capacity: off'");
    }

    // The map of a detection; null when it is off, or no map, which is a problem.
    private MapNode? Section(MapNode all, string service, string key, string example, params string[] known)
    {
        string path = $"{service}.{key}";
        if (all.Find(key) is not { } node) return null;
        if (node is ScalarNode { IsOff: true })
        {
            reader.Record(path, "off", node.Origin);
            return null;
        }

        if (reader.Map(node, path, $"'{key}: off' or '{key}: {{ {example} }}'") is not { } map) return null;
        reader.KnownKeys(map, path, known);
        return map;
    }

    private Threshold Count(MapNode map, string path, int most)
    {
        int count = reader.Whole(map, path, "count", 1, most);
        return new Threshold(count, reader.Duration(map, path, "within", OneSecond, LongestWindow));
    }

    private TimeSpan Lasting(MapNode map, string path, string key) => reader.Duration(map, path, key, OneSecond, LongestBan);
}
