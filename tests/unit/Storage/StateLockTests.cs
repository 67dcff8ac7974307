using RateWall.Storage;

namespace RateWall.UnitTests.Storage;

public sealed class StateLockTests : IDisposable
{
    private readonly TemporaryDirectory directory = new();

    public void Dispose() => directory.Dispose();

    [Fact]
    public void TryRun_WhileAnotherRuns_IsNothing()
    {
        using (StateLock? first = StateLock.TryRun(directory.Path))
        {
            Assert.NotNull(first);
            Assert.Null(StateLock.TryRun(directory.Path));
        }

        using StateLock? later = StateLock.TryRun(directory.Path);
        Assert.NotNull(later);
    }

    [Fact]
    public async Task Wall_HeldByAnother_IsTakenWhenItIsFreeAndSaysThatItWaits()
    {
        using var messages = new StringWriter();
        StateLock first = StateLock.Wall(directory.Path, TimeProvider.System, messages);
        var waiting = new Waiting();
        Task<StateLock> second = Task.Run(() => StateLock.Wall(directory.Path, TimeProvider.System, waiting));
        await waiting.Said;
        first.Dispose();
        (await second).Dispose();
        Assert.Empty(messages.ToString());
    }

    private sealed class Waiting : StringWriter
    {
        private readonly TaskCompletionSource said = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Said => said.Task;

        public override void WriteLine(string? value) => said.TrySetResult();
    }
}
