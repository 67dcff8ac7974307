namespace RateWall.Netfilter;

/// <summary>nf_tables' times: whole milliseconds on the wire, jiffies inside.</summary>
internal static class Milliseconds
{
    /// <summary>
    /// One jiffy at HZ=100, the slowest clock kernels are built with. The kernel rounds down to jiffies, and 0 jiffies mean
    /// the opposite of a short time: a timeout of 0 is "for ever", an expiration of 0 is "all of the timeout".
    /// </summary>
    internal const ulong Least = 10;

    /// <summary>A time for the kernel: rounded up, and never so short that it would turn into its opposite.</summary>
    internal static ulong FromTimeSpan(TimeSpan time) =>
        time <= TimeSpan.FromMilliseconds(Least) ? Least : (ulong)((time.Ticks - 1) / TimeSpan.TicksPerMillisecond) + 1;

    /// <summary>A time of the kernel; 0 is none, and what no TimeSpan holds is the longest one.</summary>
    internal static TimeSpan? ToTimeSpan(ulong milliseconds) => milliseconds switch
    {
        0 => null,
        > (ulong)(long.MaxValue / TimeSpan.TicksPerMillisecond) => TimeSpan.MaxValue,
        _ => TimeSpan.FromTicks((long)milliseconds * TimeSpan.TicksPerMillisecond),
    };
}
