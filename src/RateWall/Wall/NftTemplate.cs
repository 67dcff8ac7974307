using System.Text;
using RateWall.Policy;

namespace RateWall.Wall;

/// <summary>A template of the wall is wrong; the text names the file and the line.</summary>
public sealed class TemplateException(string message) : Exception(message);

/// <summary>
/// Fills in a native-rules template: <c>${name}</c> anywhere, and lines that begin with <c>#:</c>, which are
/// <c>for NAME in LIST</c>, <c>if NAME</c>, <c>insert NAME</c> and <c>end</c>. Everything else is nft's own language.
/// </summary>
public sealed class NftTemplate
{
    private const string Directive = "#:";
    private readonly string[] lines;

    /// <param name="name">The file's name, for messages.</param>
    /// <param name="text">The template.</param>
    public NftTemplate(string name, string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        Name = name;
        lines = text.ReplaceLineEndings("\n").TrimEnd('\n').Split('\n');
    }

    /// <summary>The file's name: of an operator's its path.</summary>
    public string Name { get; }

    /// <summary>The template with its values in place.</summary>
    /// <exception cref="TemplateException">An unknown name, or a block without its end.</exception>
    public FilledText Fill(TemplateValues values)
    {
        var text = new FilledText();
        int line = 0;
        Fill(values, text, ref line, skip: false, depth: 0);
        return text;
    }

    private void Fill(TemplateValues values, FilledText text, ref int line, bool skip, int depth)
    {
        while (line < lines.Length)
        {
            string current = lines[line++];
            if (!current.StartsWith(Directive, StringComparison.Ordinal))
            {
                if (!skip) text.Add(Substitute(current, values, line), new(Name, line));
                continue;
            }

            string[] words = current[Directive.Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
            switch (words)
            {
                case ["end"] when depth > 0:
                    return;
                case ["if", string condition]:
                    Fill(values, text, ref line, skip || !values.IsTrue(condition), depth + 1);
                    break;
                case ["insert", string inserted]:
                    if (!skip) text.Add(values.Insert(inserted) ?? throw Wrong(line, $"there is nothing called '{inserted}' to insert here"));
                    break;
                case ["for", string item, "in", string list]:
                    Repeat(item, list, values, text, ref line, skip, depth);
                    break;
                default:
                    throw Wrong(line, $"'{current}' is none of '#: for X in LIST', '#: if NAME', '#: insert NAME', '#: end'");
            }
        }

        if (depth > 0) throw Wrong(line, "a '#: for' or '#: if' has no '#: end'");
    }

    private void Repeat(
        string item, string list, TemplateValues values, FilledText text, ref int line, bool skip, int depth)
    {
        IReadOnlyList<TemplateValues> rounds = skip ? [] : values.List(list) ?? throw Wrong(line, $"there is no list '{list}'");
        int start = line;
        if (rounds.Count == 0) Fill(values, text, ref line, skip: true, depth + 1);
        foreach (TemplateValues round in rounds)
        {
            line = start;
            TemplateValues inner = values.With(round);
            if (inner.Text(item) is null) throw Wrong(line, $"the list '{list}' does not give a '{item}'");
            Fill(inner, text, ref line, skip, depth + 1);
        }
    }

    private string Substitute(string current, TemplateValues values, int line)
    {
        int open = current.IndexOf("${", StringComparison.Ordinal);
        if (open < 0) return current;
        var text = new StringBuilder();
        int from = 0;
        while (open >= 0)
        {
            int close = current.IndexOf('}', open);
            if (close < 0) throw Wrong(line, "'${' without '}'");
            text.Append(current, from, open - from).Append(Text(current[(open + 2)..close], values, line));
            from = close + 1;
            open = current.IndexOf("${", from, StringComparison.Ordinal);
        }

        return text.Append(current, from, current.Length - from).ToString();
    }

    private string Text(string wanted, TemplateValues values, int line) =>
        values.Text(wanted) ?? throw Wrong(line, Spelling.Nearest(wanted, values.Names) is { } nearest
            ? $"there is no '{wanted}' to fill in here; did you mean '{nearest}'?"
            : $"there is no '{wanted}' to fill in here; there are {string.Join(", ", values.Names)}");

    private TemplateException Wrong(int line, string problem) => new($"{Name}:{line}: {problem}");
}

/// <summary>The names a template may use: texts and lists. An empty text or list counts as false for <c>if</c>.</summary>
public sealed class TemplateValues
{
    private readonly Dictionary<string, string> texts = new(StringComparer.Ordinal);
    private readonly Dictionary<string, IReadOnlyList<TemplateValues>> lists = new(StringComparer.Ordinal);
    private readonly Dictionary<string, FilledText> inserts = new(StringComparer.Ordinal);

    /// <summary>Sets a text.</summary>
    public string this[string name]
    {
        init => texts[name] = value;
    }

    /// <summary>Sets a text where there may be one already.</summary>
    public void Set(string name, string text) => texts[name] = text;

    /// <summary>Adds a list whose rounds each bring their own names.</summary>
    public TemplateValues AddList(string name, IEnumerable<TemplateValues> rounds)
    {
        lists[name] = [.. rounds];
        return this;
    }

    /// <summary>Adds filled-in lines for <c>#: insert</c>.</summary>
    public TemplateValues AddInsert(string name, FilledText lines)
    {
        inserts[name] = lines;
        return this;
    }

    /// <summary>The names of the texts, in ordinal order.</summary>
    internal IReadOnlyList<string> Names => [.. texts.Keys.Order(StringComparer.Ordinal)];

    internal FilledText? Insert(string name) => inserts.GetValueOrDefault(name);

    internal string? Text(string name) => texts.GetValueOrDefault(name);

    internal IReadOnlyList<TemplateValues>? List(string name) => lists.GetValueOrDefault(name);

    internal bool IsTrue(string name) => List(name) is { } list ? list.Count > 0 : !string.IsNullOrEmpty(Text(name));

    internal TemplateValues With(TemplateValues inner)
    {
        var both = new TemplateValues();
        foreach ((string name, string text) in texts) both.texts[name] = text;
        foreach ((string name, string text) in inner.texts) both.texts[name] = text;
        foreach ((string name, FilledText insert) in inserts) both.inserts[name] = insert;
        foreach ((string name, IReadOnlyList<TemplateValues> list) in lists) both.lists[name] = list;
        foreach ((string name, IReadOnlyList<TemplateValues> list) in inner.lists) both.lists[name] = list;
        return both;
    }
}
