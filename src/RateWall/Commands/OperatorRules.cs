using System.Text;
using RateWall.Detection.Logs;
using RateWall.Policy;

namespace RateWall.Commands;

/// <summary>The rule files in force: the built-in ones, and the operator's over them.</summary>
internal static class OperatorRules
{
    private const int MaxFileBytes = 1024 * 1024;

    /// <summary>Reads the *.rules of a directory, which need not be there, and further files over them.</summary>
    /// <param name="directory">The directory.</param>
    /// <param name="further">Paths of files that are read as if they were in it; these must be there.</param>
    /// <exception cref="CommandException">A rule file is wrong, or far too long to be one.</exception>
    public static RuleSet Load(string directory, params IReadOnlyCollection<string> further)
    {
        string[] standing = Directory.Exists(directory) ? [.. Directory.EnumerateFiles(directory, "*.rules").Order(StringComparer.Ordinal)] : [];
        var files = new List<(string Name, string Text)>();
        foreach (string path in standing)
            if (Read(path) is { } text) files.Add((path, text));
        foreach (string path in further)
            files.Add((path, Read(path) ?? throw new CommandException(ExitCode.Usage, $"{path} is not there; name a rule file")));

        try
        {
            return files.Count == 0 ? RuleSet.BuiltIn : RuleSet.Load(files);
        }
        catch (RuleException e)
        {
            throw new CommandException(ExitCode.Usage, e.Message);
        }
    }

    // Null when it is not there, or no longer.
    private static string? Read(string path)
    {
        byte[]? bytes = OperatorFile.Read(path, MaxFileBytes, out string? fault);
        if (fault is not null) throw new CommandException(ExitCode.Usage, $"{path}: {fault}");
        if (bytes is null) return null;
        if (bytes.Length > MaxFileBytes)
            throw new CommandException(ExitCode.Usage, $"{path} is longer than {MaxFileBytes} bytes, which no rule file is");
        return Encoding.UTF8.GetString(bytes.AsSpan().StartsWith("\uFEFF"u8) ? bytes.AsSpan(3) : bytes);
    }
}
