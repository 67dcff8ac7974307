using System.Text.RegularExpressions;

namespace RateWall.Policy;

/// <summary>Reads where a service's log lines come from.</summary>
internal sealed partial class LogReader(ValueReader reader, LogFacts facts)
{
    // PATH_MAX of linux/limits.h, with the terminating NUL.
    private const int LongestPath = 4095;
    private const int Most = 8;
    private static readonly string[] Keys = ["file", "program"];
    private static readonly string[] Words = ["auto", "journal"];

    /// <summary>Reads `log` of a service, one or a list of them; auto is resolved here and now. There is always one.</summary>
    public IReadOnlyList<LogSource> ReadAll(MapNode service, string servicePath, string family, bool enabled)
    {
        string path = $"{servicePath}.log";
        if (service.Find("log") is not ListNode list) return [Read(service.Find("log"), path, family, enabled, service.Origin)];
        if (list.Items.Count is 0 or > Most)
        {
            reader.Problems.Add(list.Origin, $"{path} is a list of {list.Items.Count}; name 1 to {Most} logs, or write 'log: auto'");
            return [LogSource.Journal];
        }

        LogSource[] logs = [.. list.Items.Select((item, i) => Read(item, $"{path}[{i}]", family, enabled, service.Origin))];
        for (int i = 0; i < logs.Length; i++)
        {
            // One place for everything else; beside it only what has its own file.
            if (logs[..i].Any(l => l.Program is null) && logs[i].Program is null)
                reader.Problems.Add(list.Items[i].Origin, $"{path} has two logs without 'program', so a try that is in both would count twice; keep one, and name the program of the other file");
            if (logs[i].Program is { } program && logs[..i].Any(l => l.Program == program))
                reader.Problems.Add(list.Items[i].Origin, $"{path} reads {program} from two files, so a try that is in both would count twice; keep one");
            if (logs[i].File is { } file && logs[..i].Any(l => l.File == file))
                reader.Problems.Add(list.Items[i].Origin, $"{path} names {ValueReader.Shown(file)} twice; remove one");
        }

        // What is for any program comes first.
        return [.. logs.OrderBy(l => l.Program is not null)];
    }

    private LogSource Read(PolicyNode? node, string path, string family, bool enabled, ValueOrigin service)
    {
        switch (node)
        {
            case MapNode map: return File(map, path);
            case ScalarNode { Text: "auto" } auto: return Auto(auto, path, family, enabled, service);
            case ScalarNode { Text: "journal" } journal:
                reader.Record(path, "journal", journal.Origin);
                return LogSource.Journal;
            case ScalarNode { Text: ['/', ..] } file:
                reader.Problems.Add(file.Origin, $"{path} is a file's path alone; write 'log: {{ file: {ValueReader.Shown(file.Text)} }}'");
                return LogSource.Journal;
            case { } other:
                string word = (other as ScalarNode)?.Text ?? "";
                string remedy = Spelling.Nearest(word, Words) is { } meant
                    ? $"did you mean '{meant}'?"
                    : "write auto, journal or { file: /var/log/auth.log }";
                reader.Problems.Add(other.Origin, $"{path} is {ValueReader.Describe(other)}; {remedy}");
                return LogSource.Journal;
            default:
                return LogSource.Journal;
        }
    }

    private LogSource Auto(ScalarNode node, string path, string family, bool enabled, ValueOrigin service)
    {
        if (facts.Auto(family) is { } found)
        {
            reader.Record(path, $"auto: {found.File ?? "journal"}", node.Origin);
            return found;
        }

        reader.Record(path, "auto", node.Origin);
        // The word itself is mostly the built-in one; the service is what the operator can edit.
        ValueOrigin at = node.Origin.File == PolicyReader.BuiltIn ? service : node.Origin;
        if (enabled) reader.Problems.Add(at, $"{path} is auto, and family {family} has no usual log; write 'log: {{ file: /var/log/nginx/access.log, program: nginx }}' or 'log: journal'");
        return LogSource.Journal;
    }

    private LogSource File(MapNode map, string path)
    {
        reader.KnownKeys(map, path, Keys);
        string? program = null;
        if (reader.Scalar(map, path, "file", "/var/log/auth.log") is not { } file) return LogSource.Journal;
        reader.Record($"{path}.file", file.Text, file.Origin);
        if (!IsPath(file.Text))
            reader.Problems.Add(file.Origin, $"{path}.file is {ValueReader.Describe(file)}, which is no file's absolute path; write it like /var/log/auth.log");
        if (map.Find("program") is not null && reader.Scalar(map, path, "program", "sshd") is { } name)
        {
            reader.Record($"{path}.program", name.Text, name.Origin);
            program = name.Text;
            if (!ProgramName().IsMatch(program))
                reader.Problems.Add(name.Origin, $"{path}.program is {ValueReader.Describe(name)}, which is no program's name; write it as log lines have it, like sshd or postfix/smtpd");
        }

        return new LogSource(file.Text, program);
    }

    private static bool IsPath(string text) =>
        text.Length is > 1 and <= LongestPath && text[0] == '/' && text[^1] != '/' && !text.Any(char.IsControl) && !text.Split('/').Contains("..");

    [GeneratedRegex(@"\A[A-Za-z0-9_][A-Za-z0-9_./@+-]{0,63}\z", RegexOptions.ExplicitCapture, Timeout.Infinite)]
    private static partial Regex ProgramName();
}
