using System.Globalization;
using RateWall.Detection;
using RateWall.Netfilter;
using RateWall.Policy;

namespace RateWall.Wall;

/// <summary>What the limit of a service holds of a source.</summary>
/// <param name="Service">The service.</param>
/// <param name="Counted">Connections in the last S seconds; null where the limit does not count one by one.</param>
/// <param name="BlockedUntil">Until when the source is kept out if it stays silent; null: it is not.</param>
internal sealed record LimitStanding(string Service, int? Counted, DateTimeOffset? BlockedUntil);

/// <summary>What the kernel knows of a source: each set is asked for the one key, none is dumped but the small ones.</summary>
/// <param name="Wall">False: there is no wall.</param>
/// <param name="Ban">The ban that covers it everywhere, or null.</param>
/// <param name="ServiceBans">Its bans at one service alone.</param>
/// <param name="Trusted">Until when it is trusted, by family.</param>
/// <param name="Limits">What limits hold of it.</param>
/// <param name="Ports">Sieges and lockdowns, whoever they touch.</param>
internal sealed record SourceStanding(
    bool Wall, BanElement? Ban, IReadOnlyDictionary<string, BanElement> ServiceBans, IReadOnlyDictionary<string, DateTimeOffset> Trusted,
    IReadOnlyDictionary<string, LimitStanding> Limits, IReadOnlyDictionary<int, DateTimeOffset> Sieges, IReadOnlyDictionary<int, Lockdown> Lockdowns)
{
    /// <summary>Asks the kernel.</summary>
    /// <exception cref="NetfilterException">No permission, or no nftables in the kernel.</exception>
    public static SourceStanding Read(AddressPrefix key, EffectivePolicy policy, TimeProvider time)
    {
        using KernelBans bans = KernelBans.Open(time);
        using KernelPorts ports = KernelPorts.Open(time);
        var nothing = new SourceStanding(
            false, null, new Dictionary<string, BanElement>(StringComparer.Ordinal), new Dictionary<string, DateTimeOffset>(StringComparer.Ordinal), new Dictionary<string, LimitStanding>(StringComparer.Ordinal),
            new Dictionary<int, DateTimeOffset>(), new Dictionary<int, Lockdown>());
        if (!bans.WallPresent) return nothing;
        bool knowsPorts = ports.WallKnowsPorts;
        var serviceBans = new Dictionary<string, BanElement>(StringComparer.Ordinal);
        if (knowsPorts)
        {
            foreach (ServicePolicy service in policy.Enabled)
                if (bans.FindAt(key, service.Ports) is { } ban) serviceBans.Add(service.Name, ban);
        }

        using NftablesClient kernel = NftablesClient.Open();
        var sets = kernel.ListSets(WallTable.Name).Select(s => s.Name).ToHashSet(StringComparer.Ordinal);
        DateTimeOffset now = time.GetUtcNow();
        var trusted = new Dictionary<string, DateTimeOffset>(StringComparer.Ordinal);
        foreach (string family in policy.Enabled.Select(s => s.Family).Distinct(StringComparer.Ordinal))
            if (Deadline(WallTable.Trusted(family, key.IsIPv4)) is { } until) trusted.Add(family, until);
        return nothing with
        {
            Wall = true,
            Ban = bans.FindCovering(key),
            ServiceBans = serviceBans,
            Trusted = trusted,
            Limits = policy.Enabled.Where(s => s.Limit.Mode != LimitMode.Off).ToDictionary(s => s.Name, Limit, StringComparer.Ordinal),
            Sieges = knowsPorts ? ports.Sieges() : nothing.Sieges,
            Lockdowns = knowsPorts ? ports.Lockdowns() : nothing.Lockdowns,
        };

        LimitStanding Limit(ServicePolicy service)
        {
            string prefix = $"{service.Name}_v{(key.IsIPv4 ? '4' : '6')}_";
            int? counted = service.Limit.Mode is LimitMode.Window or LimitMode.Quiet
                ? Enumerable.Range(1, service.Limit.Connections).Count(n => Deadline(string.Create(CultureInfo.InvariantCulture, $"{prefix}h{n}")) is not null)
                : null;
            return new(service.Name, counted, Deadline($"{prefix}over"));
        }

        DateTimeOffset? Deadline(string set) =>
            sets.Contains(set) && kernel.GetElement(WallTable.Name, set, key.Address.ToNetworkOrder()) is { } element ? KernelBans.DeadlineOf(element, now) : null;
    }
}
