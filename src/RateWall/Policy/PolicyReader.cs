namespace RateWall.Policy;

/// <summary>The policy is wrong: one or more problems, each "file:line:column: what, and the remedy".</summary>
public sealed class PolicyException(IReadOnlyList<string> problems) : Exception(string.Join('\n', problems))
{
    /// <summary>The problems, in order of file and line.</summary>
    public IReadOnlyList<string> Problems { get; } = problems;
}

/// <summary>Reads the policy files over the built-in default.</summary>
public static class PolicyReader
{
    /// <summary>
    /// The built-in default, then <paramref name="configPath"/> if it exists, then the *.yaml of the "conf.d" directory
    /// beside it in ordinal order. A missing file is only an error when <paramref name="mustExist"/>.
    /// </summary>
    /// <exception cref="PolicyException">A file is wrong.</exception>
    public static EffectivePolicy Load(string configPath, bool mustExist) => throw new NotImplementedException();
}
