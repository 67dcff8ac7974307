using static RateWall.Netfilter.KernelHeaders;

namespace RateWall.Netfilter;

/// <content>A table's frame as a number.</content>
public sealed partial class NftablesClient
{
    /// <summary>
    /// A fingerprint of a table's chains, rules and sets, without the elements of sets and the values of named counters. It
    /// holds the kernel's handles, so it is good for one boot, and what was deleted and made again alike is another frame.
    /// A counter inside a rule changes it. No element is read: it takes as long for a million of them as for none.
    /// </summary>
    /// <exception cref="NetfilterException">There is no such table, among others.</exception>
    public ulong FingerprintFrame(TableName table) => pipeline.Execute(() =>
    {
        string operation = $"read the frame of {table}";
        MustExist(operation, table);
        ulong hash = 14_695_981_039_346_656_037; // FNV-1a, 64 bits: against accidents, root is not kept from forging it
        Digest(operation, table, NFT_MSG_GETCHAIN, NFT_MSG_NEWCHAIN, NFTA_CHAIN_COUNTERS, ref hash);
        Digest(operation, table, NFT_MSG_GETRULE, NFT_MSG_NEWRULE, left: null, ref hash);
        Digest(operation, table, NFT_MSG_GETSET, NFT_MSG_NEWSET, NFTA_SET_COUNT, ref hash);
        return hash;
    });

    private void Digest(string operation, TableName table, ushort request, ushort answer, ushort? left, ref ulong hash)
    {
        ulong digest = hash;
        Dump(operation, Request(request, table), answer, (in NetlinkMessage message) =>
        {
            // The owner is attribute 1 everywhere; kernels differ in whether they filter by table.
            bool own = false;
            ulong one = digest;
            AttributeReader attributes = message.Attributes();
            while (attributes.Next())
            {
                if (attributes.Type == NFTA_TABLE_NAME) own = attributes.Text() == table.Name;
                if (attributes.Type == left) continue;
                one = Mix(one, (byte)attributes.Type);
                foreach (byte b in attributes.Payload) one = Mix(one, b);
            }

            MustBeWhole(operation, attributes);
            if (own) digest = one;
        });
        hash = digest;
    }

    private static ulong Mix(ulong hash, byte value) => unchecked((hash ^ value) * 1_099_511_628_211);
}
