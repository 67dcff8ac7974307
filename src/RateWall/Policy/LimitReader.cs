namespace RateWall.Policy;

/// <summary>Reads the kernel limit of a service.</summary>
internal sealed class LimitReader(ValueReader reader)
{
    private const int MostInWindow = 10;
    private const int MostInBucket = 100_000;
    private static readonly string[] Keys = ["mode", "connections", "per", "size", "overflow"];
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
        TimeSpan per = reader.Duration(map, path, "per", TimeSpan.FromSeconds(1), TimeSpan.FromDays(1));
        int size = reader.Whole(map, path, "size", 2, 1_048_576);
        int overflow = reader.Whole(map, path, "overflow", 1, 1_000_000);
        if (mode is LimitMode.Window or LimitMode.Quiet && connections > MostInWindow) TooManyForWindow(map, path, connections);
        return mode == LimitMode.Off ? None : new LimitPolicy(mode, connections, per, size, overflow);
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
