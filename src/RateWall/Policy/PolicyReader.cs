namespace RateWall.Policy;

/// <summary>Reads the policy files over the built-in default.</summary>
public static class PolicyReader
{
    /// <summary>The name of the built-in default where a file's name would stand.</summary>
    public const string BuiltIn = "built-in";

    private const string BuiltInResource = "policy/default.yaml";

    /// <summary>
    /// The built-in default, then <paramref name="configPath"/> if it exists, then the *.yaml of the "conf.d" directory
    /// beside it in ordinal order. A missing file is only an error when <paramref name="mustExist"/>.
    /// </summary>
    /// <exception cref="PolicyException">A file is wrong, or the one that must exist does not.</exception>
    /// <exception cref="UnauthorizedAccessException">A file may not be read.</exception>
    /// <exception cref="IOException">The disk failed.</exception>
    public static EffectivePolicy Load(string configPath, bool mustExist) => Load(configPath, mustExist, LogFacts.OfThisMachine());

    /// <inheritdoc cref="Load(string, bool)"/>
    /// <param name="configPath">The main file.</param>
    /// <param name="mustExist">True when somebody named it.</param>
    /// <param name="facts">What `log: auto` resolves against.</param>
    public static EffectivePolicy Load(string configPath, bool mustExist, LogFacts facts)
    {
        ArgumentException.ThrowIfNullOrEmpty(configPath);
        var problems = new PolicyProblems();
        var files = new List<PolicyFile>();
        PolicyFile? main = Read(configPath, problems);
        if (main is not null) files.Add(main);
        else if (mustExist && problems.None) problems.Add(new ValueOrigin(configPath, 0, 0), "there is no such file; check --config or RATEWALL_CONFIG");
        foreach (string path in AdditionalFiles(configPath))
            if (Read(path, problems) is { } file) files.Add(file);
        return Lay(files, facts, problems);
    }

    /// <summary>The built-in default with texts laid over it in order: no disk is touched.</summary>
    /// <exception cref="PolicyException">A text is wrong.</exception>
    public static EffectivePolicy Parse(IReadOnlyList<PolicyFile> files, LogFacts facts) => Lay(files, facts, new PolicyProblems());

    /// <summary>The built-in default as it is shipped, comments and all.</summary>
    public static string BuiltInText()
    {
        using Stream stream = typeof(PolicyReader).Assembly.GetManifestResourceStream(BuiltInResource)
            ?? throw new InvalidOperationException($"the program lacks its resource {BuiltInResource}");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }

    private static EffectivePolicy Lay(IReadOnlyList<PolicyFile> files, LogFacts facts, PolicyProblems problems)
    {
        MapNode tree = PolicyDocument.Parse(BuiltIn, BuiltInText(), problems) ?? throw new InvalidOperationException("the built-in policy is empty");
        foreach (PolicyFile file in files)
        {
            string? text = PolicyText.Decode(file.Path, file.Bytes.Span, problems);
            if (text is not null && PolicyDocument.Parse(file.Path, text, problems) is { } over) tree = tree.With(over);
        }

        EffectivePolicy policy = new PolicyBuilder(tree, facts, problems).Build();
        problems.ThrowIfAny([.. files.Select(f => f.Path)]);
        return policy with { Files = [.. files.Select(f => f.Path)] };
    }

    private static PolicyFile? Read(string path, PolicyProblems problems)
    {
        byte[]? bytes = OperatorFile.Read(path, PolicyText.MostBytes, out string? fault);
        if (fault is not null) problems.Add(new ValueOrigin(path, 0, 0), fault);
        return bytes is null ? null : new PolicyFile(path, bytes);
    }

    // Editors leave hidden files and backups behind; only a plain *.yaml is meant to be read.
    private static IEnumerable<string> AdditionalFiles(string configPath)
    {
        string directory = Path.Combine(Path.GetDirectoryName(configPath) ?? "", "conf.d");
        if (!Directory.Exists(directory)) return [];
        return Directory.EnumerateFiles(directory, "*.yaml")
            .Where(f => Path.GetFileName(f)[0] != '.')
            .Order(StringComparer.Ordinal);
    }
}
