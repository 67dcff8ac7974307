using Polly;
using Polly.Retry;
using RateWall.Systemd;

namespace RateWall.Storage;

/// <summary>Every retry of the program's own, by name.</summary>
internal static class Resilience
{
    /// <summary>How long a writer waits for another one.</summary>
    public static readonly TimeSpan LockPatience = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan LockPause = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan LongestBusPause = TimeSpan.FromSeconds(10);

    /// <summary>Waits for a lock that another process holds: tries twenty times a second for ten seconds.</summary>
    /// <param name="time">The clock.</param>
    /// <param name="onFirstWait">Called once, before the first wait.</param>
    public static ResiliencePipeline LockWait(TimeProvider time, Action onFirstWait) =>
        new ResiliencePipelineBuilder { Name = "lock-wait", TimeProvider = time }
            .AddRetry(new RetryStrategyOptions
            {
                Name = "lock-wait",
                ShouldHandle = new PredicateBuilder().Handle<IOException>(StateLock.IsHeldByAnother),
                MaxRetryAttempts = (int)(LockPatience / LockPause),
                Delay = LockPause,
                BackoffType = DelayBackoffType.Constant,
                OnRetry = attempt =>
                {
                    if (attempt.AttemptNumber == 0) onFirstWait();
                    return default;
                },
            })
            .Build();

    /// <summary>Connects to the bus, as often as it takes: after one second, then twice as long each time, ten seconds at most.</summary>
    /// <param name="time">The clock.</param>
    /// <param name="onFailure">Called after each failure, before the wait.</param>
    public static ResiliencePipeline BusConnection(TimeProvider time, Action<SystemdException> onFailure) =>
        new ResiliencePipelineBuilder { Name = "bus-connection", TimeProvider = time }
            .AddRetry(new RetryStrategyOptions
            {
                Name = "bus-connection",
                ShouldHandle = new PredicateBuilder().Handle<SystemdException>(),
                MaxRetryAttempts = int.MaxValue,
                Delay = TimeSpan.FromSeconds(1),
                MaxDelay = LongestBusPause,
                BackoffType = DelayBackoffType.Exponential,
                OnRetry = attempt =>
                {
                    if (attempt.Outcome.Exception is SystemdException e) onFailure(e);
                    return default;
                },
            })
            .Build();
}
