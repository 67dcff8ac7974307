using System.Globalization;

namespace RateWall.IntegrationTests.Containers;

/// <summary>A network between containers; disposing removes it.</summary>
public sealed class ContainerNetwork(ContainerEngine engine, string name, string prefix) : IDisposable
{
    public string Name { get; } = name;

    /// <summary>All its addresses.</summary>
    public string Subnet => $"{prefix}.0/24";

    /// <summary>One of its addresses.</summary>
    /// <param name="number">The last number of it: 2 to 254, the first is the gateway's.</param>
    public string Address(int number) => string.Create(CultureInfo.InvariantCulture, $"{prefix}.{number}");

    public void Dispose() => engine.Docker("network", "rm", Name);
}
