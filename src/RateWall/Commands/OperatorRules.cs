using System.Text;
using RateWall.Detection.Logs;
using RateWall.Policy;

namespace RateWall.Commands;

/// <summary>The rule files in force: the built-in ones, and the operator's over them.</summary>
internal static class OperatorRules
{
    private const int MaxFileBytes = 1024 * 1024;

    /// <summary>Reads the *.rules of a directory, which need not be there.</summary>
    /// <exception cref="CommandException">A rule file is wrong, or far too long to be one.</exception>
    public static RuleSet Load(string directory)
    {
        if (!Directory.Exists(directory)) return RuleSet.BuiltIn;
        var files = new List<(string Name, string Text)>();
        foreach (string path in Directory.EnumerateFiles(directory, "*.rules").Order(StringComparer.Ordinal))
        {
            byte[]? bytes = OperatorFile.Read(path, MaxFileBytes, out string? fault);
            if (fault is not null) throw new CommandException(ExitCode.Usage, $"{path}: {fault}");
            if (bytes is null) continue;
            if (bytes.Length > MaxFileBytes)
                throw new CommandException(ExitCode.Usage, $"{path} is longer than {MaxFileBytes} bytes, which no rule file is");
            files.Add((path, Encoding.UTF8.GetString(bytes.AsSpan().StartsWith("\uFEFF"u8) ? bytes.AsSpan(3) : bytes)));
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
