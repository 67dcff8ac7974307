using RateWall.Detection;

namespace RateWall.Wall;

/// <summary>Sources that hold connections, against which any number of bans is held at the cost of one lookup each.</summary>
internal sealed class ConnectedSources(HashSet<SourceAddress> sources)
{
    private readonly Dictionary<(bool IPv4, byte Length), HashSet<AddressPrefix>> byLength = [];

    /// <summary>True when one of them is this target or lies in it.</summary>
    public bool Touch(AddressPrefix target)
    {
        (bool, byte) length = (target.IsIPv4, target.Length);
        if (!byLength.TryGetValue(length, out HashSet<AddressPrefix>? prefixes))
            byLength.Add(length, prefixes = [.. sources.Where(s => s.IsIPv4 == target.IsIPv4).Select(s => AddressPrefix.Of(s, target.Length))]);
        return prefixes.Contains(target);
    }
}
