namespace RateWall.Detection.Logs;

/// <summary>A rule file is wrong; the text names file, line and remedy.</summary>
public sealed class RuleException(string message) : Exception(message);

/// <summary>One rule as a person sees it.</summary>
/// <param name="Name">"file:line".</param>
/// <param name="Kind">What a match is.</param>
/// <param name="IsNote">True for `note`.</param>
/// <param name="Template">The template's text.</param>
public sealed record RuleDescription(string Name, AttemptKind Kind, bool IsNote, string Template);

/// <summary>Which log lines belong to a rule file.</summary>
/// <param name="Name">The file's name without ".rules" ("sshd", "dovecot").</param>
/// <param name="Programs">Syslog tags.</param>
/// <param name="Units">systemd units whose journal entries count.</param>
/// <param name="Services">Services its rules can name.</param>
/// <param name="Rules">Its rules, in order.</param>
public sealed record RuleFileDescription(
    string Name, IReadOnlyList<string> Programs, IReadOnlyList<string> Units, IReadOnlyList<string> Services,
    IReadOnlyList<RuleDescription> Rules);

/// <summary>Compiled rule files.</summary>
public sealed class RuleSet
{
    /// <summary>The rule files that come with the program.</summary>
    public static RuleSet BuiltIn => throw new NotImplementedException();

    /// <summary>Every file's description.</summary>
    public IReadOnlyList<RuleFileDescription> Files => throw new NotImplementedException();

    /// <summary>Compiles the built-in files and then the operator's; a file of the same name replaces the built-in one.</summary>
    /// <param name="files">Name (for messages) and content.</param>
    /// <exception cref="RuleException">A file is wrong.</exception>
    public static RuleSet Load(IEnumerable<(string Name, string Text)> files) => throw new NotImplementedException();
}
