using System.Globalization;
using System.Text;
using static RateWall.Netfilter.KernelHeaders;

namespace RateWall.Netfilter;

/// <summary>One part of a table, in the kernel's own bytes.</summary>
/// <param name="Message">The whole message that describes it, header and all.</param>
/// <param name="Name">Its name; of a rule, its chain's.</param>
/// <param name="Handle">The kernel's number of a chain or rule, else 0.</param>
internal readonly record struct FramePart(byte[] Message, string Name, ulong Handle);

/// <summary>
/// A table without the elements of its sets, all of it read in one generation of the ruleset. Nothing of another table is in it,
/// and nothing of another was asked for to get it (but see <see cref="NftablesClient.DescribeFrame"/>).
/// </summary>
internal sealed record TableFrame(TableName Name, uint Generation)
{
    /// <summary>NFT_MSG_NEWGEN of this generation.</summary>
    public required byte[] GenerationMessage { get; init; }

    /// <summary>The table itself; null: there is none.</summary>
    public FramePart? Table { get; init; }

    /// <summary>In the order in which they were made.</summary>
    public IReadOnlyList<FramePart> Chains { get; init; } = [];

    /// <summary>Sets and maps, those without a name too.</summary>
    public IReadOnlyList<FramePart> Sets { get; init; } = [];

    /// <summary>Counters and the like.</summary>
    public IReadOnlyList<FramePart> Objects { get; init; } = [];

    public IReadOnlyList<FramePart> Flowtables { get; init; } = [];

    public IReadOnlyList<FramePart> Rules { get; init; } = [];

    /// <summary>True when whatever rules text means in the other it means in this one too.</summary>
    public bool IsLike(TableFrame other) => (Table is null) == (other.Table is null)
        && Names(Objects).SequenceEqual(Names(other.Objects), StringComparer.Ordinal) && Names(Flowtables).SequenceEqual(Names(other.Flowtables), StringComparer.Ordinal)
        && Describe() == other.Describe();

    /// <summary>The parts that answer a request of this kind (NFT_MSG_GET*); null: it is none for parts of a table.</summary>
    public IReadOnlyList<FramePart>? PartsOf(ushort request) => request switch
    {
        NFT_MSG_GETTABLE => Table is { } table ? [table] : [],
        NFT_MSG_GETCHAIN => Chains,
        NFT_MSG_GETSET => Sets,
        NFT_MSG_GETOBJ => Objects,
        NFT_MSG_GETFLOWTABLE => Flowtables,
        NFT_MSG_GETRULE => Rules,
        _ => null,
    };

    /// <summary>A line for each chain, rule and named set; see <see cref="NftablesClient.DescribeFrame"/>.</summary>
    public string Describe()
    {
        var frame = new StringBuilder();
        foreach (FramePart chain in Chains) Append(frame, $"chain {chain.Name}", chain, [NFTA_CHAIN_USE, NFTA_CHAIN_COUNTERS]);
        foreach (FramePart rule in Rules)
            Append(frame, string.Create(CultureInfo.InvariantCulture, $"rule {rule.Handle} of chain {rule.Name}"), rule, [NFTA_RULE_POSITION]);
        // A set without a name belongs to one rule, comes and goes with it, and cannot be changed.
        foreach (FramePart set in Sets.Where(s => !IsAnonymous(s))) Append(frame, $"set {set.Name}", set, [NFTA_SET_COUNT]);
        return frame.ToString();
    }

    /// <summary>True for a set that belongs to one rule (NFT_SET_ANONYMOUS).</summary>
    public static bool IsAnonymous(FramePart set)
    {
        AttributeReader attributes = Attributes(set);
        while (attributes.Next())
        {
            if (attributes.Type == NFTA_SET_FLAGS) return (attributes.U32() & NFT_SET_ANONYMOUS) != 0;
        }

        return false;
    }

    private static IEnumerable<string> Names(IReadOnlyList<FramePart> parts) => parts.Select(p => p.Name);

    private static void Append(StringBuilder frame, string name, FramePart part, ReadOnlySpan<ushort> left)
    {
        var hash = new Fingerprint();
        AttributeReader attributes = Attributes(part);
        while (attributes.Next())
        {
            if (!left.Contains(attributes.Type)) hash.Add(attributes.Type, attributes.Payload);
        }

        frame.Append(CultureInfo.InvariantCulture, $"{name} {hash.Value:x16}\n");
    }

    private static AttributeReader Attributes(FramePart part) => new(part.Message.AsSpan(NLMSG_HDRLEN + NFGENMSG_LEN));
}
