namespace RateWall.IntegrationTests.Machine;

/// <summary>The source tree that the tests were built from.</summary>
public static class Checkout
{
    private static readonly Lazy<string> Found = new(() =>
    {
        for (DirectoryInfo? directory = new(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
            if (File.Exists(System.IO.Path.Combine(directory.FullName, "RateWall.sln"))) return directory.FullName;
        throw new InvalidOperationException($"no RateWall.sln above {AppContext.BaseDirectory}");
    });

    /// <summary>A path below the top of the tree.</summary>
    public static string Path(params string[] parts) => System.IO.Path.Combine([Found.Value, .. parts]);
}
