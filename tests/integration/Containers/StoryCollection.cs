using System.Diagnostics.CodeAnalysis;

namespace RateWall.IntegrationTests.Containers;

/// <summary>The other half of the container tests, by the time they take: the stories of attackers who hold connections.</summary>
[CollectionDefinition(Name)]
[SuppressMessage("Naming", "CA1711", Justification = "xunit's word for it")]
public sealed class StoryCollection : ICollectionFixture<ContainerEngine>
{
    public const string Name = "container stories";
}
