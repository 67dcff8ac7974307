namespace RateWall.IntegrationTests.Machine;

/// <summary>As <see cref="LinuxFactAttribute"/>, for tests with data.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class LinuxTheoryAttribute : TheoryAttribute
{
    public LinuxTheoryAttribute(params string[] programs) => Skip = new LinuxFactAttribute(programs).Skip;
}
