using RateWall.Output;
using RateWall.Storage;

namespace RateWall.Commands;

/// <summary>Bans of the history in the forms that programs read.</summary>
internal static class BanForms
{
    public static BanForm Of(StoredBan ban, DateTimeOffset now) => new(
        ban.Target.ToString(), ban.Scope, HumanTime.Rfc3339(ban.At), HumanTime.Rfc3339(ban.Until), Remaining(ban, now), ban.Reason, ban.Count);

    public static TracedBanForm Traced(StoredBan ban, IReadOnlyList<EvidenceLine> lines, DateTimeOffset now) => new(
        ban.Target.ToString(), ban.Scope, HumanTime.Rfc3339(ban.At), HumanTime.Rfc3339(ban.Until), Remaining(ban, now), ban.Reason, ban.Count,
        ban.Service is null ? null : ban.Detection, ban.Service,
        [.. lines.Select(l => new EvidenceForm(
            HumanTime.Rfc3339(DateTimeOffset.FromUnixTimeMilliseconds(l.UnixMilliseconds)), System.Text.Encoding.UTF8.GetString(l.Line)))]);

    private static long? Remaining(StoredBan ban, DateTimeOffset now) =>
        ban.State == BanState.Removed ? 0 : HumanTime.RemainingSeconds(ban.Until, now);
}
