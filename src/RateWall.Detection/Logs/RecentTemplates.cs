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

    // As many that go the long way in vain take about as long as it takes to find out what they lack; each time twice as many.
    private const int Many = 1024;
    private const int MostDoublings = 16;

    // As often it is asked in vain what a message lacks, until one has gone the long way for nothing again.
    private const int Most = 4;

    // Where all ways over holes of a tree begin.
    private readonly bool overHole;
    private LoneTemplate? first;
    private LoneTemplate? second;
    private Needs? needs;
    private int waited;
    private int vain;
    private int doublings;
    private int asks;

    /// <param name="overHole">True when no message here begins with a template's first byte.</param>
    public RecentTemplates(bool overHole) => this.overHole = overHole;

    /// <summary>True when a message cannot match, because it lacks what every other one has something of that does.</summary>
    /// <param name="message">The message; see <see cref="Scan.Readable"/>.</param>
    /// <param name="preauth">True when sshd marked it so.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool Lacks(ReadOnlySpan<byte> message, bool preauth) => asks != 0 && !preauth && needs is not null && LacksAll(message);

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

    /// <summary>A message went the long way, and matched nothing.</summary>
    /// <param name="tree">The tree.</param>
    /// <param name="node">The node.</param>
    /// <param name="message">The message.</param>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public void Miss(RuleTree tree, int node, ReadOnlySpan<byte> message)
    {
        asks = Most;
        if (++vain < Many << doublings) return;
        vain = 0;
        doublings = Math.Min(doublings + 1, MostDoublings);
        needs = tree.NeedsOf(node, overHole, message) ?? needs;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool LacksAll(ReadOnlySpan<byte> message)
    {
        bool lacks = needs!.AreAbsent(message);
        asks = lacks ? Most : asks - 1;
        return lacks;
    }
}
