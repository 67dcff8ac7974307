using RateWall.Detection.Logs;

namespace RateWall.Commands;

/// <summary>The rule files in force: the built-in ones, and the operator's over them.</summary>
internal static class OperatorRules
{
    private const long MaxFileBytes = 1024 * 1024;

    /// <summary>Reads the *.rules of a directory, which need not be there.</summary>
    /// <exception cref="CommandException">A rule file is wrong, or far too long to be one.</exception>
    public static RuleSet Load(string directory)
    {
        if (!Directory.Exists(directory)) return RuleSet.BuiltIn;
        var files = new List<(string Name, string Text)>();
        foreach (string path in Directory.EnumerateFiles(directory, "*.rules").Order(StringComparer.Ordinal))
        {
            if (new FileInfo(path).Length > MaxFileBytes)
                throw new CommandException(ExitCode.Usage, $"{path} is longer than {MaxFileBytes} bytes, which no rule file is");
            files.Add((path, File.ReadAllText(path)));
        }

        try
        {
            return files.Count == 0 ? RuleSet.BuiltIn : RuleSet.Load(files);
        }
        catch (RuleException e)
        {
            throw new CommandException(ExitCode.Usage, e.Message);
        }
    }
}
