using System.Runtime.CompilerServices;

namespace RateWall.Detection.Logs;

/// <summary>A rule with one of its templates.</summary>
internal readonly record struct Candidate(Rule Rule, int Variant, Template Template);

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
    public Candidate[] Find(ReadOnlySpan<byte> message)
    {
        Node node = root;
        int at = 0;
        while (at < message.Length)
        {
            int child = node.Keys.AsSpan().IndexOf(message[at]);
            if (child < 0) break;
            Node next = node.Children[child];
            if (!message[at..].StartsWith(next.Label)) break;
            at += next.Label.Length;
            node = next;
        }

        return node.Candidates;
    }

    private static Node Build(Candidate[] all, int depth, Candidate[] above)
    {
        Candidate[] here = [.. above.Concat(all.Where(c => c.Template.Prefix.Length == depth)).OrderBy(c => c.Rule.Order).ThenBy(c => c.Variant)];
        var keys = new List<byte>();
        var children = new List<Node>();
        foreach (IGrouping<byte, Candidate> group in all.Where(c => c.Template.Prefix.Length > depth).GroupBy(c => c.Template.Prefix[depth]))
        {
            Candidate[] members = [.. group];
            int end = depth + 1;
            while (members.All(m => m.Template.Prefix.Length > end && m.Template.Prefix[end] == members[0].Template.Prefix[end])) end++;
            Node node = Build(members, end, here);
            keys.Add(group.Key);
            children.Add(node with { Label = members[0].Template.Prefix[depth..end] });
        }

        return new() { Candidates = here, Keys = [.. keys], Children = [.. children] };
    }

    private sealed record Node
    {
        public byte[] Label { get; init; } = [];

        public required Candidate[] Candidates { get; init; }

        public required byte[] Keys { get; init; }

        public required Node[] Children { get; init; }
    }
}
