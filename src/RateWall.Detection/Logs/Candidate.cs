namespace RateWall.Detection.Logs;

/// <summary>
/// A rule with one of its templates. A class, as all that only loading handles: the base library's generic code is
/// compiled ahead for classes, and for each struct anew in every run.
/// </summary>
internal sealed record Candidate(Rule Rule, int Variant, Template Template);
