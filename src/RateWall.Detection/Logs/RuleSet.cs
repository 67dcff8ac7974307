namespace RateWall.Detection.Logs;

/// <summary>A rule file is wrong; the text names file, line and remedy.</summary>
public sealed class RuleException(string message) : Exception(message);

/// <summary>One rule as a person sees it.</summary>
/// <param name="Name">"file:line".</param>
/// <param name="Kind">What a match is.</param>
/// <param name="IsNote">True for `note`.</param>
/// <param name="Template">The template's text.</param>
public sealed record RuleDescription(string Name, AttemptKind Kind, bool IsNote, string Template)
{
    /// <summary>True for `echo`, which is a note that never counts.</summary>
    public bool IsEcho { get; init; }
}

/// <summary>Which log lines belong to a rule file.</summary>
/// <param name="Name">The file's name without ".rules" ("sshd", "dovecot").</param>
/// <param name="Programs">Syslog tags.</param>
/// <param name="Units">systemd units whose journal entries count.</param>
/// <param name="Services">Services its rules can name.</param>
/// <param name="Rules">Its rules, in order.</param>
public sealed record RuleFileDescription(
    string Name, IReadOnlyList<string> Programs, IReadOnlyList<string> Units, IReadOnlyList<string> Services,
    IReadOnlyList<RuleDescription> Rules)
{
    /// <summary>What <see cref="Origin"/> is for a shipped file.</summary>
    public const string BuiltIn = "built-in";

    /// <summary>The path of an operator's file, or "built-in".</summary>
    public string Origin { get; init; } = BuiltIn;

    /// <summary>
    /// Those of the units whose processes go on to log as the user who has logged in. Nothing of a user's own choice runs in them.
    /// </summary>
    public IReadOnlyList<string> SessionUnits { get; init; } = [];

    /// <summary>How many sample lines it has.</summary>
    public int Samples { get; init; }
}

/// <summary>Compiled rule files.</summary>
public sealed class RuleSet
{
    private const string ResourcePrefix = "rules/";

    private static readonly Lazy<RuleSet> Shipped = new(() => new(ReadShipped()));

    private readonly RuleFile[] compiled;
    private readonly ProgramTable programs;

    private RuleSet(IEnumerable<RuleFile> files)
    {
        compiled = [.. files];
        programs = new(compiled);
        Everything = [.. compiled.Select(f => new ProgramRules(f, null))];
        Files = [.. compiled.Select(f => f.Description)];
    }

    /// <summary>The rule files that come with the program.</summary>
    public static RuleSet BuiltIn => Shipped.Value;

    /// <summary>The name of a rule file: its file name without ".rules".</summary>
    public static string NameOf(string path) => RuleFileReader.NameOf(path);

    /// <summary>Every file's description.</summary>
    public IReadOnlyList<RuleFileDescription> Files { get; }

    /// <summary>Every file, for a line that names no program.</summary>
    internal ProgramRules[] Everything { get; }

    /// <summary>Compiles the built-in files and then the operator's; a file of the same name replaces the built-in one.</summary>
    /// <param name="files">Name (for messages) and content.</param>
    /// <exception cref="RuleException">A file is wrong.</exception>
    public static RuleSet Load(IEnumerable<(string Name, string Text)> files)
    {
        ArgumentNullException.ThrowIfNull(files);
        List<RuleFile> all = [.. BuiltIn.compiled];
        foreach ((string name, string text) in files)
        {
            RuleFile file = RuleFileReader.Read(name, text);
            int known = all.FindIndex(f => f.Description.Name == file.Description.Name);
            if (known < 0) all.Add(file);
            else all[known] = file;
        }

        return new(all);
    }

    /// <summary>
    /// Runs every file's sample lines. The answer is what is wrong: "file:line", what was expected, what came; empty when
    /// all is well.
    /// </summary>
    /// <param name="names">The files to run, by name; none: all.</param>
    public IReadOnlyList<string> CheckSamples(params IReadOnlyCollection<string> names) =>
        [.. Named(names).SelectMany(f => f.Samples.Select(s => SampleCheck.Run(f, s))).OfType<string>()];

    /// <summary>Looks for rules that cannot be meant so; see <see cref="RuleLint"/>.</summary>
    /// <param name="names">The files to look at, by name; none: all.</param>
    public IReadOnlyList<RuleFinding> Lint(params IReadOnlyCollection<string> names) => [.. Named(names).SelectMany(f => RuleLint.Run(this, f))];

    private IEnumerable<RuleFile> Named(IReadOnlyCollection<string> names) =>
        names.Count == 0 ? compiled : compiled.Where(f => names.Contains(f.Description.Name, StringComparer.Ordinal));

    /// <summary>Lines that regular expressions gave up because a time limit was reached, since loading.</summary>
    public long RegexTimeouts => compiled.Sum(f => f.Rules.Sum(r => r.Timeouts));

    /// <summary>The rules of a program whose own log names no program in its lines; null for any other.</summary>
    internal ProgramRules[]? FindOwn(ReadOnlySpan<byte> program)
    {
        ProgramRules[] found = Find(program);
        return found.Length > 0 && Array.TrueForAll(found, f => f.File.HasOwnHeader) ? found : null;
    }

    /// <summary>The compiled files.</summary>
    internal IReadOnlyList<RuleFile> Compiled => compiled;

    /// <summary>Compiles just these files, none of the built-in ones.</summary>
    internal static RuleSet Only(params (string Name, string Text)[] files) => new(files.Select(f => RuleFileReader.Read(f.Name, f.Text)));

    /// <summary>The rules of a program; empty when it has none.</summary>
    internal ProgramRules[] Find(ReadOnlySpan<byte> program) => programs.Find(program);

    /// <summary>The first rule file of a program, or null.</summary>
    internal RuleFile? FileOf(string program) =>
        Find(System.Text.Encoding.UTF8.GetBytes(program)) is [var first, ..] ? first.File : null;

    private static IEnumerable<RuleFile> ReadShipped()
    {
        System.Reflection.Assembly assembly = typeof(RuleSet).Assembly;
        string[] resources = Array.FindAll(assembly.GetManifestResourceNames(), n => n.StartsWith(ResourcePrefix, StringComparison.Ordinal));
        Array.Sort(resources, StringComparer.Ordinal);
        foreach (string resource in resources)
        {
            yield return RuleFileReader.ReadShipped(resource[ResourcePrefix.Length..], () => TextOf(resource));
        }

        string TextOf(string resource)
        {
            using Stream stream = assembly.GetManifestResourceStream(resource)!;
            byte[] text = new byte[stream.Length];
            stream.ReadExactly(text);
            return System.Text.Encoding.UTF8.GetString(text);
        }
    }
}
