using System.Diagnostics.CodeAnalysis;

namespace RateWall.IntegrationTests.Containers;

/// <summary>The tests that share one engine and its images; they run one after the other.</summary>
[CollectionDefinition(Name)]
[SuppressMessage("Naming", "CA1711", Justification = "xunit's word for it")]
public sealed class ContainerCollection : ICollectionFixture<ContainerEngine>
{
    public const string Name = "containers";
}
