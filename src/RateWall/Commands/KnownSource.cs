using RateWall.Detection;
using RateWall.Detection.Correlation;
using RateWall.Output;
using RateWall.Policy;
using RateWall.Storage;
using RateWall.Wall;

namespace RateWall.Commands;

/// <summary>Puts together what policy, state and kernel know of one source.</summary>
internal sealed class KnownSource(
    AddressPrefix asked, EffectivePolicy policy, Exemptions exemptions, StateDatabase? state, SourceStanding? kernel, IReadOnlyList<HeldForm>? connections, DateTimeOffset now)
{
    private readonly AddressPrefix key = exemptions.Keys.KeyOf(asked.Address);

    /// <summary>The answer.</summary>
    public WhyForm Form(IReadOnlyList<string> missing)
    {
        IReadOnlyList<StoredBan> history = state?.BansOf(key) ?? [];
        return new(asked.ToString(), key.ToString())
        {
            Missing = missing,
            Exempt = exemptions.Find(key) is { } exempt ? new(exempt.Network.ToString(), exempt.Reason) : null,
            Bans = [.. Bans()],
            Remembered = history.Count,
            Trusted = [.. Trusted()],
            Counts = state is null ? [] : [.. policy.Enabled.SelectMany(s => Counts(s, history).Concat(SharedOf(s, history)))],
            Connections = connections,
            Limits = [.. policy.Enabled.Select(Limit)],
        };
    }

    // Its own bans and those of every network around it: a few dozen looks, whatever the history holds.
    private IEnumerable<CoveringBanForm> Bans()
    {
        bool known = false;
        for (int length = key.Length; length >= 0; length--)
        {
            AddressPrefix network = AddressPrefix.Of(key.Address, length);
            foreach (StoredBan ban in Longest(state?.BansOf(network) ?? []))
            {
                BanElement? standing = ban.Scope == StoredBan.AllPorts ? kernel?.Ban : kernel?.ServiceBans.GetValueOrDefault(ban.Scope);
                known |= ban.Scope == StoredBan.AllPorts;
                yield return new(
                    ban.Target.ToString(), ban.Scope, HumanTime.Rfc3339(ban.Until), HumanTime.RemainingSeconds(ban.Until, now), ban.Reason,
                    kernel is null ? null : standing is not null);
            }
        }

        if (!known && kernel?.Ban is { } other)
            yield return new(other.Target.ToString(), StoredBan.AllPorts, HumanTime.Rfc3339(other.Until), HumanTime.RemainingSeconds(other.Until, now), Reason: null, InKernel: true);
    }

    private IEnumerable<TrustedForm> Trusted()
    {
        foreach (string family in policy.Enabled.Select(s => s.Family).Distinct(StringComparer.Ordinal))
        {
            DateTimeOffset? until = TrustedUntil(family);
            bool? inKernel = kernel?.Trusted.ContainsKey(family);
            if (until > now || inKernel == true) yield return new(family, HumanTime.Rfc3339(until ?? kernel!.Trusted[family]), inKernel);
        }
    }

    private IEnumerable<CountForm> Counts(ServicePolicy service, IReadOnlyList<StoredBan> history)
    {
        bool trusted = TrustedUntil(service.Family) > now;
        foreach (DetectionCount count in SourceCounts.Of(WatchedAt(service), key, trusted, state!, now))
            if (count.Count > 0) yield return FormOf(count, key.ToString(), BanOf(count, key, trusted, history));
    }

    private IEnumerable<CountForm> SharedOf(ServicePolicy service, IReadOnlyList<StoredBan> history)
    {
        foreach (SharedCount shared in SharedCounts.Of(WatchedAt(service), key, policy.Trust.For, exemptions.Keys, state!, now))
        {
            if (shared.Count.Count == 0) continue;
            IReadOnlyList<StoredBan> earlier = shared.Target == key ? history : state!.BansOf(shared.Target);
            yield return FormOf(shared.Count, shared.Subject, shared.Shielded ? null : BanOf(shared.Count, shared.Target, trusted: false, earlier));
        }
    }

    private ServiceDetection WatchedAt(ServicePolicy service) => new(service.Name, service.Family, service.Detections, policy.Trust.Factor);

    private static CountForm FormOf(DetectionCount count, string subject, long? banSeconds) => new(
        count.Service, count.Detection, count.Count, count.Threshold, (long)count.Within.TotalSeconds, HumanTime.Rfc3339(count.Newest), banSeconds)
    {
        Subject = subject,
    };

    // The ban that would follow now: decided where all are.
    private long? BanOf(DetectionCount count, AddressPrefix target, bool trusted, IReadOnlyList<StoredBan> history)
    {
        var offence = new Offence(count.Detection, count.Service, target, now, count.Threshold, now, count.Within) { Trusted = trusted };
        BanVerdict verdict = BanDecision.Decide(offence, history, exemptions, Pardons.None, policy, now);
        return verdict.Outcome == BanOutcome.Banned ? (long)(verdict.Ban!.Until - now).TotalSeconds : null;
    }

    private SourceLimitForm Limit(ServicePolicy service)
    {
        LimitPolicy limit = service.Limit;
        bool trusted = kernel?.Trusted.ContainsKey(service.Family) ?? (TrustedUntil(service.Family) > now);
        LimitStanding? standing = kernel?.Limits.GetValueOrDefault(service.Name);
        DateTimeOffset[] sieges = [.. service.Ports.Where(p => kernel?.Sieges.ContainsKey(p) == true).Select(p => kernel!.Sieges[p])];
        Lockdown? lockdown = service.Ports.Where(p => kernel?.Lockdowns.ContainsKey(p) == true).Select(p => kernel!.Lockdowns[p]).MaxBy(l => l.Until);
        bool getsIn = lockdown is null || (lockdown.Trusted && trusted) || lockdown.Except.Any(n => n.Contains(asked.Address)) || policy.Allow.Any(n => n.Contains(asked.Address));
        return new(
            service.Name, trusted && limit.Mode != LimitMode.Off ? "bucket" : CheckCommand.Lower(limit.Mode), limit.Connections * (trusted ? policy.Trust.Factor : 1), (long)limit.Per.TotalSeconds)
        {
            Counted = trusted ? null : standing?.Counted,
            BlockedUntil = HumanTime.Rfc3339(trusted ? null : standing?.BlockedUntil),
            SiegeUntil = HumanTime.Rfc3339(sieges.Length == 0 || trusted ? null : sieges.Max()),
            LockedUntil = HumanTime.Rfc3339(getsIn ? null : lockdown!.Until),
        };
    }

    // Of several bans of one target and scope the one that ends last is the one to tell of.
    private IEnumerable<StoredBan> Longest(IReadOnlyList<StoredBan> bans) =>
        bans.Where(b => b.IsInForce(now)).GroupBy(b => b.Scope, StringComparer.Ordinal).Select(same => same.MaxBy(b => b.Until)!);

    private DateTimeOffset? TrustedUntil(string family) =>
        state?.LastSuccess(key, family) is { } last ? policy.Trust.Until(last, now) : null;
}
