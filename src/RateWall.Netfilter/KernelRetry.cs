using System.Runtime.CompilerServices;
using Polly;
using Polly.Retry;

namespace RateWall.Netfilter;

/// <summary>
/// Asks the kernel again where that is right: another program committed meanwhile (ERESTART, EAGAIN, or EINTR for a dump that
/// was cut through), or buffers ran short (ENOBUFS). None of these left anything half done.
/// </summary>
/// <param name="time">What the waits go by.</param>
internal sealed class KernelRetry(TimeProvider time)
{
    /// <summary>How often a request is repeated before its failure is the answer.</summary>
    internal const int MostRetries = 30;

    private ResiliencePipeline? pipeline;

    /// <summary>Runs a request until it succeeds, or fails for good, or has failed too often.</summary>
    public void Execute(Action once) => Execute<object?>(() =>
    {
        once();
        return null;
    });

    /// <summary>The same of a request with an answer.</summary>
    public T Execute<T>(Func<T> once)
    {
        try
        {
            return once();
        }
        catch (NetfilterException e) when (KernelError.IsTransient(e.Errno))
        {
            return ExecuteAgain(once);
        }
    }

    // By itself: the library that waits, and what it loads, take 3 MB, and hardly a run needs it. The first of the repetitions
    // comes at once; before each other one is a wait, of 1 to 50 ms and scattered, that lets the other writer end.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private T ExecuteAgain<T>(Func<T> once)
    {
        pipeline ??= new ResiliencePipelineBuilder { Name = "nf_tables", TimeProvider = time }
            .AddRetry(new RetryStrategyOptions
            {
                Name = "transient",
                ShouldHandle = new PredicateBuilder().Handle<NetfilterException>(e => KernelError.IsTransient(e.Errno)),
                MaxRetryAttempts = MostRetries - 1,
                BackoffType = DelayBackoffType.Exponential,
                Delay = TimeSpan.FromMilliseconds(1),
                MaxDelay = TimeSpan.FromMilliseconds(50),
                UseJitter = true,
            })
            .Build();
        return pipeline.Execute(once);
    }
}
