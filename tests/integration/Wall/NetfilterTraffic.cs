using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace RateWall.IntegrationTests.Wall;

/// <summary>A message to or from nf_tables.</summary>
/// <param name="Sent">True: it went to the kernel; false: it came from there.</param>
/// <param name="Kind">NFT_MSG_*, without the prefix.</param>
/// <param name="Family">The address family of the table (NFPROTO_*).</param>
/// <param name="Table">The table it names; null: none.</param>
/// <param name="Everything">True: it asks for everything of a kind (NLM_F_DUMP).</param>
internal sealed record NetfilterMessage(bool Sent, string Kind, byte Family, string? Table, bool Everything)
{
    private const byte NfprotoInet = 1; // NFPROTO_INET, linux/netfilter.h

    /// <summary>True when it is about the wall and nothing else, or about no table at all.</summary>
    public bool IsOfTheWall =>
        Kind is "GETGEN" or "NEWGEN"
        // The kernel filters by table all it is asked for, but chains.
        || ((Family, Table) == (NfprotoInet, "ratewall") && !(Sent && Everything && Kind == "GETCHAIN"));
}

/// <summary>
/// Every message that a program sent to nf_tables or received, by itself and through libnftables: read from strace's dump of the
/// bytes, not from its words, which leave most of a batch out.
/// </summary>
internal static class NetfilterTraffic
{
    /// <summary>What strace(1) has to be told.</summary>
    public static IEnumerable<string> Options(string trace) =>
        ["-f", "-qq", "-yy", "-o", trace, "-e", "trace=sendmsg,sendto,recvmsg,recvfrom,write,read", "-e", "signal=none", "-e", "write=all", "-e", "read=all"];

    // linux/netfilter/nfnetlink.h, linux/netfilter/nf_tables.h (enum nf_tables_msg_types)
    private const int NFNL_SUBSYS_NFTABLES = 10;
    private const int Headers = 20; // nlmsghdr and nfgenmsg

    private static readonly string[] Kinds =
    [
        "NEWTABLE", "GETTABLE", "DELTABLE", "NEWCHAIN", "GETCHAIN", "DELCHAIN", "NEWRULE", "GETRULE", "DELRULE", "NEWSET", "GETSET", "DELSET",
        "NEWSETELEM", "GETSETELEM", "DELSETELEM", "NEWGEN", "GETGEN", "TRACE", "NEWOBJ", "GETOBJ", "DELOBJ", "GETOBJ_RESET",
        "NEWFLOWTABLE", "GETFLOWTABLE", "DELFLOWTABLE", "GETRULE_RESET", "DESTROYTABLE", "DESTROYCHAIN", "DESTROYRULE", "DESTROYSET",
        "DESTROYSETELEM", "DESTROYOBJ", "DESTROYFLOWTABLE", "GETSETELEM_RESET",
    ];

    /// <summary>The messages, in order.</summary>
    public static IReadOnlyList<NetfilterMessage> Read(string trace)
    {
        var messages = new List<NetfilterMessage>();
        var bytes = new List<byte>();
        var unfinished = new Dictionary<string, bool>(StringComparer.Ordinal);
        bool ours = false, sent = false;
        foreach (string line in File.ReadLines(trace))
        {
            if (line.StartsWith(" | ", StringComparison.Ordinal))
            {
                if (ours) bytes.AddRange(Dumped(line));
                continue;
            }

            if (line.StartsWith(" * ", StringComparison.Ordinal)) continue;
            messages.AddRange(Messages(bytes, sent));
            bytes.Clear();
            string thread = line.Split(' ', 2)[0];
            // A call that another thread's line cuts in two is dumped behind its second half.
            ours = line.Contains("NETLINK:[NETFILTER:", StringComparison.Ordinal) || (line.Contains(" resumed>", StringComparison.Ordinal) && unfinished.GetValueOrDefault(thread));
            unfinished[thread] = ours;
            string call = line.TrimStart("0123456789 ".ToCharArray());
            sent = (call.StartsWith("<... ", StringComparison.Ordinal) ? call[5..] : call) is ['s' or 'w', ..];
        }

        messages.AddRange(Messages(bytes, sent));
        return messages;
    }

    // " | 00010  00 00 00 00                                       ....             |"
    private static IEnumerable<byte> Dumped(string line)
    {
        int first = line.IndexOf("  ", 3, StringComparison.Ordinal) + 2;
        return line[first..(first + (16 * 3) + 1)].Split(' ', StringSplitOptions.RemoveEmptyEntries)
            .Select(b => byte.Parse(b, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture));
    }

    private static List<NetfilterMessage> Messages(List<byte> bytes, bool sent)
    {
        var found = new List<NetfilterMessage>();
        for (ReadOnlySpan<byte> rest = bytes.ToArray(); !rest.IsEmpty;)
        {
            int length = BinaryPrimitives.ReadInt32LittleEndian(rest);
            Assert.InRange(length, 16, rest.Length);
            if (rest[5] == NFNL_SUBSYS_NFTABLES) found.Add(Message(rest[..length], sent));
            rest = rest[Math.Min(rest.Length, Aligned(length))..];
        }

        return found;
    }

    private static NetfilterMessage Message(ReadOnlySpan<byte> message, bool sent)
    {
        string? table = null;
        for (ReadOnlySpan<byte> attributes = message[Headers..]; attributes.Length >= 4;)
        {
            int length = BinaryPrimitives.ReadUInt16LittleEndian(attributes);
            Assert.InRange(length, 4, attributes.Length);
            // The table's name is attribute 1 of every message that names one.
            if ((BinaryPrimitives.ReadUInt16LittleEndian(attributes[2..]) & 0x3fff) == 1) table = Encoding.UTF8.GetString(attributes[4..length]).TrimEnd('\0');
            attributes = attributes[Math.Min(attributes.Length, Aligned(length))..];
        }

        const int NLM_F_DUMP = 0x300;
        return new(sent, Kinds[message[4]], message[16], table, (BinaryPrimitives.ReadUInt16LittleEndian(message[6..]) & NLM_F_DUMP) == NLM_F_DUMP);
    }

    private static int Aligned(int length) => (length + 3) & ~3;
}
