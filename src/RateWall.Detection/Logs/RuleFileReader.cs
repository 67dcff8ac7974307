namespace RateWall.Detection.Logs;

/// <summary>Reads the text of a rule file.</summary>
internal sealed class RuleFileReader
{
    private const string Regex = "regex ";

    private static readonly char[] Blanks = [' ', '\t'];

    // By their numbers (RFC 5424 section 6.2.1), named as in syslog(3).
    private static readonly string[] Priorities = ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"];

    private readonly string name;
    private readonly string path;
    private readonly string origin;
    private readonly List<string> programs = [];
    private readonly List<string> units = [];
    private readonly List<string> sessions = [];
    private readonly List<Part> parts = [];
    private readonly List<byte[]> leads = [];
    private readonly List<Rule> rules = [];
    private readonly List<RuleSample> samples = [];
    private byte[][] within = [];
    private bool ownHeader;
    private int regexes;
    private bool stamped;
    private int? copyPriority;
    private string? service;
    private string? sample;
    private int number;

    // True for a file that is known to be right: what only tests or one daemon need is read when it is needed.
    private readonly bool later;
    private int sampleCount;

    private RuleFileReader(string path, string origin, bool later)
    {
        this.path = path;
        this.origin = origin;
        this.later = later;
        name = NameOf(path);
    }

    /// <summary>The name of a rule file: its file name without ".rules".</summary>
    public static string NameOf(string path)
    {
        string file = Path.GetFileName(path);
        return file.EndsWith(".rules", StringComparison.Ordinal) ? file[..^".rules".Length] : file;
    }

    /// <summary>Reads and compiles.</summary>
    /// <param name="path">The file's name, for messages.</param>
    /// <param name="text">Its content.</param>
    /// <exception cref="RuleException">Something in it is wrong.</exception>
    public static RuleFile Read(string path, string text)
    {
        RuleFileReader reader = Run(path, text, path, later: false);
        return reader.Finish(new([.. reader.samples]));
    }

    /// <summary>Reads a shipped file; its templates and samples are compiled when they are first needed.</summary>
    /// <param name="path">The file's name, for messages.</param>
    /// <param name="text">Gives its content, again and again.</param>
    public static RuleFile ReadShipped(string path, Func<string> text) =>
        Run(path, text(), RuleFileDescription.BuiltIn, later: true)
            .Finish(new(() => [.. Run(path, text(), RuleFileDescription.BuiltIn, later: false).samples]));

    private static RuleFileReader Run(string path, string text, string origin, bool later)
    {
        var reader = new RuleFileReader(path, origin, later);
        for (ReadOnlySpan<char> rest = text; ;)
        {
            int end = rest.IndexOf('\n');
            reader.ReadLine((end < 0 ? rest : rest[..end]).TrimEnd('\r'));
            if (end < 0) return reader;
            rest = rest[(end + 1)..];
        }
    }

    private void ReadLine(ReadOnlySpan<char> raw)
    {
        number++;
        ReadOnlySpan<char> trimmed = raw.Trim(Blanks);
        if (sample is not null)
        {
            if (trimmed is not ['=', ..]) throw Wrong("a sample without its result", "write '= none' or '= failure source=192.0.2.1 user=root' below the sample");
            if (!later) ReadExpectation(trimmed[1..].Trim(Blanks).ToString(), sample);
            sampleCount++;
            sample = null;
            return;
        }

        if (trimmed is [] or ['#', ..]) return;
        if (trimmed[0] == '|')
        {
            ReadOnlySpan<char> shown = raw.TrimStart(Blanks)[1..];
            sample = later ? "" : (shown is [' ', ..] ? shown[1..] : shown).ToString();
            return;
        }

        string line = trimmed.ToString();
        int space = line.IndexOfAny(Blanks);
        string word = space < 0 ? line : line[..space];
        string rest = space < 0 ? "" : line[space..].Trim(Blanks);
        ReadStatement(word, rest);
    }

    private void ReadStatement(string word, string rest)
    {
        switch (word)
        {
            case "programs": ReadPrograms(rest); break;
            case "units": units.AddRange(Words(rest, word)); break;
            case "sessions": sessions.AddRange(Words(rest, word)); break;
            case "lead": leads.AddRange(Words(rest, word).Select(w => System.Text.Encoding.UTF8.GetBytes(w + " "))); break;
            case "service": service = Words(rest, word) is [var one] ? Known(one) : throw Wrong("'service' names one service", "write 'part NAME -> SERVICE' where a daemon has several"); break;
            case "header" when rest == "none": ownHeader = true; break;
            case "header" when rest == "stamped": ownHeader = stamped = true; break;
            case "header": throw Wrong($"'header {rest}' is not known", "write 'header none' or 'header stamped' where the lines of the daemon's own log name no program, else nothing");
            case "twice": copyPriority = Array.IndexOf(Priorities, rest) is >= 0 and var known ? known : throw Wrong($"'twice {rest}' names no priority", "write 'twice notice', or another of syslog(3), where the daemon may write a line once more with it"); break;
            case "part": ReadPart(rest); break;
            case "in": ReadIn(Words(rest, word)); break;
            case "note": ReadCounted(rest, Counting.Note); break;
            case "echo": ReadCounted(rest, Counting.Echo); break;
            case "opens": AddRule(AttemptKind.None, service: null, rest, Counting.Opens); break;
            // "none" is no kind of try: it claims lines that would pass for one.
            default: ReadRule(word, rest, Counting.Counts); break;
        }
    }

    private void ReadPrograms(string rest)
    {
        string[] sides = rest.Split("->", 2, StringSplitOptions.TrimEntries);
        string[] names = Words(sides[0], "programs");
        programs.AddRange(names);
        if (sides.Length == 1) return;
        if (sides[1].Length == 0 || sides[1].IndexOfAny(Blanks) >= 0)
            throw Wrong("'->' without its service", "write 'programs postfix/smtps/smtpd -> submission'");
        foreach (string named in names) parts.Add(new(System.Text.Encoding.UTF8.GetBytes(named), Known(sides[1]), IsTag: true));
    }

    private void ReadPart(string rest)
    {
        string[] sides = rest.Split("->", 2, StringSplitOptions.TrimEntries);
        if (sides.Length != 2 || sides[0].Length == 0 || sides[1].Length == 0 || sides[1].IndexOfAny(Blanks) >= 0)
            throw Wrong("a part needs its service", "write 'part imap-login -> imap'");
        foreach (string part in Words(sides[0], "part")) parts.Add(new(System.Text.Encoding.UTF8.GetBytes(part), Known(sides[1])));
    }

    private void ReadIn(string[] names)
    {
        foreach (string named in names)
            if (named != "all" && !parts.Exists(p => System.Text.Encoding.UTF8.GetString(p.Name) == named))
                throw Wrong($"'{named}' is no part", $"write 'part {named} -> SERVICE' or 'programs {named} -> SERVICE' above, or 'in all'");
        within = names is ["all"] ? [] : [.. names.Select(System.Text.Encoding.UTF8.GetBytes)];
    }

    private void ReadCounted(string rest, Counting counting)
    {
        int space = rest.IndexOfAny(Blanks);
        if (space < 0) throw Wrong("a rule needs a kind and a template", "write 'note failure Failed none for {user} from {address}'");
        ReadRule(rest[..space], rest[space..].Trim(Blanks), counting);
    }

    private void ReadRule(string word, string template, Counting counting)
    {
        int sign = word.IndexOf('@', StringComparison.Ordinal);
        AttemptKind kind = KindOf(sign < 0 ? word : word[..sign]);
        if (kind == AttemptKind.None && word != "none")
            throw Wrong($"'{word}' is no kind and no heading", "use failure, invalid, probe, limit, success (note or echo in front), none, opens, programs, units, sessions, service, part, lead, header, twice, '|' or '='");
        AddRule(kind, sign < 0 ? null : Known(word[(sign + 1)..]), template, counting);
    }

    // A service is one object in all files, so that its name is compared without a look at its letters.
    private static string Known(string service) => string.Intern(service);

    private void AddRule(AttemptKind kind, string? service, string template, Counting counting)
    {
        if (template.Length == 0) throw Wrong("a rule without a template", "write 'failure some text from {address}'");
        const string Preauth = " [preauth]";
        bool preauth = template.EndsWith(Preauth, StringComparison.Ordinal);
        string text = preauth ? template[..^Preauth.Length] : template;
        if (programs.Count == 0) throw Wrong("a rule before any program is named", "start the file with 'programs NAME ...'");
        bool regex = text.StartsWith(Regex, StringComparison.Ordinal);
        if (regex && ++regexes > RegexPattern.MaxPerFile) throw Wrong($"more than {RegexPattern.MaxPerFile} regular expressions", "write templates");
        // Copies: the rule outlives this reader.
        (string place, bool trusted) = ($"{path}:{number}", later);
        Func<Template[]> compile = () => Compiled(text, place, regex, counting, trusted);
        var rule = new Rule
        {
            Name = $"{name}.rules:{number}",
            Order = rules.Count,
            Kind = kind,
            Counting = counting,
            Service = service,
            Parts = within,
            NeedsPreauth = preauth,
            Text = template,
            Compile = compile,
        };
        if (!later) _ = rule.Templates;
        rules.Add(rule);
    }

    private static Template[] Compiled(string text, string place, bool regex, Counting counting, bool later)
    {
        Template[] templates = regex ? [new(RegexPattern.Read(text[Regex.Length..].Trim(Blanks), place, later))] : TemplateReader.Read(text, place);
        if (counting == Counting.Opens && Array.Exists(templates, t => !t.Pieces.Any(p => p.IsAddress) || !t.Pieces.Any(p => p.Class == ByteClass.Session)))
            throw new RuleException($"{place}: 'opens' without a session or an address; write 'opens {{session}} connected from {{address}}'");
        return templates;
    }

    private void ReadExpectation(string text, string line)
    {
        if (rules.Count == 0) throw Wrong("a sample before any rule", "put samples under the rule they are for");
        string[] words = text.Split(' ', 2);
        string? expected = null, user = null;
        SourceAddress? source = null;
        int count = 1;
        AttemptKind kind = KindOf(words[0]);
        if (kind == AttemptKind.None && words[0] is not ("none" or "opens")) throw Wrong($"'{words[0]}' is no kind", "start with none, opens, failure, invalid, probe, limit or success");
        string rest = words.Length > 1 ? words[1] : "";
        while (rest.Length > 0)
        {
            int equals = rest.IndexOf('=', StringComparison.Ordinal);
            string key = equals < 0 ? rest : rest[..equals];
            string value = equals < 0 ? "" : rest[(equals + 1)..];
            // A user's name may hold blanks, so it comes last.
            int end = key == "user" ? -1 : value.IndexOf(' ', StringComparison.Ordinal);
            rest = end < 0 ? "" : value[(end + 1)..];
            if (end >= 0) value = value[..end];
            switch (key)
            {
                case "service": expected = value; break;
                case "user": user = value; break;
                case "count" when int.TryParse(value, out count): break;
                case "source" when SourceAddress.TryParse(System.Text.Encoding.UTF8.GetBytes(value), out SourceAddress address): source = address; break;
                default: throw Wrong($"'{key}={value}' is not understood", "use service=NAME source=ADDRESS count=N user=NAME, user last");
            }
        }

        samples.Add(new($"{name}.rules:{number - 1}", rules[^1].Name, line, kind, expected, source, user, count, words[0] == "opens"));
    }

    private RuleFile Finish(Lazy<RuleSample[]> shown)
    {
        if (sample is not null) throw Wrong("a sample without its result", "write '= none' or '= failure source=192.0.2.1 user=root' below it");
        if (programs.Count == 0) throw Wrong("no program is named", "start the file with 'programs NAME ...'");
        if (service is null && parts.Count == 0) throw Wrong("no service is named", "add 'service NAME'");
        if (rules.Count == 0) throw Wrong("there are no rules", "add one, such as: failure login failed for {user} from {address}");
        string own = service ?? Known(name);
        string[] services = [.. parts.Select(p => p.Service).Append(own).Concat(rules.Where(r => r.Service is not null).Select(r => r.Service!)).Distinct(StringComparer.Ordinal)];
        RuleDescription[] described = [.. rules.Select(r => new RuleDescription(r.Name, r.Kind, r.Counting != Counting.Counts, r.Text) { IsEcho = r.Counting == Counting.Echo })];
        return new(
            new(name, programs, [.. units.Union(sessions, StringComparer.Ordinal)], services, described) { Origin = origin, SessionUnits = sessions, Samples = sampleCount },
            own, [.. parts], [.. leads], [.. rules], shown)
        {
            HasOwnHeader = ownHeader,
            IsStamped = stamped,
            CopyPriority = copyPriority,
        };
    }

    private string[] Words(string rest, string heading)
    {
        string[] words = rest.Split(Blanks, StringSplitOptions.RemoveEmptyEntries);
        return words.Length > 0 ? words : throw Wrong($"'{heading}' names nothing", $"write '{heading} NAME'");
    }

    private static AttemptKind KindOf(string word) => word switch
    {
        "failure" => AttemptKind.Failure,
        "invalid" => AttemptKind.Invalid,
        "probe" => AttemptKind.Probe,
        "limit" => AttemptKind.Limit,
        "success" => AttemptKind.Success,
        _ => AttemptKind.None,
    };

    private RuleException Wrong(string what, string remedy) => new($"{path}:{number}: {what}; {remedy}");
}
