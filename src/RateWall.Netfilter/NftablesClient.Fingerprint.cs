using System.Globalization;
using System.Text;
using static RateWall.Netfilter.KernelHeaders;

namespace RateWall.Netfilter;

/// <content>A table's frame in few words.</content>
public sealed partial class NftablesClient
{
    /// <summary>
    /// A table's frame, one line for each chain, rule and named set with a fingerprint of what it says: "chain early 5f…", "rule 14
    /// of chain early 83…", "set ban4 0c…". Left out are the elements of sets and what changes by itself: values of named
    /// counters, numbers of elements and of references; a counter inside a rule is not. The kernel's handles make it good for one
    /// boot, and what was deleted and made again alike is another frame. No element is read: it takes as long for a million
    /// of them as for none.
    /// </summary>
    /// <exception cref="NetfilterException">There is no such table, among others.</exception>
    public string DescribeFrame(TableName table) => pipeline.Execute(() =>
    {
        string operation = $"read the frame of {table}";
        MustExist(operation, table);
        var frame = new StringBuilder();
        DescribeParts(operation, table, NFT_MSG_GETCHAIN, NFT_MSG_NEWCHAIN, [NFTA_CHAIN_USE, NFTA_CHAIN_COUNTERS], frame);
        DescribeParts(operation, table, NFT_MSG_GETRULE, NFT_MSG_NEWRULE, [NFTA_RULE_POSITION], frame);
        DescribeParts(operation, table, NFT_MSG_GETSET, NFT_MSG_NEWSET, [NFTA_SET_COUNT], frame);
        return frame.ToString();
    });

    private void DescribeParts(string operation, TableName table, ushort request, ushort answer, ushort[] left, StringBuilder frame) =>
        Dump(operation, Request(request, table), answer, (in NetlinkMessage message) =>
        {
            // The owner is attribute 1 everywhere; kernels differ in whether they filter by table.
            string? owner = null;
            string name = "", chain = "";
            ulong handle = 0, hash = 14_695_981_039_346_656_037; // FNV-1a, 64 bits: against accidents, root is not kept from forging it
            bool anonymous = false;
            AttributeReader attributes = message.Attributes();
            while (attributes.Next())
            {
                ushort type = attributes.Type;
                if (type == NFTA_TABLE_NAME) owner = attributes.Text();
                else if (answer == NFT_MSG_NEWCHAIN && type == NFTA_CHAIN_NAME) name = attributes.Text();
                else if (answer == NFT_MSG_NEWRULE && type == NFTA_RULE_CHAIN) chain = attributes.Text();
                else if (answer == NFT_MSG_NEWRULE && type == NFTA_RULE_HANDLE) handle = attributes.U64();
                else if (answer == NFT_MSG_NEWSET && type == NFTA_SET_NAME) name = attributes.Text();
                else if (answer == NFT_MSG_NEWSET && type == NFTA_SET_FLAGS) anonymous = (attributes.U32() & NFT_SET_ANONYMOUS) != 0;
                if (left.Contains(type)) continue;
                hash = Mix(hash, (byte)type);
                foreach (byte b in attributes.Payload) hash = Mix(hash, b);
            }

            MustBeWhole(operation, attributes);
            // A set without a name belongs to one rule, comes and goes with it, and cannot be changed.
            if (owner != table.Name || anonymous) return;
            string part = answer switch
            {
                NFT_MSG_NEWCHAIN => $"chain {name}",
                NFT_MSG_NEWRULE => $"rule {handle} of chain {chain}",
                _ => $"set {name}",
            };
            frame.Append(CultureInfo.InvariantCulture, $"{part} {hash:x16}\n");
        });

    private static ulong Mix(ulong hash, byte value) => unchecked((hash ^ value) * 1_099_511_628_211);
}
