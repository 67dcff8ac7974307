namespace RateWall.Detection.Logs;

/// <summary>
/// A template beside which no other one of its <see cref="RuleTree"/> has a say: whatever message it matches from a node on, those
/// before it in the file's order do not match, and those behind it either do not or cannot change the answer. Of a few that
/// cannot be told beforehand; they are looked for with one glance each, and when one of them could match after all, the message is
/// read the long way.
/// </summary>
internal sealed class LoneTemplate
{
    // More take longer than the long way.
    private const int MostLooks = 8;

    private readonly Rule rule;
    private readonly Template template;
    private readonly Segment beginning;
    private readonly Literal[] absent;
    private readonly Literal[] single;
    // Of each of those, what begins with it and stands nowhere.
    private readonly Literal[][] longer;
    private readonly Segment[] otherBeginnings;
    private readonly Literal[] continued;
    private readonly bool[]? continuedBy;
    // How many bytes of a message that matches belong to no word; -1: any.
    private readonly int gaps;

    private LoneTemplate(Candidate own, Segment beginning, OtherTemplates others)
    {
        rule = own.Rule;
        template = own.Template;
        this.beginning = beginning;
        single = LiteralsOf(others.Single);
        longer = new Literal[single.Length][];
        List<byte[]> elsewhere = [.. others.Absent];
        for (int i = 0; i < longer.Length; i++)
        {
            List<byte[]> same = elsewhere.FindAll(literal => literal.AsSpan().StartsWith(others.Single[i]));
            elsewhere.RemoveAll(same.Contains);
            longer[i] = LiteralsOf(same);
        }

        absent = LiteralsOf(elsewhere);
        otherBeginnings = [.. others.Beginnings];
        continued = LiteralsOf(others.Continued);
        gaps = template.IsBeginningOnly && beginning.HasOnlyWords ? beginning.BytesOfNoWord : -1;
        if (continued.Length == 0) return;
        continuedBy = new bool[256];
        for (int i = 0; i < continued.Length; i++) continuedBy[continued[i].First] = true;
    }

    /// <summary>Finds out whether a template is one; null: it is not.</summary>
    /// <param name="number">The template's number.</param>
    /// <param name="others">The numbers of all templates that may be reached from the node on.</param>
    /// <param name="all">The templates.</param>
    /// <param name="at">Where in a message the node is: so many bytes have been compared.</param>
    public static LoneTemplate? Of(int number, List<int> others, Candidate[] all, int at)
    {
        Candidate own = all[number];
        if (OtherTemplates.Behind(own.Template.Beginning, at) is not { } beginning) return null;
        List<Template> open = [];
        foreach (int other in others)
        {
            Candidate one = all[other];
            if (other == number || (other > number && one.Template.IsMootBeside(own.Template, ReferenceEquals(one.Rule, own.Rule)))) continue;
            if (!Exclusion.IsCertain(own.Template, one.Template)) open.Add(one.Template);
        }

        return OtherTemplates.Of(open, own.Template, at) is { } found && found.Looks <= MostLooks ? new(own, beginning, found) : null;
    }

    /// <summary>Matches a message; false when the long way has to be taken.</summary>
    /// <param name="message">The message; see <see cref="Scan.Readable"/>.</param>
    /// <param name="at">Where the node is.</param>
    /// <param name="preauth">True when sshd marked it so.</param>
    /// <param name="bounds">The message's words.</param>
    /// <param name="result">Its rule and captures are set.</param>
    public bool TryMatch(ReadOnlySpan<byte> message, int at, bool preauth, ref Boundaries bounds, ref RuleMatch result)
    {
        if (gaps >= 0 && !bounds.HasGaps(gaps, at, message.Length)) return false;
        Captures found = Captures.Empty;
        int done = beginning.MatchAt(message, at, ref bounds, ref found);
        if (done < 0 || (rule.NeedsPreauth && !preauth) || (continuedBy is not null && IsContinued(message, done))
            || !template.MatchBehind(message, done, -1, ref bounds, ref found, out _)) return false;
        // By their places: a span of them is not compiled ahead.
        for (int i = 0; i < absent.Length; i++)
            if (Scan.First(message, 0, message.Length, absent[i]) >= 0) return false;
        for (int i = 0; i < single.Length; i++)
            if (!IsSingle(message, single[i], longer[i])) return false;
        foreach (Segment other in otherBeginnings)
        {
            Captures tried = Captures.Empty;
            if (other.MatchAt(message, at, ref bounds, ref tried) >= 0) return false;
        }

        result.Rule = rule;
        result.Captures.Become(found);
        return true;
    }

    private static bool IsSingle(ReadOnlySpan<byte> message, in Literal literal, Literal[] longer)
    {
        int at = Scan.First(message, 0, message.Length, literal);
        if (at < 0 || Scan.First(message, at + 1, message.Length, literal) >= 0) return false;
        for (int i = 0; i < longer.Length; i++)
            if (longer[i].IsAt(message, at)) return false;
        return true;
    }

    private bool IsContinued(ReadOnlySpan<byte> message, int at)
    {
        if (at >= message.Length || !continuedBy![message[at]]) return false;
        for (int i = 0; i < continued.Length; i++)
            if (continued[i].IsAt(message, at)) return true;
        return false;
    }

    private static Literal[] LiteralsOf(List<byte[]> all)
    {
        var literals = new Literal[all.Count];
        for (int i = 0; i < literals.Length; i++) literals[i] = new(all[i]);
        return literals;
    }
}
