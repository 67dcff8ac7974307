using System.Runtime.CompilerServices;

namespace RateWall.Detection.Logs;

/// <summary>
/// Which templates the messages of late matched that lead to one node: the next one mostly is of the same, and then no other
/// needs to be looked for. Of one reader alone.
/// </summary>
internal struct RecentTemplates
{
    // As many matches the long way until it is looked whether there is a short one: those that come but once shall cost nothing.
    private const int Every = 16;

    private LoneTemplate? first;
    private LoneTemplate? second;
    private Need? need;
    private int waited;

    /// <summary>What is known from the start.</summary>
    /// <param name="need">What every message has that matches, or null.</param>
    public RecentTemplates(byte[]? need) => this.need = need is null ? null : new(need);

    /// <summary>True when a message cannot match, because it lacks what all have that do.</summary>
    /// <param name="message">The message; see <see cref="Scan.Readable"/>.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly bool Lacks(ReadOnlySpan<byte> message) => need is not null && Scan.First(message, 0, message.Length, need.Literal) < 0;

    /// <summary>Matches a message; false when the long way has to be taken.</summary>
    /// <param name="message">The message; see <see cref="Scan.Readable"/>.</param>
    /// <param name="at">Where the node is in it.</param>
    /// <param name="preauth">True when sshd marked it so.</param>
    /// <param name="bounds">The message's words.</param>
    /// <param name="result">Its rule and captures are set.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly bool TryMatch(ReadOnlySpan<byte> message, int at, bool preauth, ref Boundaries bounds, ref RuleMatch result) =>
        first is not null && (first.TryMatch(message, at, preauth, ref bounds, ref result)
            || (second is not null && second.TryMatch(message, at, preauth, ref bounds, ref result)));

    /// <summary>A message was matched the long way.</summary>
    /// <param name="tree">The tree.</param>
    /// <param name="node">The node.</param>
    /// <param name="at">Where the node is in the message.</param>
    /// <param name="taken">The template's number.</param>
    public void Learn(RuleTree tree, int node, int at, int taken)
    {
        if (++waited < Every) return;
        waited = 0;
        LoneTemplate? lone = tree.LoneOf(node, at, taken);
        if (lone is null || ReferenceEquals(lone, first) || ReferenceEquals(lone, second)) return;
        second = first;
        first = lone;
    }

    private sealed class Need(byte[] literal)
    {
        private readonly Literal literal = new(literal);

        public ref readonly Literal Literal => ref literal;
    }
}
