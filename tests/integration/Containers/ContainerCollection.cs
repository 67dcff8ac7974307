using System.Diagnostics.CodeAnalysis;

namespace RateWall.IntegrationTests.Containers;

/// <summary>
/// Tests on one share of the container engine; they run one after the other, beside those of
/// <see cref="StoryCollection"/>: each share has addresses for one network.
/// </summary>
[CollectionDefinition(Name)]
[SuppressMessage("Naming", "CA1711", Justification = "xunit's word for it")]
public sealed class ContainerCollection : ICollectionFixture<ContainerEngine>
{
    public const string Name = "containers";
}
