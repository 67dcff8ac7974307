namespace RateWall.Policy;

/// <summary>Reads the kernel limit of a service.</summary>
internal sealed class LimitReader(ValueReader reader)
{
    private const int MostInWindow = 10;
    private const int MostInBucket = 100_000;
    private const int MostConcurrent = 65_535;
    private static readonly string[] Keys = ["mode", "connections", "per", "size", "overflow", "prefix", "concurrent", "answer"];
    private static readonly string[] PrefixKeys = ["connections", "per"];
    private static readonly string[] Answers = ["drop", "reset"];
    private static readonly string[] Modes = ["window", "quiet", "bucket", "off"];

    // What Wall is told where there is no limit: no set is made from it.
    private static readonly LimitPolicy None = new(LimitMode.Off, 0, TimeSpan.FromSeconds(60), 2, 1);

    /// <summary>Reads `limit` of a service over whose map the defaults have been laid.</summary>
    public LimitPolicy Read(MapNode service, string servicePath)
    {
        string path = $"{servicePath}.limit";
        if (service.Find("limit") is not { } node) return None;
        if (node is ScalarNode { IsOff: true })
        {
            reader.Record(path, "off", node.Origin);
            return None;
        }

        if (reader.Map(node, path, "'limit: off' or 'limit: { mode: window, connections: 6, per: 60s }'") is not { } map) return None;
        reader.KnownKeys(map, path, Keys);
        LimitMode mode = reader.Word(map, path, "mode", Modes) switch
        {
            "window" => LimitMode.Window,
            "quiet" => LimitMode.Quiet,
            "off" => LimitMode.Off,
            _ => LimitMode.Bucket,
        };
        int connections = reader.Whole(map, path, "connections", 1, MostInBucket);
        TimeSpan per = Period(map, path);
        int size = reader.Whole(map, path, "size", 2, 1_048_576);
        int overflow = reader.Whole(map, path, "overflow", 1, 1_000_000);
        if (mode is LimitMode.Window or LimitMode.Quiet && connections > MostInWindow) TooManyForWindow(map, path, connections);
        PrefixLimit? prefix = Prefix(map, path);
        int? concurrent = Concurrent(map, path);
        LimitAnswer answer = reader.Word(map, path, "answer", Answers) == "reset" ? LimitAnswer.Reset : LimitAnswer.Drop;
        if (mode != LimitMode.Off)
            return new LimitPolicy(mode, connections, per, size, overflow) { Prefix = prefix, Concurrent = concurrent, Answer = answer };
        NeedsLimit(map, path, "prefix", prefix is not null);
        NeedsLimit(map, path, "concurrent", concurrent is not null);
        return None;
    }

    private TimeSpan Period(MapNode map, string path) =>
        reader.Duration(map, path, "per", TimeSpan.FromSeconds(1), TimeSpan.FromDays(1));

    private PrefixLimit? Prefix(MapNode limit, string limitPath)
    {
        string path = $"{limitPath}.prefix";
        if (limit.Find("prefix") is not { } node || IsOff(node, path)) return null;
        if (reader.Map(node, path, "'prefix: off' or 'prefix: { connections: 300, per: 60s }'") is not { } map) return null;
        reader.KnownKeys(map, path, PrefixKeys);
        return new PrefixLimit(reader.Whole(map, path, "connections", 1, MostInBucket), Period(map, path));
    }

    private int? Concurrent(MapNode limit, string limitPath)
    {
        string path = $"{limitPath}.concurrent";
        if (limit.Find("concurrent") is not { } node || IsOff(node, path)) return null;
        return reader.Whole(limit, limitPath, "concurrent", 1, MostConcurrent, $"write 1 to {MostConcurrent}, or 'concurrent: off'");
    }

    private bool IsOff(PolicyNode node, string path)
    {
        if (node is not ScalarNode { IsOff: true }) return false;
        reader.Record(path, "off", node.Origin);
        return true;
    }

    // Both look only at connections that a source's own limit has let through: the kernel remembers every opening that
    // `ct count` is asked about, and without a limit before it one source could fill its memory.
    private void NeedsLimit(MapNode map, string path, string key, bool wanted)
    {
        if (!wanted) return;
        ValueOrigin own = map.Find(key)!.Origin, mode = map.Find("mode")!.Origin;
        reader.Problems.Add(
            own.File == PolicyReader.BuiltIn ? mode : own,
            $"{path}.{key} works on what a limit lets through, and {path}.mode is off; write 'mode: bucket', or '{key}: off'");
    }

    // A window keeps a set of its own for each connection it counts. The mode may be the operator's and the number
    // built in, or the other way round: the place told is the one that can be edited.
    private void TooManyForWindow(MapNode map, string path, int connections)
    {
        ValueOrigin number = map.Find("connections")!.Origin, mode = map.Find("mode")!.Origin;
        string from = number.File == PolicyReader.BuiltIn ? " (built-in)" : "";
        reader.Problems.Add(
            number.File == PolicyReader.BuiltIn ? mode : number,
            $"{path}.connections is {connections}{from}, and {((ScalarNode)map.Find("mode")!).Text} counts at most {MostInWindow}; write 1 to {MostInWindow}, or 'mode: bucket'");
    }
}
