using System.Runtime.CompilerServices;

namespace RateWall.Detection.Logs;

/// <summary>Finds, along the first bytes of a message, the templates whose literal start it has.</summary>
internal sealed class RuleTree
{
    private readonly Node root;

    public RuleTree(IEnumerable<Candidate> candidates)
    {
        Candidate[] ordered = [.. candidates];
        root = Build(ordered, depth: 0, above: []);
    }

    /// <summary>The templates worth trying, in the file's order.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public Candidates Find(ReadOnlySpan<byte> message)
    {
        Node node = root;
        int at = 0;
        while (at < message.Length)
        {
            int child = message[at] - node.FirstKey;
            Node?[] children = node.Children;
            if ((uint)child >= (uint)children.Length || children[child] is not { } next || !next.Label.IsAt(message, at)) break;
            at += next.Label.Length;
            node = next;
        }

        return node.Candidates;
    }

    private static Node Build(Candidate[] all, int depth, Candidate[] above)
    {
        Candidate[] here = [.. above.Concat(all.Where(c => c.Template.Prefix.Length == depth)).OrderBy(c => c.Rule.Order).ThenBy(c => c.Variant)];
        var found = new List<Node>();
        foreach (IGrouping<int, Candidate> group in all.Where(c => c.Template.Prefix.Length > depth).GroupBy(c => (int)c.Template.Prefix[depth]))
        {
            Candidate[] members = [.. group];
            int end = depth + 1;
            while (members.All(m => m.Template.Prefix.Length > end && m.Template.Prefix[end] == members[0].Template.Prefix[end])) end++;
            Node node = Build(members, end, here);
            found.Add(node with { Label = new(members[0].Template.Prefix[depth..end]) });
        }

        int first = found.Count == 0 ? 0 : found.Min(f => (int)f.Label.Bytes[0]);
        var children = new Node?[found.Count == 0 ? 0 : found.Max(f => (int)f.Label.Bytes[0]) - first + 1];
        foreach (Node node in found) children[node.Label.Bytes[0] - first] = node;
        return new() { Candidates = new(here), FirstKey = first, Children = children };
    }

    private sealed record Node
    {
        public Literal Label { get; init; }

        public required Candidates Candidates { get; init; }

        public required int FirstKey { get; init; }

        /// <summary>By the byte they begin with, counted from the first key.</summary>
        public required Node?[] Children { get; init; }
    }
}
