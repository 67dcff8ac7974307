namespace RateWall.Storage;

/// <summary>The directory that holds everything RateWall remembers.</summary>
internal static class StateDirectory
{
    /// <summary>Makes it for root alone: log lines with the names that were tried lie in it.</summary>
    /// <exception cref="UnauthorizedAccessException">It may not be made.</exception>
    /// <exception cref="StateException">It cannot be made.</exception>
    public static void Create(string directory)
    {
        if (Directory.Exists(directory)) return;
        MustNotBeAFile(directory);
        if (OperatingSystem.IsWindows()) throw new PlatformNotSupportedException("RateWall runs on Linux");
        try
        {
            Directory.CreateDirectory(directory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
        catch (IOException e)
        {
            throw new StateException($"the state directory {directory} cannot be made ({e.Message}); name another with --state-dir", e);
        }
    }

    /// <exception cref="StateException">It is a file.</exception>
    public static void MustNotBeAFile(string directory)
    {
        if (File.Exists(directory)) throw new StateException($"{directory} is a file, and state is kept in a directory; name one with --state-dir");
    }

    /// <summary>The database's path.</summary>
    public static string Database(string directory) => Path.Combine(directory, "state.db");
}
