using System.Runtime.CompilerServices;

namespace RateWall.Detection.Logs;

/// <summary>
/// The templates of a file or a part, by what they begin with: a message that no template fits is left where it departs
/// from all of them.
/// </summary>
internal sealed class RuleTree
{
    private readonly PieceTree beginnings;
    private readonly Candidates candidates;

    public RuleTree(IEnumerable<Candidate> all)
    {
        Candidate[] ordered = [.. all];
        beginnings = PieceTreeBuilder.Build(
            ordered.Select((c, i) => new PieceSequence(i, c.Template.Beginning, c.Template.IsBeginningOnly)), EndList.Most, out int[][] ends);
        candidates = new(ordered, ends);
    }

    /// <summary>The first rule that matches, with what the others say about its source.</summary>
    /// <param name="message">The message; see <see cref="Scan.Readable"/>.</param>
    /// <param name="preauth">True when sshd marked it so.</param>
    /// <param name="result">Its rule and captures are set.</param>
    public bool Match(ReadOnlySpan<byte> message, bool preauth, ref RuleMatch result) => MatchFrom(beginnings.Root, 0, message, preauth, ref result);

    /// <summary>As far as the first bytes of a message lead; see <see cref="PieceTree.Foresee"/>.</summary>
    public int Foresee(ref Glance glance, int start, out int at) => beginnings.Foresee(ref glance, start, out at);

    /// <summary>As <see cref="Match"/>, of a message whose first bytes lead to a node.</summary>
    // What was reached takes 400 bytes, of which a line fills a tenth.
    [SkipLocalsInit]
    public bool MatchFrom(int node, int at, ReadOnlySpan<byte> message, bool preauth, ref RuleMatch result)
    {
        Unsafe.SkipInit(out ReachedEnds reached);
        reached.Count = 0;
        Unsafe.SkipInit(out Boundaries bounds);
        bounds.Read(message);
        beginnings.Walk(node, message, at, ref bounds, ref reached);
        return reached.Count != 0 && candidates.Match(message, preauth, ref bounds, ref reached, ref result);
    }
}
