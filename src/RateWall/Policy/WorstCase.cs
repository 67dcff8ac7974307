namespace RateWall.Policy;

/// <summary>What a policy lets happen at most: what an operator should know before relying on it.</summary>
public static class WorstCase
{
    // Measured on kernel 6.18, 65,000 elements a set, IPv4 and IPv6: a stamp 99 and 130 bytes, an element with a limiter
    // of its own 207 and 275, a ban with its counter (16 bytes a processor) about 120 and 150.
    private const long StampPair = 99 + 130;
    private const long LimiterPair = 207 + 275;
    private const long BanPair = 120 + 150;

    // Of sources banned everywhere, and of sources banned at one service: an element there is 4 bytes longer.
    private const long BanSets = 2;

    // The meters of sources that could not be recorded: one for each /16 (IPv6: /32), no more than this many.
    private const long PrefixMeters = 65_536;

    private const long Minute = 60;

    /// <summary>The most trusted sources of a service family; each has a meter of its own in every service of the family.</summary>
    public const int TrustedSources = 65_535;

    /// <summary>
    /// The most connections one source gets through in any minute while it can be recorded, or null without a limit. A
    /// window gives N in each S seconds. A bucket gives N at once and then N more each S seconds.
    /// </summary>
    /// <param name="limit">The limit.</param>
    public static long? ConnectionsPerMinute(LimitPolicy limit)
    {
        ArgumentNullException.ThrowIfNull(limit);
        long n = limit.Connections, seconds = Math.Max(1, (long)limit.Per.TotalSeconds);
        return limit.Mode switch
        {
            LimitMode.Off => null,
            // Sixty seconds lie in at most this many spells of S.
            LimitMode.Window or LimitMode.Quiet => n * ((Minute + seconds - 1) / seconds),
            _ => n + n * Minute / seconds,
        };
    }

    /// <summary>The same for a trusted source, which has a bucket of <paramref name="factor"/> times N, whatever the mode.</summary>
    public static long? TrustedConnectionsPerMinute(LimitPolicy limit, int factor)
    {
        ArgumentNullException.ThrowIfNull(limit);
        return limit.Mode == LimitMode.Off
            ? null
            : ConnectionsPerMinute(limit with { Mode = LimitMode.Bucket, Connections = limit.Connections * factor });
    }

    /// <summary>The kernel memory of a service's sets, both IP versions, when all are full.</summary>
    public static long KernelMemory(LimitPolicy limit)
    {
        ArgumentNullException.ThrowIfNull(limit);
        return limit.Mode switch
        {
            LimitMode.Off => 0,
            LimitMode.Window => StampPair * limit.Connections * limit.Size + LimiterPair * (PrefixMeters + TrustedSources),
            LimitMode.Quiet => StampPair * (limit.Connections + 1) * limit.Size + LimiterPair * (PrefixMeters + TrustedSources),
            _ => LimiterPair * (limit.Size + PrefixMeters + TrustedSources),
        };
    }

    /// <summary>The kernel memory of everything the policy may put into the kernel, when all of it is full.</summary>
    public static long KernelMemory(EffectivePolicy policy)
    {
        ArgumentNullException.ThrowIfNull(policy);
        long families = policy.Enabled.Select(s => s.Family).Distinct(StringComparer.Ordinal).Count();
        return policy.Enabled.Sum(s => KernelMemory(s.Limit)) + families * StampPair * TrustedSources + BanSets * BanPair * policy.Bans.Size;
    }
}
