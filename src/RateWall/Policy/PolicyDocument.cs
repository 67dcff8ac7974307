using RateWall.Output;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace RateWall.Policy;

/// <summary>
/// Makes the nodes of one policy file from YAML's events. The parser's events are read one by one, not its own tree:
/// so depth is bounded before the stack is used, and every key keeps its place.
/// </summary>
internal sealed class PolicyDocument
{
    /// <summary>The deepest nesting read; the policy itself needs five.</summary>
    public const int MostDepth = 16;

    private readonly string file;
    private readonly Parser parser;
    private readonly PolicyProblems problems;

    private PolicyDocument(string file, string text, PolicyProblems problems)
    {
        this.file = file;
        this.problems = problems;
        parser = new Parser(new StringReader(text));
    }

    /// <summary>Reads the text of a file; null when it holds nothing, or when it is no YAML that a policy may be.</summary>
    public static MapNode? Parse(string file, string text, PolicyProblems problems)
    {
        try
        {
            return new PolicyDocument(file, text, problems).Document();
        }
        catch (PolicyRefusal refusal)
        {
            problems.Add(refusal.Origin, refusal.Message);
        }
        catch (YamlException e)
        {
            problems.Add(Place(file, e.Start), $"this is not YAML ({Sentence(e.Message)}); check indentation, quotes and brackets around here");
        }

        return null;
    }

    private MapNode? Document()
    {
        Next<StreamStart>();
        if (!Step() || parser.Current is not DocumentStart) return null;
        Step();
        PolicyNode root = Node(0);
        Next<DocumentEnd>();
        Step();
        if (parser.Current is DocumentStart second)
            throw Refuse(second, "a second document starts here ('---'); a policy file holds one, put the other in conf.d");
        switch (root)
        {
            case MapNode map: return map;
            case ScalarNode { IsNothing: true }: return null;
            default:
                problems.Add(root.Origin, "a policy is a map of keys; start with a line such as 'services:'");
                return null;
        }
    }

    private PolicyNode Node(int depth)
    {
        ParsingEvent start = parser.Current ?? throw Refuse(null, "the file ends in the middle of a value; complete it");
        if (start is AnchorAlias alias) throw Refuse(alias, "an alias ('*') is not taken in a policy; write the value out");
        if (start is NodeEvent { Anchor.IsEmpty: false }) throw Refuse(start, "an anchor ('&') is not taken in a policy; remove it");
        if (start is NodeEvent { Tag.IsEmpty: false } and not Scalar { Tag.IsNonSpecific: true })
            throw Refuse(start, "a tag ('!') is not taken in a policy; remove it");
        if (depth > MostDepth) throw Refuse(start, $"this is nested deeper than {MostDepth} levels; a policy needs five");
        return start switch
        {
            Scalar scalar => new ScalarNode(Place(start), scalar.Value, scalar.Style == ScalarStyle.Plain),
            SequenceStart => List(start, depth),
            MappingStart => Map(start, depth),
            _ => throw Refuse(start, "a value is missing here; write one"),
        };
    }

    private ListNode List(ParsingEvent start, int depth)
    {
        var items = new List<PolicyNode>();
        while (Step() && parser.Current is not SequenceEnd) items.Add(Node(depth + 1));
        return new ListNode(Place(start), items);
    }

    private MapNode Map(ParsingEvent start, int depth)
    {
        var entries = new List<MapEntry>();
        var seen = new Dictionary<string, ValueOrigin>(StringComparer.Ordinal);
        while (Step() && parser.Current is not MappingEnd)
        {
            ParsingEvent at = parser.Current!;
            PolicyNode key = Node(depth + 1);
            if (key is not ScalarNode name) throw Refuse(at, "a key must be a word; write 'key: value'");
            Step();
            PolicyNode value = Node(depth + 1);
            if (seen.TryGetValue(name.Text, out ValueOrigin? first))
                problems.Add(name.Origin, $"'{TerminalText.Escape(name.Text)}' stands here a second time (first in line {first.Line}); merge the two");
            else
                entries.Add(new MapEntry(name.Text, name.Origin, value));
            seen.TryAdd(name.Text, name.Origin);
        }

        return new MapNode(Place(start), entries);
    }

    // Of some broken texts the parser says so by exceptions that are not its own: tokens after the end (invalid
    // operation), an escape beyond Unicode (argument), a version directive that is no small number (overflow).
    private bool Step()
    {
        try
        {
            return parser.MoveNext();
        }
        catch (InvalidOperationException)
        {
            throw Broken();
        }
        catch (ArgumentException)
        {
            throw Broken();
        }
        catch (OverflowException)
        {
            throw Broken();
        }
    }

    private PolicyRefusal Broken() => new(
        parser.Current is { } last ? Place(file, last.End) : new ValueOrigin(file, 1, 1),
        "this is not YAML; check indentation, quotes and brackets from here on");

    private void Next<T>()
        where T : ParsingEvent
    {
        if (!Step() || parser.Current is not T)
            throw Refuse(parser.Current, "the file ends or goes on where it should not; check brackets and indentation");
    }

    private PolicyRefusal Refuse(ParsingEvent? at, string text) =>
        new(at is null ? new ValueOrigin(file, 1, 1) : Place(at), text);

    private ValueOrigin Place(ParsingEvent at) => Place(file, at.Start);

    private static ValueOrigin Place(string file, Mark mark) => new(file, (int)Math.Max(1, mark.Line), (int)Math.Max(1, mark.Column));

    // The parser's texts are for developers, some end in a period and some quote the file.
    private static string Sentence(string message) => TerminalText.Escape(message.TrimEnd('.', ' ')).ToLowerInvariant();

    private sealed class PolicyRefusal(ValueOrigin origin, string message) : Exception(message)
    {
        public ValueOrigin Origin { get; } = origin;
    }
}
