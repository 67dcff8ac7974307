namespace RateWall.IntegrationTests.Containers;

/// <summary>A network between containers; disposing removes it.</summary>
public sealed class ContainerNetwork(ContainerEngine engine, string name) : IDisposable
{
    public string Name { get; } = name;

    public void Dispose() => engine.Docker("network", "rm", Name);
}
