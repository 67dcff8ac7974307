using System.Runtime.CompilerServices;

namespace RateWall.Detection.Logs;

/// <summary>
/// The templates of a file or a part, by what they begin with: a message that no template fits is left where it departs
/// from all of them.
/// </summary>
internal sealed class RuleTree
{
    private static int numbered;

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

    /// <summary>Another one for each tree.</summary>
    public uint Number { get; } = (uint)Interlocked.Increment(ref numbered);

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
            bool overHole = !message.IsEmpty && !beginnings.HasKey(Root, message[0]);
            ref RecentTemplates known = ref overHole ? ref recent.OverHole(this) : ref recent.AtRoot(this, message);
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
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool MatchFrom(int node, int at, ReadOnlySpan<byte> message, bool preauth, ref RecentTemplates recent, ref RuleMatch result)
    {
        if (recent.Lacks(message, preauth)) return false;
        Unsafe.SkipInit(out Boundaries bounds);
        bounds.Read(message);
        if (recent.TryMatch(message, at, preauth, ref bounds, ref result)) return true;
        int taken = MatchAll(node, at, message, preauth, ref bounds, ref result);
        if (taken >= 0) recent.Learn(this, node, at, taken);
        else if (!preauth) recent.Miss(this, node, message);
        return taken >= 0;
    }

    /// <summary>What every message that sshd did not mark has one of and that matches from a node on; null: that is not so easily said.</summary>
    /// <param name="node">The node.</param>
    /// <param name="overHole">True for messages that begin with no literal behind the node.</param>
    /// <param name="lacking">A message that has none of them.</param>
    public Needs? NeedsOf(int node, bool overHole, ReadOnlySpan<byte> lacking)
    {
        List<Template> templates = [];
        foreach (int number in TemplatesBehind(node, overHole))
            if (!all[number].Rule.NeedsPreauth) templates.Add(all[number].Template);
        return Needs.Of(templates, lacking);
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
                lone[key] = known = LoneTemplate.Of(number, TemplatesBehind(node, overHole: false), all, at);
            return known;
        }
    }

    // Loops, and nothing that the base library would have to compile for numbers.
    private List<int> TemplatesBehind(int node, bool overHole)
    {
        List<int> reached = [], numbers = [];
        beginnings.AddEndsBehind(node, overHole, reached);
        foreach (int end in reached) numbers.AddRange(ends[end]);
        return numbers;
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
