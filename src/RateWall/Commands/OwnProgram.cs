namespace RateWall.Commands;

/// <summary>How this program is started again, by somebody else and later.</summary>
internal static class OwnProgram
{
    /// <summary>The absolute path and, where the runtime's own program runs it, the assembly.</summary>
    public static IReadOnlyList<string> Command
    {
        get
        {
            string program = System.Environment.ProcessPath ?? throw new InvalidOperationException("this process has no path");
            return Path.GetFileNameWithoutExtension(program) == "dotnet"
                ? [program, "exec", Path.Combine(AppContext.BaseDirectory, "ratewall.dll")]
                : [program];
        }
    }

    /// <summary>"NAME=value" of what the runtime needs to start: where it is, and how it is set.</summary>
    public static IReadOnlyList<string> Environment { get; } =
    [
        .. System.Environment.GetEnvironmentVariables().Keys.Cast<string>()
            .Where(name => name.StartsWith("DOTNET_", StringComparison.Ordinal) || name is "PATH" or "TZ")
            .Select(name => $"{name}={System.Environment.GetEnvironmentVariable(name)}"),
    ];
}
