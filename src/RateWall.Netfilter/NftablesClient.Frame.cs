using static RateWall.Netfilter.KernelHeaders;

namespace RateWall.Netfilter;

/// <content>A table's frame: what is in it, but for the elements of its sets.</content>
public sealed partial class NftablesClient
{
    /// <summary>How many chains are asked for at once; their answers fit into the smallest receive buffer there is.</summary>
    private const int ChainsAtOnce = 16;

    /// <summary>Names of the table's chains, in the order in which they were made.</summary>
    /// <param name="table">The table.</param>
    /// <param name="expected">See <see cref="DescribeFrame"/>.</param>
    /// <exception cref="NetfilterException">There is no such table, among others.</exception>
    public IReadOnlyList<string> ListChains(TableName table, IReadOnlyCollection<string> expected) => retry.Execute(() =>
    {
        TableFrame frame = ReadFrame(table, expected);
        if (frame.Table is null) throw KernelError.Refused($"list the chains of {table}", ENOENT);
        return (IReadOnlyList<string>)[.. frame.Chains.Select(c => c.Name)];
    });

    /// <summary>
    /// A table's frame, one line for each chain, rule and named set with a fingerprint of what it says: "chain early 5f…", "rule 14
    /// of chain early 83…", "set ban4 0c…". Left out are the elements of sets and what changes by itself: values of named
    /// counters, numbers of elements and of references; a counter inside a rule is not. The kernel's handles make it good for one
    /// boot, and what was deleted and made again alike is another frame. No element is read: it takes as long for a million
    /// of them as for none.
    /// </summary>
    /// <param name="table">The table.</param>
    /// <param name="expected">
    /// Names of chains that are probably there. The kernel gives sets, rules and objects of one table, but chains only one by one, or
    /// those of every table of the family. So each is asked for by its name, which its rules tell, or the rules that lead to it, or
    /// this list. Only where the table has a chain that none of them knows (one that somebody made and left empty), which its count
    /// of references tells, all chains are asked for, and those of other tables passed over.
    /// </param>
    /// <exception cref="NetfilterException">There is no such table, among others.</exception>
    public string DescribeFrame(TableName table, IReadOnlyCollection<string> expected) => retry.Execute(() =>
    {
        TableFrame frame = ReadFrame(table, expected);
        return frame.Table is null ? throw KernelError.Refused($"read the frame of {table}", ENOENT) : frame.Describe();
    });

    /// <summary>Reads a table in one generation; when that moves meanwhile, the exception is a transient one.</summary>
    internal TableFrame ReadFrame(TableName table, IReadOnlyCollection<string> expected)
    {
        string operation = $"read the frame of {table}";
        byte[] generationMessage = [];
        uint generation = ReadGeneration(message => generationMessage = message);
        if (ReadTable(table) is not { } found) return new(table, generation) { GenerationMessage = generationMessage };

        List<FramePart> sets = ReadParts(operation, table, NFT_MSG_GETSET, NFT_MSG_NEWSET, NFTA_SET_NAME);
        List<FramePart> objects = ReadParts(operation, table, NFT_MSG_GETOBJ, NFT_MSG_NEWOBJ, NFTA_OBJ_NAME);
        List<FramePart> flowtables = ReadFlowtables(operation, table);
        List<FramePart> rules = ReadParts(operation, table, NFT_MSG_GETRULE, NFT_MSG_NEWRULE, NFTA_RULE_CHAIN, NFTA_RULE_HANDLE);
        HashSet<string> names = new(expected, StringComparer.Ordinal);
        foreach (FramePart rule in rules)
        {
            names.Add(rule.Name);
            AddTargets(rule, names);
        }

        List<FramePart> chains = ReadChains(operation, table, names);
        // NFTA_TABLE_USE counts what is in the table, but for rules, and sets that belong to one (nf_tables_commit, NFT_MSG_NEWSET).
        if (found.Use != (ulong)(chains.Count + sets.Count(s => !TableFrame.IsAnonymous(s)) + objects.Count + flowtables.Count))
        {
            // A commit in between makes a difference too, and is no reason to ask for everybody's.
            if (ReadGeneration() != generation) throw NetlinkExchange.Torn(operation);
            chains = ReadParts(operation, table, NFT_MSG_GETCHAIN, NFT_MSG_NEWCHAIN, NFTA_CHAIN_NAME, NFTA_CHAIN_HANDLE);
        }

        if (ReadGeneration() != generation) throw NetlinkExchange.Torn(operation);
        chains.Sort((a, b) => a.Handle.CompareTo(b.Handle));
        return new(table, generation)
        {
            GenerationMessage = generationMessage,
            Table = found.Part,
            Chains = chains,
            Sets = sets,
            Objects = objects,
            Flowtables = flowtables,
            Rules = rules,
        };
    }

    private (FramePart Part, uint? Use)? ReadTable(TableName table)
    {
        string operation = $"look for {table}";
        (FramePart, uint?)? found = null;
        Acknowledgement answer = Ask(operation, Request(NFT_MSG_GETTABLE, table), NFT_MSG_NEWTABLE, (in NetlinkMessage message) =>
        {
            uint? use = null;
            AttributeReader attributes = message.Attributes();
            while (attributes.Next())
            {
                if (attributes.Type == NFTA_TABLE_USE) use = attributes.U32();
            }

            MustBeWhole(operation, attributes);
            found = (new(message.Whole.ToArray(), table.Name, 0), use);
        });
        if (answer.Errno == ENOENT) return null;
        MustSucceed(operation, answer);
        return found;
    }

    // Linux before 4.16 has no flow tables, and answers EINVAL to the question.
    private List<FramePart> ReadFlowtables(string operation, TableName table)
    {
        try
        {
            return ReadParts(operation, table, NFT_MSG_GETFLOWTABLE, NFT_MSG_NEWFLOWTABLE, NFTA_FLOWTABLE_NAME);
        }
        catch (NetfilterException e) when (e.Errno is EINVAL or EOPNOTSUPP)
        {
            return [];
        }
    }

    private List<FramePart> ReadParts(string operation, TableName table, ushort request, ushort answer, ushort nameType, ushort handleType = 0)
    {
        var parts = new List<FramePart>();
        Dump(operation, Request(request, table), answer, (in NetlinkMessage message) =>
        {
            if (ReadPart(operation, table, message, nameType, handleType) is { } part) parts.Add(part);
        });
        return parts;
    }

    /// <summary>Null for a part of another table: an old kernel may not look at the table it is asked for.</summary>
    private static FramePart? ReadPart(string operation, TableName table, in NetlinkMessage message, ushort nameType, ushort handleType)
    {
        string? owner = null, name = null;
        ulong handle = 0;
        AttributeReader attributes = message.Attributes();
        while (attributes.Next())
        {
            // The owner is attribute 1 everywhere.
            if (attributes.Type == NFTA_TABLE_NAME) owner = attributes.Text();
            else if (attributes.Type == nameType) name = attributes.Text();
            else if (attributes.Type == handleType) handle = attributes.U64();
        }

        MustBeWhole(operation, attributes);
        return owner == table.Name && message.Body[0] == (byte)table.Family && name is not null ? new(message.Whole.ToArray(), name, handle) : null;
    }

    private List<FramePart> ReadChains(string operation, TableName table, IEnumerable<string> names)
    {
        var chains = new List<FramePart>();
        foreach (string[] some in names.Chunk(ChainsAtOnce))
        {
            MessageBytes[] requests = [.. some.Select(n => Request(NFT_MSG_GETCHAIN, table, (ref MessageWriter writer) => writer.Text(NFTA_CHAIN_NAME, n)))];
            exchange.AskEach(operation, requests, NfTables(NFT_MSG_NEWCHAIN), (in NetlinkMessage message) =>
            {
                if (ReadPart(operation, table, message, NFTA_CHAIN_NAME, NFTA_CHAIN_HANDLE) is { } chain) chains.Add(chain);
            });
        }

        return chains;
    }

    /// <summary>Chains that a rule jumps or goes to by itself; a verdict map's are elements, and not read.</summary>
    private static void AddTargets(FramePart rule, HashSet<string> names)
    {
        AttributeReader attributes = new(rule.Message.AsSpan(NLMSG_HDRLEN + NFGENMSG_LEN));
        if (!TryEnter(ref attributes, NFTA_RULE_EXPRESSIONS, out AttributeReader expressions)) return;
        while (expressions.Next())
        {
            AttributeReader expression = expressions.Nested();
            bool immediate = false;
            while (expression.Next())
            {
                if (expression.Type == NFTA_EXPR_NAME) immediate = expression.Payload.TrimEnd((byte)0).SequenceEqual("immediate"u8);
                if (expression.Type != NFTA_EXPR_DATA || !immediate) continue;
                AttributeReader immediately = expression.Nested();
                if (TryEnter(ref immediately, NFTA_IMMEDIATE_DATA, out AttributeReader value)
                    && TryEnter(ref value, NFTA_DATA_VERDICT, out AttributeReader verdict)
                    && TryEnter(ref verdict, NFTA_VERDICT_CHAIN, out _)) names.Add(verdict.Text());
            }
        }
    }

    private static bool TryEnter(ref AttributeReader attributes, ushort type, out AttributeReader inner)
    {
        while (attributes.Next())
        {
            if (attributes.Type != type) continue;
            inner = attributes.Nested();
            return true;
        }

        inner = default;
        return false;
    }
}
