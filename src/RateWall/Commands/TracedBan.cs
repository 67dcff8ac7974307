using RateWall.Detection.Correlation;
using RateWall.Output;
using RateWall.Policy;
using RateWall.Storage;

namespace RateWall.Commands;

/// <summary>A ban of the history with what is known around it.</summary>
/// <param name="Ban">The ban.</param>
/// <param name="Lines">The lines that caused it, oldest first.</param>
/// <param name="Number">Which one it is of those that grow; null for a ban by hand, or of one account's tries.</param>
/// <param name="Ended">How it ended; null while it has not.</param>
/// <param name="EndedAt">When, as far as is remembered.</param>
internal sealed record TracedBan(StoredBan Ban, IReadOnlyList<EvidenceLine> Lines, int? Number, string? Ended, DateTimeOffset? EndedAt)
{
    /// <summary>Looks up what belongs to a ban.</summary>
    public static TracedBan Of(StoredBan ban, StateDatabase state, Pardons pardons, BanPolicy policy, DateTimeOffset now)
    {
        int? number = ban.Detection is StoredBan.ByHand or DetectionName.Account ? null : BanDecision.Repeats(ban.At, state.BansOf(ban.Target), policy) + 1;
        if (ban.State != BanState.Removed)
            return new(ban, state.EvidenceOf(ban), number, ban.Until <= now ? "ran out" : null, ban.Until <= now ? ban.Until : null);
        // The pardon that took it back; a later one of the same target may have come over it.
        long forgiven = pardons.ForgivenUpTo(ban.Target);
        DateTimeOffset? at = forgiven == long.MinValue ? null : DateTimeOffset.FromUnixTimeMilliseconds(forgiven);
        return new(ban, state.EvidenceOf(ban), number, "taken back", at >= ban.At && at <= ban.Until ? at : null);
    }

    /// <summary>For programs.</summary>
    public TracedBanForm Form(DateTimeOffset now) =>
        BanForms.Traced(Ban, Lines, now) with { Number = Number, Ended = Ended, EndedAt = HumanTime.Rfc3339(EndedAt) };
}
