using System.Runtime.CompilerServices;

namespace RateWall.Detection.Logs;

/// <summary>
/// The templates of a file or a part, by what they begin with: a message that no template fits is left where it departs
/// from all of them.
/// </summary>
internal sealed class RuleTree
{
    // Of more templates hardly any literal is in all, and a shorter one is in most messages.
    private const int MostNeeding = 16;
    private const int LeastNeeded = 4;

    private readonly PieceTree beginnings;
    private readonly Candidates candidates;
    private readonly Candidate[] all;
    private readonly int[][] ends;
    // What was found out once, by node and template.
    private readonly Dictionary<long, LoneTemplate?> lone = [];

    public RuleTree(IEnumerable<Candidate> all)
    {
        Candidate[] ordered = [.. all];
        this.all = ordered;
        beginnings = PieceTreeBuilder.Build(
            ordered.Select((c, i) => new PieceSequence(i, c.Template.Beginning, c.Template.IsBeginningOnly)), EndList.Most, out ends);
        candidates = new(ordered, ends);
    }

    /// <summary>The first rule that matches, with what the others say about its source.</summary>
    /// <param name="message">The message; see <see cref="Scan.Readable"/>.</param>
    /// <param name="preauth">True when sshd marked it so.</param>
    /// <param name="recent">The reader's, or null.</param>
    /// <param name="result">Its rule and captures are set.</param>
    [SkipLocalsInit]
    public bool Match(ReadOnlySpan<byte> message, bool preauth, RecentBeginnings? recent, ref RuleMatch result)
    {
        if (recent is not null)
        {
            ref RecentTemplates known = ref recent.AtRoot(this, message);
            if (!Unsafe.IsNullRef(ref known)) return MatchFrom(Root, 0, message, preauth, ref known, ref result);
        }

        Unsafe.SkipInit(out Boundaries bounds);
        bounds.Read(message);
        bool found = MatchAll(Root, 0, message, preauth, ref bounds, ref result) >= 0;
        if (found) recent?.AddRoot(this, message);
        return found;
    }

    /// <summary>The node where every way begins.</summary>
    public int Root => beginnings.Root;

    /// <summary>As far as the first bytes of a message lead; see <see cref="PieceTree.Foresee"/>.</summary>
    public int Foresee(ref Glance glance, int start, out int at) => beginnings.Foresee(ref glance, start, out at);

    /// <summary>As <see cref="Match"/>, of a message whose first bytes lead to a node.</summary>
    /// <param name="node">The node.</param>
    /// <param name="at">Where it is in the message.</param>
    /// <param name="message">The message; see <see cref="Scan.Readable"/>.</param>
    /// <param name="preauth">True when sshd marked it so.</param>
    /// <param name="recent">What such messages matched of late.</param>
    /// <param name="result">Its rule and captures are set.</param>
    [SkipLocalsInit]
    public bool MatchFrom(int node, int at, ReadOnlySpan<byte> message, bool preauth, ref RecentTemplates recent, ref RuleMatch result)
    {
        if (recent.Lacks(message)) return false;
        Unsafe.SkipInit(out Boundaries bounds);
        bounds.Read(message);
        if (recent.TryMatch(message, at, preauth, ref bounds, ref result)) return true;
        int taken = MatchAll(node, at, message, preauth, ref bounds, ref result);
        if (taken >= 0) recent.Learn(this, node, at, taken);
        return taken >= 0;
    }

    /// <summary>A literal that every message has that matches from a node on, behind it; null: there is none, or too many match to look.</summary>
    /// <param name="node">The node.</param>
    public byte[]? NeedOf(int node)
    {
        List<int> numbers = TemplatesBehind(node);
        if (numbers.Count > MostNeeding) return null;
        Template first = all[numbers[0]].Template;
        for (int i = first.Beginning.Count; i < first.Pieces.Count; i++)
        {
            byte[] literal = first.Pieces[i].Literal;
            for (int length = literal.Length; length >= LeastNeeded; length--)
                if (numbers.TrueForAll(number => Needs(all[number].Template, literal.AsSpan(0, length)))) return literal[..length];
        }

        return null;
    }

    /// <summary>The template, if none beside it has a say from a node on; else null.</summary>
    /// <param name="node">The node.</param>
    /// <param name="at">Where it is in a message.</param>
    /// <param name="number">The template's number.</param>
    public LoneTemplate? LoneOf(int node, int at, int number)
    {
        long key = ((long)node << 32) | (uint)number;
        lock (lone)
        {
            if (!lone.TryGetValue(key, out LoneTemplate? known))
                lone[key] = known = LoneTemplate.Of(number, TemplatesBehind(node), all, at);
            return known;
        }
    }

    // Loops, and nothing that the base library would have to compile for numbers.
    private List<int> TemplatesBehind(int node)
    {
        List<int> reached = [], numbers = [];
        beginnings.AddEndsBehind(node, reached);
        foreach (int end in reached) numbers.AddRange(ends[end]);
        return numbers;
    }

    private static bool Needs(Template template, ReadOnlySpan<byte> literal)
    {
        for (int i = template.Beginning.Count; i < template.Pieces.Count; i++)
            if (template.Pieces[i].Literal.AsSpan().IndexOf(literal) >= 0) return true;
        return false;
    }

    // What was reached takes 400 bytes, of which a line fills a tenth.
    [SkipLocalsInit]
    private int MatchAll(int node, int at, ReadOnlySpan<byte> message, bool preauth, ref Boundaries bounds, ref RuleMatch result)
    {
        Unsafe.SkipInit(out ReachedEnds reached);
        reached.Count = 0;
        beginnings.Walk(node, message, at, ref bounds, ref reached);
        return reached.Count == 0 ? -1 : candidates.Match(message, preauth, ref bounds, ref reached, ref result);
    }
}
