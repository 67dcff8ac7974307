using System.Text;
using static RateWall.Netfilter.KernelHeaders;

namespace RateWall.Netfilter;

/// <content>Questions to nf_tables.</content>
public sealed partial class NftablesClient
{
    private delegate void RequestWriter(ref MessageWriter writer);

    /// <summary>
    /// A request about a table. The table's name is attribute 1 in every enum of nf_tables.h (NFTA_TABLE_NAME,
    /// NFTA_SET_TABLE, NFTA_SET_ELEM_LIST_TABLE, NFTA_OBJ_TABLE); without a name none is written.
    /// </summary>
    private static MessageBytes Request(ushort operation, TableName table, RequestWriter? more = null)
    {
        byte[] buffer = new byte[1024];
        var writer = new MessageWriter(buffer);
        int message = writer.BeginMessage(NfTables(operation), NLM_F_REQUEST, 0, table.Family);
        if (table.Name is { } name)
        {
            MustBeName(name);
            writer.Text(NFTA_TABLE_NAME, name);
        }

        more?.Invoke(ref writer);
        writer.EndMessage(message);
        return writer.Overflowed
            ? throw new NetfilterException("write a request to nf_tables", EMSGSIZE, $"it is longer than {buffer.Length} bytes")
            : new(buffer, writer.Length);
    }

    private static void MustBeName(string name)
    {
        int length = Encoding.UTF8.GetByteCount(name);
        if (length is 0 or >= NFT_NAME_MAXLEN || name.Contains('\0', StringComparison.Ordinal))
            throw new NetfilterException("name a table or a set", EINVAL, $"a name has 1 to {NFT_NAME_MAXLEN - 1} bytes and no NUL, this one has {length}");
    }

    private Acknowledgement Ask(string operation, MessageBytes request, ushort answerType, AnswerReader reader) =>
        exchange.Ask(operation, request, NfTables(answerType), reader);

    private void Dump(string operation, MessageBytes request, ushort answerType, AnswerReader reader) =>
        exchange.Dump(operation, request, NfTables(answerType), reader);
}
