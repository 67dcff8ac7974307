using RateWall.Commands;
using RateWall.Detection;
using RateWall.Policy;
using RateWall.Storage;
using RateWall.Wall;

namespace RateWall.UnitTests.Correlate;

/// <summary>What the kernel keeps, as a model: targets with deadlines that only move later. It outlives the program.</summary>
internal sealed class ModelKernel
{
    public SortedDictionary<AddressPrefix, DateTimeOffset> Bans { get; } = [];

    public Dictionary<(AddressPrefix, string), DateTimeOffset> Trusted { get; } = [];

    /// <summary>The deadlines that each service's siege was given, in order.</summary>
    public Dictionary<string, List<DateTimeOffset>> Sieges { get; } = new(StringComparer.Ordinal);

    /// <summary>Bans of one service alone.</summary>
    public HashSet<AddressPrefix> AtOneService { get; } = [];

    /// <summary>Who was banned already when the connections of a ban were to be ended; null: one was not.</summary>
    public List<AddressPrefix?> Ended { get; } = [];

    /// <summary>What ending connections answers.</summary>
    public EndedConnections Answer { get; init; } = new(0, null);

    public BanSets Sets => new(Put, Trust, Siege, EndConnections);

    private void Siege(ServicePolicy service, DateTimeOffset until)
    {
        if (!Sieges.TryGetValue(service.Name, out List<DateTimeOffset>? deadlines)) Sieges.Add(service.Name, deadlines = []);
        deadlines.Add(until);
    }

    private EndedConnections EndConnections(IReadOnlyCollection<StoredBan> bans)
    {
        Ended.AddRange(bans.Select(b => Bans.ContainsKey(b.Target) ? b.Target : (AddressPrefix?)null));
        return Answer;
    }

    private BanElement?[] Put(IReadOnlyList<BanElement> bans)
    {
        AtOneService.UnionWith(bans.Where(b => b.Ports is not null).Select(b => b.Target));
        foreach (BanElement ban in bans)
            if (!Bans.TryGetValue(ban.Target, out DateTimeOffset until) || until < ban.Until) Bans[ban.Target] = ban.Until!.Value;
        return [.. bans.Select(b => new BanElement(b.Target, Bans[b.Target]))];
    }

    private int Trust(IReadOnlyList<TrustedKey> keys)
    {
        foreach ((AddressPrefix key, string family, DateTimeOffset until) in keys) Trusted[(key, family)] = until;
        return 0;
    }
}
