namespace RateWall.Storage;

/// <summary>The directory that holds everything RateWall remembers.</summary>
internal static class StateDirectory
{
    /// <summary>Makes it for root alone: log lines with the names that were tried lie in it.</summary>
    /// <exception cref="UnauthorizedAccessException">It may not be made.</exception>
    public static void Create(string directory)
    {
        if (Directory.Exists(directory)) return;
        if (OperatingSystem.IsWindows()) throw new PlatformNotSupportedException("RateWall runs on Linux");
        Directory.CreateDirectory(directory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    /// <summary>The database's path.</summary>
    public static string Database(string directory) => Path.Combine(directory, "state.db");
}
