using System.Buffers;
using System.CommandLine;
using System.Text;
using System.Text.Json;
using RateWall.Detection;
using RateWall.Detection.Logs;
using RateWall.Output;

namespace RateWall.Commands;

/// <summary>`ratewall explain`: what the rules make of log lines, one answer for every line of standard input.</summary>
internal static class ExplainCommand
{
    private const int BlockSize = 128 * 1024;

    public static Command Create()
    {
        var program = new Option<string?>("--program")
        {
            Description = "The program that wrote lines whose header names none.",
            HelpName = "NAME",
        };
        Command command = CommandLine.Verb(
            "explain",
            "Reads log lines from standard input and says what each is taken for.",
            "journalctl -u ssh -o short | ratewall explain",
            (session, result) =>
            {
                RuleSet rules = OperatorRules.Load(session.RulesDirectory);
                using Stream input = Console.OpenStandardInput();
                Run(rules, input, result.GetValue(program) ?? "", session);
                return ExitCode.Done;
            });
        command.Options.Add(program);
        return command;
    }

    /// <summary>Answers every line of the input, in order; what has been read is answered before more is waited for.</summary>
    internal static void Run(RuleSet rules, Stream input, string program, Session session)
    {
        var parser = new LogParser(rules, session.Time.GetUtcNow(), session.Time.LocalTimeZone);
        IAnswer answer = session.Format == OutputFormat.Json ? new JsonAnswer() : new PlainAnswer(rules);
        byte[] name = Encoding.UTF8.GetBytes(program);
        byte[] block = new byte[BlockSize];
        int held = 0;
        long unfinished = 0;
        var text = new StringBuilder();
        for (int read; (read = input.Read(block, held, block.Length - held)) > 0;)
        {
            held += read;
            var lines = new LogLines(block.AsSpan(0, held), unfinished);
            while (lines.Next()) Explain(parser, lines.Line, name, answer, text);
            unfinished = lines.Unfinished;
            block.AsSpan(lines.Taken, held - lines.Taken).CopyTo(block);
            held -= lines.Taken;
            session.Out.Write(text);
            session.Out.Flush();
            text.Clear();
        }

        if (held > 0 || unfinished > 0) Explain(parser, block.AsSpan(0, held), name, answer, text);
        session.Out.Write(text);
        session.Out.Flush();
    }

    private static void Explain(LogParser parser, ReadOnlySpan<byte> line, byte[] program, IAnswer answer, StringBuilder text)
    {
        bool known = parser.TryExplain(line, program, out Attempt attempt);
        answer.Add(text, known, attempt);
    }

    private interface IAnswer
    {
        void Add(StringBuilder text, bool known, in Attempt attempt);
    }

    private sealed class JsonAnswer : IAnswer
    {
        private readonly ArrayBufferWriter<byte> buffer = new(512);
        private long number;

        public void Add(StringBuilder text, bool known, in Attempt attempt)
        {
            buffer.ResetWrittenCount();
            using var json = new Utf8JsonWriter(buffer);
            json.WriteStartObject();
            json.WriteNumber("line", ++number);
            Write(json, "service", known ? attempt.Service : null);
            Write(json, "kind", known ? NameOf(attempt.Kind) : null);
            Write(json, "source", known && attempt.HasSource ? attempt.Source.ToString() : null);
            Write(json, "user", known && attempt.User.Length > 0 ? Encoding.UTF8.GetString(attempt.User) : null);
            if (known) json.WriteNumber("count", attempt.Count);
            else json.WriteNull("count");
            Write(json, "rule", known ? attempt.Rule : null);
            json.WriteEndObject();
            json.Flush();
            text.Append(Encoding.UTF8.GetString(buffer.WrittenSpan)).Append('\n');
        }

        private static void Write(Utf8JsonWriter json, string name, string? value)
        {
            if (value is null) json.WriteNull(name);
            else json.WriteString(name, value);
        }
    }

    private sealed class PlainAnswer(RuleSet rules) : IAnswer
    {
        private readonly Dictionary<string, RuleDescription> byName =
            rules.Files.SelectMany(f => f.Rules).ToDictionary(r => r.Name, StringComparer.Ordinal);

        private long number;

        public void Add(StringBuilder text, bool known, in Attempt attempt)
        {
            number++;
            if (!known)
            {
                text.Append($"{number}: no login try (no rule matches)\n");
                return;
            }

            RuleDescription rule = byName[attempt.Rule];
            string source = attempt.HasSource ? attempt.Source.ToString() : "nowhere certain";
            string user = attempt.User.Length > 0 ? $", user '{TerminalText.FromBytes(attempt.User)}'" : "";
            string tries = attempt.Count > 1 ? $", {attempt.Count} tries" : "";
            text.Append($"{number}: {NameOf(attempt.Kind)} at {attempt.Service} from {source}{user}{tries}\n");
            text.Append($"    {rule.Name}: {rule.Template}\n");
            if (rule.IsEcho) text.Append("    an echo: it never counts, because another process's line says the same\n");
            else if (rule.IsNote) text.Append("    a note: it counts only if no other line of this connection does\n");
            if (!attempt.HasSource) text.Append("    no source: the line has a host name or no address, or a client's text leaves it open which one it is\n");
        }
    }

    private static string NameOf(AttemptKind kind) => kind switch
    {
        AttemptKind.Failure => "failure",
        AttemptKind.Invalid => "invalid",
        AttemptKind.Probe => "probe",
        AttemptKind.Limit => "limit",
        AttemptKind.Success => "success",
        _ => "none",
    };
}
