namespace RateWall.Policy;

/// <summary>The policy is wrong: one or more problems, each "file:line:column: what, and the remedy".</summary>
public sealed class PolicyException(IReadOnlyList<string> problems) : Exception(string.Join('\n', problems))
{
    /// <summary>The problems, in order of file and line.</summary>
    public IReadOnlyList<string> Problems { get; } = problems;

    /// <summary>The same problems in their parts, where the reader knew them.</summary>
    public IReadOnlyList<PolicyProblem> Details { get; init; } = [];
}
