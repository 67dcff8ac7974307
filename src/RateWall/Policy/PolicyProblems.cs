namespace RateWall.Policy;

/// <summary>Collects what is wrong, so that the operator hears all of it at once; a flood is cut off.</summary>
internal sealed class PolicyProblems
{
    /// <summary>The most problems told; who has more has one mistake made many times.</summary>
    public const int Most = 50;

    private readonly List<PolicyProblem> found = [];
    private int untold;

    /// <summary>True while nothing is wrong.</summary>
    public bool None => found.Count == 0;

    /// <summary>Notes a problem. Text from the files must have been escaped.</summary>
    public void Add(ValueOrigin origin, string text)
    {
        if (found.Count < Most) found.Add(new PolicyProblem(origin, text));
        else untold++;
    }

    /// <summary>Ends the reading when anything was wrong.</summary>
    /// <exception cref="PolicyException">There were problems.</exception>
    public void ThrowIfAny(IReadOnlyList<string> filesInOrder)
    {
        if (None) return;
        List<PolicyProblem> told = [.. found
            .OrderBy(p => FileOrder(filesInOrder, p.Origin.File)).ThenBy(p => p.Origin.Line).ThenBy(p => p.Origin.Column)];
        if (untold > 0) told.Add(new PolicyProblem(told[^1].Origin, $"and {untold} more problems like these"));
        throw new PolicyException([.. told.Select(p => p.ToString())]) { Details = told };
    }

    private static int FileOrder(IReadOnlyList<string> files, string file)
    {
        for (int i = 0; i < files.Count; i++)
            if (files[i] == file) return i;
        return -1;
    }
}
