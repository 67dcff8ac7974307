using Xunit.Abstractions;

namespace RateWall.IntegrationTests.Machine;

/// <summary>The collections that take longest begin first, so that nothing waits for them alone at the end; the others in any order.</summary>
public sealed class LongestFirst : ITestCollectionOrderer
{
    private static readonly string[] Long =
    [
        Containers.StoryCollection.Name, Containers.ContainerCollection.Name,
        nameof(Correlate.KillTests), nameof(Commands.MillionBansTests), nameof(Commands.PortCommandTests), nameof(Correlate.HoldersTests),
        nameof(Commands.WallCommandTests), nameof(Commands.ConfirmTests),
    ];

    public IEnumerable<ITestCollection> OrderTestCollections(IEnumerable<ITestCollection> testCollections) => testCollections.OrderBy(Place);

    // A class without a collection is one of its own, which is called after it.
    private static int Place(ITestCollection collection)
    {
        int place = Array.FindIndex(Long, name => collection.DisplayName.EndsWith(name, StringComparison.Ordinal));
        return place < 0 ? Long.Length : place;
    }
}
