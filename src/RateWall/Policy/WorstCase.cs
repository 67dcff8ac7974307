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

    // A source that holds one connection open, IPv6 measured (30,000 of them: slabs of 96, 32 and 72 bytes), IPv4 less by
    // the key. Each further connection of it takes 72 bytes, and the kernel's own tracking of any connection some 256.
    private const long HolderPair = 190 + 205;

    // The meters of sources that could not be recorded: one for each /16 (IPv6: /32), no more than this many.
    private const long PrefixMeters = 65_536;

    private const long Minute = 60;

    /// <summary>The most trusted sources of a service family; each has a meter of its own in every service of the family.</summary>
    public const int TrustedSources = 65_535;

    /// <summary>
    /// The most connections one source gets through in any minute while it can be recorded, or null without a limit. A
    /// window gives N in each S seconds. A bucket gives N at once and then N more each S seconds. Never more than its network.
    /// </summary>
    /// <param name="limit">The limit.</param>
    public static long? ConnectionsPerMinute(LimitPolicy limit)
    {
        ArgumentNullException.ThrowIfNull(limit);
        long n = limit.Connections, seconds = Math.Max(1, (long)limit.Per.TotalSeconds);
        long? own = limit.Mode switch
        {
            LimitMode.Off => null,
            // Sixty seconds lie in at most this many spells of S.
            LimitMode.Window or LimitMode.Quiet => n * ((Minute + seconds - 1) / seconds),
            _ => n + n * Minute / seconds,
        };
        return own is { } alone && limit.Prefix is not null ? Math.Min(alone, ConnectionsPerMinute(OfNetwork(limit))!.Value) : own;
    }

    // What one network may open is a bucket, and a source alone in it can have all of it.
    private static LimitPolicy OfNetwork(LimitPolicy limit) => limit with
    {
        Mode = LimitMode.Bucket,
        Connections = limit.Prefix!.Connections,
        Per = limit.Prefix.Per,
        Prefix = null,
    };

    /// <summary>The most connections all strangers of one network (IPv4 /24, IPv6 /48) get through in any minute; null: no such limit.</summary>
    public static long? NetworkConnectionsPerMinute(LimitPolicy limit)
    {
        ArgumentNullException.ThrowIfNull(limit);
        return limit.Mode == LimitMode.Off || limit.Prefix is null ? null : ConnectionsPerMinute(OfNetwork(limit));
    }

    /// <summary>The same for a trusted source, which has a bucket of <paramref name="factor"/> times N, whatever the mode.</summary>
    public static long? TrustedConnectionsPerMinute(LimitPolicy limit, int factor)
    {
        ArgumentNullException.ThrowIfNull(limit);
        return limit.Mode == LimitMode.Off
            ? null
            : ConnectionsPerMinute(limit with { Mode = LimitMode.Bucket, Connections = limit.Connections * factor, Prefix = null });
    }

    /// <summary>
    /// The kernel memory of a service's sets, both IP versions, when all are full; where connections held open are counted,
    /// with one for each source.
    /// </summary>
    public static long KernelMemory(LimitPolicy limit)
    {
        ArgumentNullException.ThrowIfNull(limit);
        long own = limit.Mode switch
        {
            LimitMode.Off => 0,
            LimitMode.Window => StampPair * limit.Connections * limit.Size + LimiterPair * (PrefixMeters + TrustedSources),
            LimitMode.Quiet => StampPair * (limit.Connections + 1) * limit.Size + LimiterPair * (PrefixMeters + TrustedSources),
            _ => LimiterPair * (limit.Size + PrefixMeters + TrustedSources),
        };
        if (limit.Prefix is not null) own += LimiterPair * (limit.Size + PrefixMeters);
        if (limit.Concurrent is not null) own += HolderPair * (limit.Size + PrefixMeters + TrustedSources);
        return own;
    }

    /// <summary>The kernel memory of everything the policy may put into the kernel, when all of it is full.</summary>
    public static long KernelMemory(EffectivePolicy policy)
    {
        ArgumentNullException.ThrowIfNull(policy);
        long families = policy.Enabled.Select(s => s.Family).Distinct(StringComparer.Ordinal).Count();
        return policy.Enabled.Sum(s => KernelMemory(s.Limit)) + families * StampPair * TrustedSources + BanSets * BanPair * policy.Bans.Size;
    }
}
