using Polly;
using Polly.Retry;

namespace RateWall.Netfilter;

/// <summary>Where asking the kernel again is right, and how often.</summary>
internal static class Resilience
{
    /// <summary>How often a request is repeated before its failure is the answer.</summary>
    internal const int KernelRetries = 30;

    /// <summary>
    /// The pipeline of every request to nf_tables: another program committed meanwhile (ERESTART, EAGAIN, or EINTR for a dump
    /// that was cut through), or buffers ran short (ENOBUFS). None of these left anything half done. The waits, 1 to 50 ms and
    /// scattered, let the other writer end.
    /// </summary>
    internal static ResiliencePipeline ForKernel(TimeProvider time) => new ResiliencePipelineBuilder { Name = "nf_tables", TimeProvider = time }
        .AddRetry(new RetryStrategyOptions
        {
            Name = "transient",
            ShouldHandle = new PredicateBuilder().Handle<NetfilterException>(e => KernelError.IsTransient(e.Errno)),
            MaxRetryAttempts = KernelRetries,
            BackoffType = DelayBackoffType.Exponential,
            Delay = TimeSpan.FromMilliseconds(1),
            MaxDelay = TimeSpan.FromMilliseconds(50),
            UseJitter = true,
        })
        .Build();
}
