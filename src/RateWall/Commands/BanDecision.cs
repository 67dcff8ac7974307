using RateWall.Detection.Correlation;
using RateWall.Policy;
using RateWall.Storage;
using RateWall.Wall;

namespace RateWall.Commands;

/// <summary>What becomes of an offence.</summary>
internal enum BanOutcome
{
    /// <summary>A ban; when its deadline is past it is history only.</summary>
    Banned,

    /// <summary>A ban that found no room in the kernel; the next runs try again.</summary>
    NoRoom,

    /// <summary>The same offence was already banned by a run that was interrupted before it could move its cursor.</summary>
    Known,

    /// <summary>It happened while an earlier ban was running: lines written before that ban took hold.</summary>
    Covered,

    /// <summary>It touches an address that must never be banned.</summary>
    Exempt,

    /// <summary>The operator has forgiven it.</summary>
    Pardoned,
}

/// <summary>An offence and what becomes of it.</summary>
/// <param name="Outcome">What becomes of it.</param>
/// <param name="Ban">The new ban, or the earlier one that knows or covers the offence; null otherwise.</param>
/// <param name="Exemption">Why it is exempt, if so.</param>
internal sealed record BanVerdict(BanOutcome Outcome, StoredBan? Ban, Exemption? Exemption = null);

/// <summary>How long bans last.</summary>
/// <param name="First">The first.</param>
/// <param name="Cap">The longest.</param>
/// <param name="Factor">What each further one is multiplied by, at least 1.</param>
internal sealed record BanTerms(TimeSpan First, TimeSpan Cap, int Factor);

/// <summary>Turns an offence into a ban, or says why not. The one place that does; pure.</summary>
internal static class BanDecision
{
    /// <summary>A trusted source that offends is stopped for a moment: it may be the phone with the old password.</summary>
    public static readonly TimeSpan TrustedFirst = TimeSpan.FromMinutes(5);

    /// <summary>However often a trusted source offends.</summary>
    public static readonly TimeSpan TrustedCap = TimeSpan.FromHours(1);

    /// <param name="offence">The offence.</param>
    /// <param name="earlier">Every ban of its key that is remembered, in any order.</param>
    /// <param name="exemptions">Who must never be banned.</param>
    /// <param name="pardons">Who was forgiven what.</param>
    /// <param name="policy">How long bans last.</param>
    /// <param name="now">The time. A log whose clock is ahead bans from now on, and never for longer than policy says.</param>
    public static BanVerdict Decide(
        Offence offence, IReadOnlyList<StoredBan> earlier, Exemptions exemptions, Pardons pardons, EffectivePolicy policy, DateTimeOffset now)
    {
        if (exemptions.Find(offence.Key) is { } exemption) return new(BanOutcome.Exempt, Ban: null, exemption);
        TimeSpan duration = Duration(Repeats(offence.At, earlier, policy.Bans), TermsOf(offence, policy));
        DateTimeOffset from = offence.At < now ? offence.At : now;
        var ban = new StoredBan(
            0, offence.Key, offence.Trusted ? offence.Service : StoredBan.AllPorts, offence.Service, offence.Detection, offence.At, from + duration, Reason(offence),
            offence.Count, offence.Since, BanState.Pending);
        foreach (StoredBan other in earlier)
            if (other.IsSameOffence(ban)) return new(other.State == BanState.Removed ? BanOutcome.Pardoned : BanOutcome.Known, other);
        // It stands on tries that were forgiven, if only in part.
        if (offence.Since.ToUnixTimeMilliseconds() <= pardons.ForgivenUpTo(offence.Key)) return new(BanOutcome.Pardoned, Ban: null);
        foreach (StoredBan other in earlier)
            if (Covers(other, ban)) return new(BanOutcome.Covered, other);
        return new(BanOutcome.Banned, ban);
    }

    /// <summary>First × factor ^ repeats, up to the cap.</summary>
    internal static TimeSpan Duration(int repeats, BanTerms terms)
    {
        TimeSpan duration = terms.First;
        for (int i = 0; i < repeats && duration < terms.Cap && terms.Factor > 1; i++) duration *= terms.Factor;
        return duration < terms.Cap ? duration : terms.Cap;
    }

    /// <summary>How long bans for an offence last.</summary>
    internal static BanTerms TermsOf(Offence offence, EffectivePolicy policy)
    {
        BanPolicy bans = policy.Bans;
        DetectionSet? at = policy.Services.FirstOrDefault(s => s.Name == offence.Service)?.Detections;
        return offence.Detection switch
        {
            // One try is enough to be hit by it: it stays short, whoever comes again.
            DetectionName.Account when at?.Account is { } account => new(account.For, account.For, 1),
            DetectionName.Prefix when at?.Prefix is { } prefix => new(prefix.First, prefix.Cap, bans.Factor),
            _ when offence.Trusted => new(Shorter(bans.First, TrustedFirst), Shorter(bans.Cap, TrustedCap), bans.Factor),
            _ => new(bans.First, bans.Cap, bans.Factor),
        };
    }

    private static TimeSpan Shorter(TimeSpan one, TimeSpan other) => one < other ? one : other;

    /// <summary>
    /// How many bans of a target make one at this time longer. Bans by hand are the operator's, what was taken back is
    /// forgiven, and for what many did to one account none of them can be blamed alone: none of these makes a repeater.
    /// </summary>
    internal static int Repeats(DateTimeOffset at, IReadOnlyList<StoredBan> earlier, BanPolicy policy) =>
        earlier.Count(b => b.Detection is not (StoredBan.ByHand or DetectionName.Account) && b.State != BanState.Removed && b.At < at && at - b.At <= policy.Memory);

    private static bool Covers(StoredBan other, StoredBan ban) =>
        other.State != BanState.Removed && (other.Scope == StoredBan.AllPorts || other.Scope == ban.Scope)
        && other.At <= ban.At && ban.At < other.Until
        && (other.Detection != StoredBan.ByHand || other.Until >= ban.Until);

    private static string Reason(Offence offence) => offence.Detection switch
    {
        DetectionName.Holders => $"{offence.Count} connections held at {offence.Service} for over {DurationText.Format(offence.Within)} without a login",
        DetectionName.Units => $"{offence.Count} connections held at {offence.Service} without a login while its daemon had too many processes",
        _ => $"{Counted(offence)} at {offence.Service} in {DurationText.Format(offence.Within)}",
    };

    private static string Counted(Offence offence) => offence.Detection switch
    {
        DetectionName.Slow => $"{offence.Count} failures",
        DetectionName.Users => $"{offence.Count} names tried",
        DetectionName.DaemonLimit => $"{offence.Count} limits hit",
        DetectionName.Prefix => $"{offence.Count} offending addresses",
        DetectionName.Account => $"one of {offence.Count} addresses that tried one account",
        _ => $"{offence.Count} {offence.Detection}",
    };
}
