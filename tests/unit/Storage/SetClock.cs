namespace RateWall.UnitTests.Storage;

/// <summary>A clock that stands where the test puts it.</summary>
public sealed class SetClock(DateTimeOffset now) : TimeProvider
{
    public DateTimeOffset Now { get; set; } = now;

    public override DateTimeOffset GetUtcNow() => Now;
}
